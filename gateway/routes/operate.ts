// Operating the server over HTTP: GET /v1/drain tells whether it drains and who is left, POST /v1/drain begins or ends
// that, POST /v1/reload reads the configuration anew.
// Called by: http-server.ts; what it comes to is the callbacks' business.

import { z } from 'zod';
import type { Caller } from '../caller.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const drainRequest = z.strictObject({
  on: z.boolean(),
  /** Which of several nodes, as GET /v1/nodes calls it; the one that is asked when left out. */
  node: z.string().min(1).max(64).optional(),
});

export const drainStatus = z.object({
  draining: z.boolean(),
  /** Who is left. */
  participants: z.int(),
  allocations: z.int(),
});

/** Dotted names of keys that have changed. */
const reloadAnswer = z.object({
  applied: z.array(z.string()).readonly(),
  needRestart: z.array(z.string()).readonly(),
});

export type DrainStatus = Readonly<z.output<typeof drainStatus>>;
export type ReloadAnswer = Readonly<z.output<typeof reloadAnswer>>;

export interface OperateApi {
  drainStatus(): DrainStatus;
  /** @param node that of several; rejects with a GatewayProblem where there is none of that id */
  drain(caller: Caller, on: boolean, node: string | undefined): Promise<DrainStatus>;
  /** Rejects with a GatewayProblem that says what is wrong with the configuration. */
  reload(caller: Caller): Promise<ReloadAnswer>;
}

export function operateRoutes(api: OperateApi): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/drain',
      summary: 'Tells whether the server drains, and who is left.',
      access: 'server-admin',
      response: { 200: drainStatus },
      handler: ({ reply }) => reply(200, api.drainStatus()),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/drain',
      summary: 'Takes nobody new from now on, or again.',
      access: 'server-admin',
      body: drainRequest,
      response: { 200: drainStatus },
      handler: async ({ body, caller, reply }) =>
        reply(200, await api.drain(caller, body.on, body.node)),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/reload',
      summary: 'Reads the configuration anew.',
      access: 'server-admin',
      response: { 200: reloadAnswer },
      handler: async ({ caller, reply }) => reply(200, await api.reload(caller)),
    }),
  ];
}
