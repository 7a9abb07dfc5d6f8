// TURN over HTTP: GET /v1/turn/allocations lists them, GET and DELETE of one tell of it and end it, and POST
// /v1/turn/credentials mints one as draft-uberti-behave-turn-rest-00 has it.
// Called by: http-server.ts; what an allocation is is the callbacks' business.

import { z } from 'zod';
import { Coalesced } from '../../shared/coalesced.ts';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import type { Caller } from '../caller.ts';
import type { TellClient } from '../forwarded.ts';
import { CREDENTIAL_SECONDS_MAX, LISTED_MAX, NAME_MAX } from '../limits.ts';
import { nextPage, pageQuery } from '../page-query.ts';
import type { PageQuery } from '../page-query.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const LISTED = 100;

/** Draft s2.2 recommends a day. */
const CREDENTIAL_SECONDS = 86_400;

const listQuery = pageQuery(LISTED, LISTED_MAX);

const credentialRequest = z.strictObject({
  user: z
    .string()
    .min(1)
    .max(NAME_MAX)
    .refine((name) => opaqueString(name) !== undefined, { error: 'has control characters' })
    .optional(),
  ttl: z.int().min(1).max(CREDENTIAL_SECONDS_MAX).default(CREDENTIAL_SECONDS),
});

export type ListQuery = PageQuery;
export type CredentialRequest = z.output<typeof credentialRequest>;

const channel = z.object({ number: z.int(), peer: z.string(), expiresInSeconds: z.number() });

const permission = z.object({ peer: z.string(), expiresInSeconds: z.number() });

const allocation = z.object({
  id: z.string(),
  worker: z.int(),
  user: z.string(),
  client: z.string(),
  transport: z.enum(['udp', 'tcp', 'tls', 'dtls']),
  relayed: z.array(z.string()).readonly(),
  createdAt: z.number(),
  expiresInSeconds: z.number(),
  permissions: z.int(),
  channels: z.int(),
  sentPackets: z.number(),
  sentBytes: z.number(),
  receivedPackets: z.number(),
  receivedBytes: z.number(),
});

const allocationList = z.object({
  allocations: z.array(allocation).readonly(),
  next: nextPage,
  unanswered: z.array(z.int()).readonly(),
});

const allocationDetails = allocation.extend({
  permissions: z.array(permission).readonly(),
  channels: z.array(channel).readonly(),
});

/** Draft s2.2. */
const turnCredential = z.object({
  username: z.string(),
  password: z.string(),
  /** Seconds. */
  ttl: z.int(),
  uris: z.array(z.string()).readonly(),
});

const oneAllocation = z.object({ id: z.string() });

export type TurnCredential = Readonly<z.output<typeof turnCredential>>;

/** Each throws or rejects with a GatewayProblem when there is nothing to answer. */
export interface TurnApi {
  list(query: ListQuery): Promise<z.output<typeof allocationList>>;
  describe(id: string): Promise<z.output<typeof allocationDetails>>;
  end(caller: Caller, id: string): Promise<void>;
  /** @param requestHost the Host header, or the empty text */
  mint(caller: Caller, request: CredentialRequest, requestHost: string): TurnCredential;
}

export function turnRoutes(api: TurnApi, clientOf: TellClient): Route[] {
  const coalesced = new Coalesced();
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/turn/allocations',
      summary: 'Lists the TURN allocations of all media workers.',
      access: 'server-admin',
      query: listQuery,
      response: { 200: allocationList },
      handler: async ({ query, request, reply }) =>
        reply(200, await coalesced.once(request.url, () => api.list(query))),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/turn/allocations/{id}',
      summary: 'One TURN allocation, with its permissions and channels.',
      access: 'server-admin',
      params: oneAllocation,
      response: { 200: allocationDetails },
      handler: async ({ params, request, reply }) =>
        reply(200, await coalesced.once(request.url, () => api.describe(params.id))),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/turn/allocations/{id}',
      summary: 'Ends a TURN allocation.',
      access: 'server-admin',
      params: oneAllocation,
      response: { 204: z.undefined() },
      handler: async ({ params, caller, reply }) => {
        await api.end(caller, params.id);
        return reply(204, undefined);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/turn/credentials',
      summary: 'Mints a TURN credential with the first of turn.secrets.',
      access: 'server-admin',
      body: credentialRequest.prefault({}),
      response: { 200: turnCredential },
      handler: ({ body, caller, request, reply }) =>
        reply(200, api.mint(caller, body, clientOf(request.raw).host)),
    }),
  ];
}
