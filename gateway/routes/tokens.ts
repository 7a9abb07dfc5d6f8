// POST /v1/tokens: join tokens for the participants of a service that would rather ask than sign them itself.
// Called by: http-server.ts; what a token is is the callbacks' business.

import { z } from 'zod';
import type { Caller } from '../caller.ts';
import { METADATA_MAX, NAME_MAX } from '../limits.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** A week, as the longest that `sterna token` makes is good for: a token cannot be taken back but with its key. */
const TTL_SECONDS_MAX = 7 * 86_400;
const TTL_SECONDS = 3600;
const ATTRIBUTES_MAX = 64;

const grants = z.strictObject({
  canPublish: z.boolean().optional(),
  canSubscribe: z.boolean().optional(),
  canPublishData: z.boolean().optional(),
  roomAdmin: z.boolean().optional(),
  hidden: z.boolean().optional(),
  simulate: z.boolean().optional(),
});

const tokenRequest = z.strictObject({
  /** The one room that it is good for. */
  room: z.string().min(1).max(NAME_MAX),
  identity: z.string().min(1).max(NAME_MAX),
  name: z
    .string()
    .min(1)
    .max(2 * NAME_MAX)
    .optional(),
  metadata: z.string().max(METADATA_MAX).optional(),
  attributes: z
    .record(z.string().min(1).max(NAME_MAX), z.string().max(METADATA_MAX))
    .refine((all) => Object.keys(all).length <= ATTRIBUTES_MAX, {
      error: `expected at most ${ATTRIBUTES_MAX}`,
    })
    .optional(),
  /** What is left out is as in a token of `sterna token`. */
  grants: grants.default({}),
  ttlSeconds: z.int().min(1).max(TTL_SECONDS_MAX).default(TTL_SECONDS),
});

const minted = z.object({
  token: z.string(),
  /** Unix time, milliseconds. */
  expiresAt: z.number(),
});

export type JoinTokenRequest = z.output<typeof tokenRequest>;
export type MintedToken = z.input<typeof minted>;

/** What is refused is thrown as GatewayProblem. */
export interface TokensApi {
  mint(caller: Caller, request: JoinTokenRequest): MintedToken;
}

export function tokenRoute(api: TokensApi): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/tokens',
    summary:
      'Mints a token with which one participant joins one room, signed by the key that asks.',
    access: 'server-admin',
    body: tokenRequest,
    response: { 201: minted },
    handler: ({ body, caller, reply }) => reply(201, api.mint(caller, body)),
  });
}
