// Operating the server over HTTP: GET /v1/drain tells whether it drains and who is left, POST /v1/drain begins or ends
// that, POST /v1/reload reads the configuration anew.
// Called by: http-server.ts; who may do it and what it comes to are the callbacks' business.

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bearerOf } from '../bearer.ts';
import { parseBody } from './body.ts';

const drainRequest = z.strictObject({ on: z.boolean() });

/** The body of the answers. */
export interface DrainStatus {
  readonly draining: boolean;
  /** Who is left. */
  readonly participants: number;
  readonly allocations: number;
}

/** The body of the answer: dotted names of keys that have changed. */
export interface ReloadAnswer {
  readonly applied: readonly string[];
  readonly needRestart: readonly string[];
}

/** Each throws or rejects with a GatewayProblem when the token does not allow it. */
export interface OperateApi {
  drainStatus(token: string): DrainStatus;
  drain(token: string, on: boolean): DrainStatus;
  /** Rejects with a GatewayProblem that says what is wrong with the configuration. */
  reload(token: string): Promise<ReloadAnswer>;
}

export function operateRoutes(app: FastifyInstance, api: OperateApi): void {
  app.get('/v1/drain', (request, reply) => {
    void reply.header('cache-control', 'no-store');
    return api.drainStatus(bearerOf(request));
  });
  app.post('/v1/drain', (request, reply) => {
    const token = bearerOf(request);
    void reply.header('cache-control', 'no-store');
    return api.drain(token, parseBody(drainRequest, request.body).on);
  });
  app.post('/v1/reload', (request, reply) => {
    void reply.header('cache-control', 'no-store');
    return api.reload(bearerOf(request));
  });
}
