// HMAC keys of the short- and long-term credential mechanisms (RFC 8489 s9.1.1, s9.2.2, s18.5.1) and
// USERHASH (s14.4). Called by: TURN credentials, ICE. Allocates: a key or a hash.

import { createHash } from 'node:crypto';
import { opaqueString } from './opaque-string.ts';
import { PASSWORD_ALGORITHM_MD5, PASSWORD_ALGORITHM_SHA256 } from './registry.ts';

type Prepare = (text: string) => string | undefined;

/**
 * The long-term key: 16 bytes for PASSWORD_ALGORITHM_MD5, 32 for PASSWORD_ALGORITHM_SHA256. The user name
 * is taken as it came in USERNAME; realm and password are prepared here, by `saslPrep` instead for an RFC
 * 5389 client. Throws TypeError for an unknown algorithm and for a realm or password that the preparation
 * refuses.
 */
export function longTermKey(
  algorithm: number,
  username: string,
  realm: string,
  password: string,
  prepare: Prepare = opaqueString,
): Uint8Array {
  const name = unquoted(withoutNulls(username));
  const preparedRealm = prepared('realm', unquoted(withoutNulls(realm)), prepare);
  const preparedPassword = prepared('password', withoutNulls(password), prepare);
  return createHash(hashOf(algorithm))
    .update(`${name}:${preparedRealm}:${preparedPassword}`)
    .digest();
}

/** The short-term key: the password itself (RFC 8489 s9.1.1). Throws TypeError when it is refused. */
export function shortTermKey(password: string, prepare: Prepare = opaqueString): Uint8Array {
  return Buffer.from(prepared('password', password, prepare), 'utf8');
}

/** The 32 bytes of USERHASH (RFC 8489 s14.4). Throws TypeError when OpaqueString refuses one of the two. */
export function userHash(username: string, realm: string): Uint8Array {
  const name = prepared('user name', username, opaqueString);
  return createHash('sha256')
    .update(`${name}:${prepared('realm', realm, opaqueString)}`)
    .digest();
}

function hashOf(algorithm: number): 'md5' | 'sha256' {
  if (algorithm === PASSWORD_ALGORITHM_MD5) return 'md5';
  if (algorithm === PASSWORD_ALGORITHM_SHA256) return 'sha256';
  throw new TypeError(`unknown password algorithm ${algorithm}`);
}

function prepared(what: string, text: string, prepare: Prepare): string {
  const result = prepare(text);
  if (result === undefined)
    throw new TypeError(`the ${what} is empty or has a forbidden character`);
  return result;
}

// RFC 8489 s9.2.2: quotes and trailing nulls are not part of the fields.
function withoutNulls(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
}

function unquoted(text: string): string {
  const quoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  return quoted ? text.slice(1, -1) : text;
}
