// The long-term credential mechanism as the server runs it: RFC 8489 s9.2.4, its checks in its order.
// Nothing is stored for a client that has not passed it; replies before that are capped by source network.

import { INTEGRITY_SHA256_BYTES } from '../shared/stun/integrity.ts';
import {
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_NONCE,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_PASSWORD_ALGORITHMS,
  ATTR_REALM,
  ATTR_USERHASH,
  ATTR_USERNAME,
  ERROR_BAD_REQUEST,
  ERROR_STALE_NONCE,
  ERROR_UNAUTHENTICATED,
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
} from '../shared/stun/registry.ts';
import {
  parseNonceCookie,
  SECURITY_FEATURE_PASSWORD_ALGORITHMS,
} from '../shared/stun/nonce-cookie.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { Credential } from './allocation.ts';
import type { CandidateKey } from './credentials.ts';
import { DROP_UNAUTHENTICATED_CAP } from './drop-reason.ts';
import type { Exchange } from './exchange.ts';
import { USERNAME_BYTES_MAX } from './limits.ts';
import type { TurnState } from './turn-state.ts';

/** In order of preference (RFC 8489 s14.11). */
export const PASSWORD_ALGORITHMS: readonly number[] = [
  PASSWORD_ALGORITHM_SHA256,
  PASSWORD_ALGORITHM_MD5,
];

/** The value of the attribute: number and parameter length of each. */
const PASSWORD_ALGORITHMS_VALUE: readonly number[] = PASSWORD_ALGORITHMS.flatMap((algorithm) => [
  algorithm >> 8,
  algorithm & 0xff,
  0,
  0,
]);

/** Stands in for the key of an unknown user, so that the check costs the same. */
const NO_KEY: CandidateKey = { key: new Uint8Array(32), user: '' };

/** Who sent the request of the exchange; undefined when it was refused, and so answered or dropped. */
export function authenticate(state: TurnState, exchange: Exchange): Credential | undefined {
  const { reader } = exchange;
  if (!reader.hasIntegrity && !reader.hasIntegritySha256) {
    challenge(state, exchange, ERROR_UNAUTHENTICATED);
    return undefined;
  }
  const nonce = reader.find(ATTR_NONCE);
  const realm = reader.find(ATTR_REALM);
  const named = reader.find(ATTR_USERNAME) >= 0 || reader.find(ATTR_USERHASH) >= 0;
  if (nonce < 0 || realm < 0 || !named) {
    refuse(state, exchange, ERROR_BAD_REQUEST);
    return undefined;
  }
  const algorithm = passwordAlgorithm(reader, nonce);
  if (algorithm < 0) {
    refuse(state, exchange, ERROR_BAD_REQUEST);
    return undefined;
  }
  const username = usernameOf(state, reader);
  const match = matchingKey(state, exchange, username, algorithm);
  if (match === undefined || username === undefined || !realmMatches(state, reader, realm)) {
    challenge(state, exchange, ERROR_UNAUTHENTICATED);
    return undefined;
  }
  if (!state.nonces.check(reader.view(nonce), exchange.client, exchange.now)) {
    challenge(state, exchange, ERROR_STALE_NONCE);
    return undefined;
  }
  exchange.key = match.key;
  // Bound to what the client offered, not to how it signed: see the last paragraph of RFC 8489 s9.2.4.
  exchange.sha256 = reader.find(ATTR_PASSWORD_ALGORITHM) >= 0;
  return { username, user: match.user };
}

/**
 * The password algorithm to use, or -1 if what the client says of it was tampered with. An attacker who strips
 * or alters PASSWORD-ALGORITHMS to force MD5 is found out here, since both lists are under the integrity check.
 */
