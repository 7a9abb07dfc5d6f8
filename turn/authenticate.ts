// The long-term credential mechanism as the server runs it: RFC 8489 s9.2.4, its checks in its order, and within
// them those of a token in place of a password (RFC 7635 s7).
// Nothing is stored for a client that has not passed it; replies before that are capped by source network.

import { INTEGRITY_SHA256_BYTES } from '../shared/stun/integrity.ts';
import {
  ATTR_ACCESS_TOKEN,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_NONCE,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_PASSWORD_ALGORITHMS,
  ATTR_REALM,
  ATTR_THIRD_PARTY_AUTHORIZATION,
  ATTR_USERHASH,
  ATTR_USERNAME,
  ERROR_BAD_REQUEST,
  ERROR_SERVER_ERROR,
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
import { DROP_UNAUTHENTICATED_CAP, DROP_USER_LOOKUPS } from './drop-reason.ts';
import type { Exchange } from './exchange.ts';
import { USERNAME_BYTES_MAX } from './limits.ts';
import type { TokenGrant } from './third-party.ts';
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
  const standing = standingOf(state, exchange, username);
  if (standing === 'asked' && username !== undefined) {
    askFor(state, exchange, username, realm, nonce);
    return undefined;
  }
  if (standing === 'unavailable') {
    refuse(state, exchange, ERROR_SERVER_ERROR);
    return undefined;
  }
  const match = matchingKey(state, exchange, username, algorithm);
  if (match === undefined || username === undefined || !realmMatches(state, reader, realm)) {
    challenge(state, exchange, ERROR_UNAUTHENTICATED);
    return undefined;
  }
  if (!state.nonces.check(reader.view(nonce), exchange.client, exchange.now)) {
    challenge(state, exchange, ERROR_STALE_NONCE);
    return undefined;
  }
  const { key, user, grant } = match;
  exchange.key = key;
  // Bound to what the client offered, not to how it signed: see the last paragraph of RFC 8489 s9.2.4. A token's key
  // is for one of the two alone.
  exchange.sha256 = grant?.sha256 ?? reader.find(ATTR_PASSWORD_ALGORITHM) >= 0;
  return { username, user, grant };
}

/** A token says itself who may: nobody has to be asked for its kid. */
function standingOf(
  state: TurnState,
  { reader, allocation }: Exchange,
  username: string | undefined,
): ReturnType<TurnState['credentials']['standing']> {
  const byToken = reader.find(ATTR_ACCESS_TOKEN) >= 0 || allocation?.grant !== undefined;
  if (username === undefined || (byToken && state.thirdParty !== undefined)) return 'ours';
  return state.credentials.standing(username);
}

/** Has the request wait for its user's password, once its nonce has shown that the client is where it says. */
function askFor(
  state: TurnState,
  exchange: Exchange,
  username: string,
  realm: number,
  nonce: number,
): void {
  const { reader, listener, client, now } = exchange;
  if (!realmMatches(state, reader, realm)) {
    challenge(state, exchange, ERROR_UNAUTHENTICATED);
  } else if (!state.nonces.check(reader.view(nonce), client, now)) {
    challenge(state, exchange, ERROR_STALE_NONCE);
  } else {
    const { bytes, offset, length } = reader;
    const { outside } = state.credentials;
    if (outside?.wait(username, listener, client, bytes, offset, length, now) !== true) {
      state.drop(DROP_USER_LOOKUPS);
    }
  }
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
  const hash = reader.view(reader.find(ATTR_USERHASH));
  return state.credentials.nameOf(hash) ?? state.thirdParty?.kidOf(hash);
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
  const keys = username === undefined ? [] : candidateKeys(state, exchange, username, algorithm);
  for (const candidate of keys.length === 0 ? [NO_KEY] : keys) {
    const matches =
      (candidate.grant?.sha256 ?? reader.hasIntegritySha256)
        ? checkWholeSha256(reader, candidate.key)
        : reader.checkIntegrity(candidate.key);
    if (matches && candidate !== NO_KEY) return candidate;
  }
  return undefined;
}

/**
 * With ACCESS-TOKEN the key inside, and no other. Without it the key that the allocation lives by, since clients send
 * tokens in Allocate and Refresh alone (RFC 7635 s9), and the long-term keys of that name.
 */
function candidateKeys(
  state: TurnState,
  { reader, allocation, elsewhere, now }: Exchange,
  username: string,
  algorithm: number,
): readonly CandidateKey[] {
  const wall = state.options.clock.wall();
  const token = reader.find(ATTR_ACCESS_TOKEN);
  if (token >= 0 && state.thirdParty !== undefined) {
    const grant = state.thirdParty.verify(username, reader.view(token), wall, now);
    return grant === undefined ? [] : keysOf(grant);
  }
  const mine = elsewhere || allocation?.credential.username === username;
  const keys = state.credentials.candidates(username, algorithm, wall, mine);
  const grant = allocation?.grant;
  if (grant === undefined || grant.kid !== username) return keys;
  return [...keysOf(grant), ...keys];
}

function keysOf(grant: TokenGrant): readonly CandidateKey[] {
  return grant.keys.map((key) => ({ key, user: grant.kid, grant }));
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

/** 401 and 438 carry what the client needs to try again (RFC 8489 s9.2.4; RFC 7635 s6.1). */
function challenge(state: TurnState, exchange: Exchange, code: number): void {
  if (!mayAnswer(state, exchange)) return;
  const writer = state.responder
    .beginError(exchange, code)
    .text(ATTR_REALM, state.options.realm)
    .text(ATTR_NONCE, state.nonces.mint(exchange.client, exchange.now))
    .passwordAlgorithms(PASSWORD_ALGORITHMS);
  const { thirdParty } = state;
  if (thirdParty !== undefined) writer.text(ATTR_THIRD_PARTY_AUTHORIZATION, thirdParty.serverName);
  state.responder.send(exchange);
}

function refuse(state: TurnState, exchange: Exchange, code: number): void {
  if (mayAnswer(state, exchange)) state.responder.refuse(exchange, code);
}

function mayAnswer(state: TurnState, exchange: Exchange): boolean {
  if (state.commons.unauthenticatedCap.allow(exchange.client, exchange.now)) return true;
  state.drop(DROP_UNAUTHENTICATED_CAP);
  return false;
}
