// Liveness and readiness for orchestrators: restart when /healthz fails, send no new clients while /readyz
// does.
// Called by: http-server.ts.

import { z } from 'zod';
import { GatewayProblem } from '../problem.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** `draining`: nobody new is taken, and those who are here go on. `closing`: they were told to go. */
export const SERVER_STATES = ['starting', 'ready', 'draining', 'closing'] as const;
export type ServerState = (typeof SERVER_STATES)[number];

export interface HealthOptions {
  version: string;
  /** False when a part that the server cannot do without has died. */
  healthy(): boolean;
  state(): ServerState;
}

export function healthRoutes(options: HealthOptions): Route[] {
  const { version } = options;
  return [
    defineRoute({
      method: 'GET',
      path: '/healthz',
      summary: 'Whether the server lives: restart it when this fails.',
      access: 'public',
      unlimited: true,
      response: { 200: z.object({ status: z.literal('ok'), version: z.string() }) },
      handler: ({ reply }) => {
        if (options.healthy()) return reply(200, { status: 'ok', version });
        throw new GatewayProblem(
          503,
          'INTERNAL',
          'The media worker has stopped; restart the server.',
        );
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/readyz',
      summary: 'Whether the server takes new clients: send it none while this fails.',
      access: 'public',
      unlimited: true,
      response: { 200: z.object({ status: z.literal('ready'), version: z.string() }) },
      handler: ({ reply }) => {
        const problem = notReady(options);
        if (problem) throw problem;
        return reply(200, { status: 'ready', version });
      },
    }),
  ];
}

/** Why no new client is taken on right now, or undefined. */
export function notReady(options: HealthOptions): GatewayProblem | undefined {
  const isDraining = options.state() === 'draining';
  return isDraining ? refuse('DRAINING', 'takes nobody new') : notServing(options);
}

/** Why not even those are served who are here already, or undefined. */
export function notServing(options: HealthOptions): GatewayProblem | undefined {
  const state = options.state();
  if (state === 'starting') return refuse('STARTING', 'is starting');
  if (state === 'closing') return refuse('DRAINING', 'is shutting down');
  return options.healthy() ? undefined : refuse('INTERNAL', 'has lost its media worker');
}

function refuse(reason: string, why: string): GatewayProblem {
  const detail = `The server ${why}; retry shortly.`;
  return new GatewayProblem(503, reason, detail, { 'retry-after': '5' });
}
