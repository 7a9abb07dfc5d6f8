// Third-party authorization (RFC 7635 s7, s9): an authorization server that shares keys with this one issues
// tokens, and who has one may relay until it is over. Called by: authentication. Stores nothing of a token.

import { decodeAccessToken, MAC_KEY_BYTES_SHA256 } from '../shared/stun/access-token.ts';
import { userHash } from '../shared/stun/credentials.ts';

/** RFC 7635 s7: what clocks may differ by, the recommended Delta. */
const DELTA_SECONDS = 5;

/**
 * coturn, server and client, makes MESSAGE-INTEGRITY with this much of the 20 bytes, the size of its long-term keys.
 * RFC 7635 s5 means all of them; who has the token has both.
 */
const COTURN_KEY_BYTES = 16;

export interface ThirdPartyOptions {
  /** What THIRD-PARTY-AUTHORIZATION says, and what tokens are bound to (RFC 7635 s6.1, s6.2). */
  readonly serverName: string;
  /** The keys shared with authorization servers by their kid: 32 bytes for A256GCM, 16 for A128GCM. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
}

/** What a token gives who presents it. */
export interface TokenGrant {
  readonly kid: string;
  /** What its requests may be signed with: the session key, and what coturn makes of it. */
  readonly keys: readonly Uint8Array[];
  /** MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY: the length of the key decides (RFC 7635 s6.2). */
  readonly sha256: boolean;
  /** Monotonic milliseconds; no allocation outlives it. */
  readonly expiresAt: number;
}

export class ThirdParty {
  readonly serverName: string;
  readonly #aad: Uint8Array;
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #kids: ReadonlyMap<string, string>;

  /** Throws TypeError for a kid that OpaqueString refuses. */
  constructor({ serverName, keys }: ThirdPartyOptions, realm: string) {
    this.serverName = serverName;
    this.#aad = Buffer.from(serverName, 'utf8');
    this.#keys = new Map(Object.entries(keys));
    this.#kids = new Map(
      Object.keys(keys).map((kid) => [Buffer.from(userHash(kid, realm)).toString('hex'), kid]),
    );
  }

  /** The kid behind a USERHASH value: clients of RFC 8489 s9.2.3.1 hide names where the server offers it. */
  kidOf(hash: Uint8Array): string | undefined {
    return this.#kids.get(Buffer.from(hash).toString('hex'));
  }

  /**
   * What the token grants, its integrity and its time checked (RFC 7635 s7); undefined, without saying why, otherwise.
   * @param wall Unix milliseconds
   */
  verify(kid: string, token: Uint8Array, wall: number, now: number): TokenGrant | undefined {
    const key = this.#keys.get(kid);
    const content = key === undefined ? undefined : decodeAccessToken(token, key, this.#aad);
    if (content === undefined) return undefined;
    const { macKey, issuedAtMs, lifetimeSeconds } = content;
    // lifetime + Delta > abs(RDnew - TS), in whole seconds.
    const age = Math.floor(Math.abs(wall - issuedAtMs) / 1000);
    // RFC 7635 s9: allocations live no longer than the lifetime of the token, Delta or not.
    const left = Math.min(lifetimeSeconds + DELTA_SECONDS - age, lifetimeSeconds);
    if (left <= 0) return undefined;
    const sha256 = macKey.length === MAC_KEY_BYTES_SHA256;
    const keys = sha256 ? [macKey] : [macKey, macKey.subarray(0, COTURN_KEY_BYTES)];
    return { kid, keys, sha256, expiresAt: now + left * 1000 };
  }
}
