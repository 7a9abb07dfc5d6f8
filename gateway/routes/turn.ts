// TURN over HTTP: GET /v1/turn/allocations lists them, GET and DELETE of one tell of it and end it, and POST
// /v1/turn/credentials mints one as draft-uberti-behave-turn-rest-00 has it.
// Called by: http-server.ts; who may do it and what an allocation is are the callbacks' business.

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import { bearerOf } from '../bearer.ts';
import { CREDENTIAL_SECONDS_MAX, LISTED_MAX, NAME_MAX } from '../limits.ts';
import { parseBody } from './body.ts';

const LISTED = 100;

/** Draft s2.2 recommends a day. */
const CREDENTIAL_SECONDS = 86_400;

/** Text of the query, so that a number has to be read from it. */
const listQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[0-9]{1,4}$/, { error: 'expected a number' })
    .transform(Number)
    .pipe(z.int().min(1).max(LISTED_MAX))
    .default(LISTED),
  after: z.string().min(1).max(64).optional(),
});

const credentialRequest = z.strictObject({
  user: z
    .string()
    .min(1)
    .max(NAME_MAX)
    .refine((name) => opaqueString(name) !== undefined, { error: 'has control characters' })
    .optional(),
  ttl: z.int().min(1).max(CREDENTIAL_SECONDS_MAX).default(CREDENTIAL_SECONDS),
});

export type ListQuery = z.output<typeof listQuery>;
export type CredentialRequest = z.output<typeof credentialRequest>;

/** Draft s2.2. */
export interface TurnCredential {
  readonly username: string;
  readonly password: string;
  /** Seconds. */
  readonly ttl: number;
  readonly uris: readonly string[];
}

/** Each throws or rejects with a GatewayProblem when the token does not allow it, or there is nothing to answer. */
export interface TurnApi {
  list(token: string, query: ListQuery): Promise<object>;
  describe(token: string, id: string): Promise<object>;
  end(token: string, id: string): Promise<void>;
  /** @param requestHost the Host header, or the empty text */
  mint(token: string, request: CredentialRequest, requestHost: string): TurnCredential;
}

interface AllocationRoute {
  Params: { id: string };
}

/** A path of one allocation. */
export const ALLOCATION_PATH = /^\/v1\/turn\/allocations\/[^/]+$/;

export function turnRoutes(app: FastifyInstance, api: TurnApi): void {
  app.get('/v1/turn/allocations', async (request, reply) => {
    const token = bearerOf(request);
    const list = await api.list(token, parseBody(listQuery, request.query));
    return reply.header('cache-control', 'no-store').send(list);
  });
  app.get<AllocationRoute>('/v1/turn/allocations/:id', async (request, reply) => {
    const allocation = await api.describe(bearerOf(request), request.params.id);
    return reply.header('cache-control', 'no-store').send(allocation);
  });
  app.delete<AllocationRoute>('/v1/turn/allocations/:id', async (request, reply) => {
    await api.end(bearerOf(request), request.params.id);
    return reply.code(204).send();
  });
  app.post('/v1/turn/credentials', (request, reply) => {
    const token = bearerOf(request);
    const wanted = parseBody(credentialRequest, request.body ?? {});
    void reply.header('cache-control', 'no-store');
    return api.mint(token, wanted, request.headers.host ?? '');
  });
}