function passwordAlgorithm(reader: StunReader, nonce: number): number {
  const one = reader.find(ATTR_PASSWORD_ALGORITHM);
  const list = reader.find(ATTR_PASSWORD_ALGORITHMS);
  const features = parseNonceCookie(reader.bytes, nonce, reader.lengthAt(nonce));
  if (features < 0 || (features & SECURITY_FEATURE_PASSWORD_ALGORITHMS) === 0) {
    return PASSWORD_ALGORITHM_MD5;
  }
  if (one < 0 && list < 0) return PASSWORD_ALGORITHM_MD5;
  if (one < 0 || list < 0 || !listIsOurs(reader, list)) return -1;
  const word = reader.lengthAt(one) === 4 ? reader.u32(one) : -1;
  // Neither of ours has parameters (RFC 8489 s18.5.1), so the length behind the number is 0.
  const algorithm = (word & 0xffff) === 0 ? word >>> 16 : -1;
  return PASSWORD_ALGORITHMS.includes(algorithm) ? algorithm : -1;
}

function listIsOurs(reader: StunReader, list: number): boolean {
  return (
    reader.lengthAt(list) === PASSWORD_ALGORITHMS_VALUE.length &&
    PASSWORD_ALGORITHMS_VALUE.every((byte, i) => reader.bytes[list + i] === byte)
  );
}

function usernameOf(state: TurnState, reader: StunReader): string | undefined {
  const username = reader.find(ATTR_USERNAME);
  if (username >= 0) {
    return reader.lengthAt(username) <= USERNAME_BYTES_MAX ? reader.text(username) : undefined;
  }
  return state.credentials.nameOf(reader.view(reader.find(ATTR_USERHASH)));
}

/**
 * The key that the integrity of the request was made with. A REST credential that has expired still serves the
 * allocation it made: its end is for new allocations, not for calls that are going on.
 */
function matchingKey(
  state: TurnState,
  exchange: Exchange,
  username: string | undefined,
  algorithm: number,
): CandidateKey | undefined {
  const { reader } = exchange;
  const mine =
    exchange.elsewhere ||
    (username !== undefined && exchange.allocation?.credential.username === username);
  const keys =
    username === undefined
      ? []
      : state.credentials.candidates(username, algorithm, state.options.clock.wall(), mine);
  for (const candidate of keys.length === 0 ? [NO_KEY] : keys) {
    const matches = reader.hasIntegritySha256
      ? checkWholeSha256(reader, candidate.key)
      : reader.checkIntegrity(candidate.key);
    if (matches && candidate !== NO_KEY) return candidate;
  }
  return undefined;
}

/** RFC 8489 s14.6: a usage has to allow truncation explicitly, and TURN does not. */
function checkWholeSha256(reader: StunReader, key: Uint8Array): boolean {
  const length = reader.lengthAt(reader.find(ATTR_MESSAGE_INTEGRITY_SHA256));
  return length === INTEGRITY_SHA256_BYTES && reader.checkIntegritySha256(key);
}

function realmMatches(state: TurnState, reader: StunReader, realm: number): boolean {
  return (
    reader.lengthAt(realm) <= 763 && reader.text(realm) === state.options.realm // RFC 8489 s14.9
  );
}

/** 401 and 438 carry what the client needs to try again (RFC 8489 s9.2.4). */
function challenge(state: TurnState, exchange: Exchange, code: number): void {
  if (!mayAnswer(state, exchange)) return;
  state.responder
    .beginError(exchange, code)
    .text(ATTR_REALM, state.options.realm)
    .text(ATTR_NONCE, state.nonces.mint(exchange.client, exchange.now))
    .passwordAlgorithms(PASSWORD_ALGORITHMS);
  state.responder.send(exchange);
}

function refuse(state: TurnState, exchange: Exchange, code: number): void {
  if (mayAnswer(state, exchange)) state.responder.refuse(exchange, code);
}

function mayAnswer(state: TurnState, exchange: Exchange): boolean {
  if (state.commons.cap.allow(exchange.client, exchange.now)) return true;
  state.drop(DROP_UNAUTHENTICATED_CAP);
  return false;
}
