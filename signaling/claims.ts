// What a token claims: the schema of its payload and grants, and the names of people and rooms.
// RFC 7519 s4.1 for the registered claims. Called by: tokens.ts, rooms.ts.

import { z } from 'zod';
import { LIMITS } from './protocol.ts';

/** No control characters (they forge log lines and hide in lists), no halves of surrogate pairs. */
const printable = (max: number): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${max}}$`, 'u'),
      `expected 1 to ${max} characters, none of them a control character`,
    );

export const identity: z.ZodString = printable(128);
export const roomName: z.ZodString = printable(128);
export const displayName: z.ZodString = printable(256);

/** Strict: a misspelt grant must not quietly leave a default in force. */
export const grants = z.strictObject({
  /** The one room that the token is for. */
  room: roomName.optional(),
  roomJoin: z.boolean().default(false),
  canPublish: z.boolean().default(true),
  canSubscribe: z.boolean().default(true),
  canPublishData: z.boolean().default(true),
  roomAdmin: z.boolean().default(false),
  /** Left out: seen by the others, unless it only looks on over WHEP. */
  hidden: z.boolean().optional(),
  /** For development: may have its own connection go wrong, with `simulate`. */
  simulate: z.boolean().default(false),
});

/** A NumericDate, RFC 7519 s2: seconds, possibly with a fraction. */
const numericDate = z.number().min(0);

export const claims = z.object({
  iss: z.string(),
  sub: identity,
  exp: numericDate,
  nbf: numericDate.optional(),
  jti: z.string().min(1).max(128).optional(),
  name: displayName.optional(),
  metadata: z.string().max(LIMITS.metaBytes).optional(),
  attributes: z.record(z.string().min(1).max(128), z.string()).optional(),
  grants,
});

/** Of tokens as server SDKs of LiveKit make them for the API; what else they have in `video` is for joining there. */
export const videoClaims = z.object({
  ...claims.pick({ iss: true, exp: true, nbf: true, jti: true }).shape,
  sub: identity.optional(),
  video: z.object({
    room: roomName.optional(),
    roomAdmin: z.boolean().default(false),
    roomCreate: z.boolean().default(false),
    roomList: z.boolean().default(false),
  }),
});

export type GrantsInput = z.input<typeof grants>;
export type Grants = z.output<typeof grants>;
export type Claims = z.output<typeof claims>;
