// API keys over HTTP: POST /v1/keys makes one and shows its secret this once, GET lists them without, DELETE revokes
// one.
// Called by: http-server.ts; where keys are kept is the callbacks' business.

import { z } from 'zod';
import { keyGrants } from '../../shared/keys/key-store.ts';
import type { Caller } from '../caller.ts';
import { NAME_MAX } from '../limits.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** Ten years; who wants one for good leaves it out. */
const EXPIRY_SECONDS_MAX = 10 * 366 * 86_400;

const keyRequest = z.strictObject({
  /** For people. */
  name: z.string().min(1).max(NAME_MAX).optional(),
  /** Left out: everything, and it signs tokens. With them it signs none. */
  grants: keyGrants.optional(),
  expiresInSeconds: z.int().min(1).max(EXPIRY_SECONDS_MAX).optional(),
});

const keyInfo = z.object({
  key: z.string(),
  name: z.string().nullable(),
  grants: keyGrants.nullable(),
  /** Unix time, milliseconds; null of a key of the configuration. */
  createdAt: z.number().nullable(),
  expiresAt: z.number().nullable(),
  /** `configuration`: revoked by taking it out there. */
  origin: z.enum(['configuration', 'api']),
});

const newKey = keyInfo.extend({ secret: z.string() });

export type KeyRequest = z.output<typeof keyRequest>;
export type KeyInfo = z.input<typeof keyInfo>;

/** What is refused is thrown, or rejected with, as GatewayProblem. */
export interface KeysApi {
  list(): readonly KeyInfo[];
  make(caller: Caller, request: KeyRequest): Promise<z.input<typeof newKey>>;
  revoke(caller: Caller, key: string): Promise<void>;
}

export function keyRoutes(api: KeysApi): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/keys',
      summary: 'Makes an API key; its secret is in this answer and in no other.',
      access: 'server-admin',
      body: keyRequest.prefault({}),
      response: { 201: newKey },
      handler: async ({ body, caller, reply }) => reply(201, await api.make(caller, body)),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/keys',
      summary: 'Lists the API keys, without their secrets.',
      access: 'server-admin',
      response: { 200: z.object({ keys: z.array(keyInfo) }) },
      handler: ({ reply }) => reply(200, { keys: [...api.list()] }),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/keys/{key}',
      summary: 'Revokes an API key, and with it all tokens that it has signed.',
      access: 'server-admin',
      params: z.object({ key: z.string() }),
      response: { 204: z.undefined() },
      handler: async ({ params, caller, reply }) => {
        await api.revoke(caller, params.key);
        return reply(204, undefined);
      },
    }),
  ];
}
