// Who asks: the bearer of a WHIP or WHEP request (RFC 9725 s4.7.1) is a join token, or `name:secret` of an API key,
// which may do everything in every room. Called by: whip-endpoint.ts.

import { hash } from 'node:crypto';
import { isSecret } from '../../shared/keys/key-source.ts';
import type { KeySource } from '../../shared/keys/key-source.ts';
import { roomName } from '../claims.ts';
import type { Permissions } from '../protocol.ts';
import { refusal } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import type { TokenVerifier } from '../tokens.ts';

export interface Bearer {
  /** Who the token says it is; null for an API key. */
  readonly identity: string | null;
  readonly name: string | null;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** `hidden` is null where the token does not say. */
  readonly perm: Omit<Permissions, 'hidden'> & { readonly hidden: boolean | null };
  /** Undefined for an API key. */
  readonly token: { readonly id: string; readonly expiresAt: number } | undefined;
}

const API_KEY: Bearer = {
  identity: null,
  name: null,
  metadata: '',
  attributes: {},
  perm: {
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    roomAdmin: false,
    hidden: null,
  },
  token: undefined,
};

const NO_BEARER: Refusal = refusal(
  'TOKEN_INVALID',
  'Send "Authorization: Bearer" with a join token, or with <name>:<secret> of an API key',
);
const WRONG_KEY: Refusal = refusal('TOKEN_INVALID', 'There is no API key of that name and secret');

export class Bearers {
  readonly #tokens: TokenVerifier;
  readonly #keys: KeySource;

  constructor(tokens: TokenVerifier, keys: KeySource) {
    this.#tokens = tokens;
    this.#keys = keys;
  }

  /** Who it is and what it may do in that room. */
  check(bearer: string | undefined, room: string): Bearer | Refusal {
    if (bearer === undefined) return NO_BEARER;
    // A JWT has no colon (RFC 7515 s3.1).
    const colon = bearer.indexOf(':');
    if (colon < 0) return this.#token(bearer, room);
    const secret = this.#keys.secretOf(bearer.slice(0, colon));
    if (!isSecret(bearer.slice(colon + 1), secret)) return WRONG_KEY;
    return roomName.safeParse(room).success
      ? API_KEY
      : refusal('NOT_FOUND', 'No room has that name');
  }

  #token(bearer: string, room: string): Bearer | Refusal {
    const token = this.#tokens.check(bearer);
    if ('reason' in token) return token;
    const { grants, identity, name, metadata, attributes } = token;
    if (!grants.roomJoin || grants.room === undefined) {
      return refusal('NOT_ALLOWED', 'The token does not grant roomJoin for a room');
    }
    if (grants.room !== room) return refusal('NOT_ALLOWED', 'The token is for another room');
    const { canPublish, canSubscribe, canPublishData, roomAdmin, hidden = null } = grants;
    const perm = { canPublish, canSubscribe, canPublishData, roomAdmin, hidden };
    return { identity, name, metadata, attributes, perm, token };
  }
}

/** RFC 9725 s4.7.1: requests to a session carry what the one that made it carried. In constant time. */
export function bearerDigest(bearer: string): Buffer {
  return hash('sha256', bearer, 'buffer');
}
