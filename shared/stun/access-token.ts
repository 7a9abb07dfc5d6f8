// The self-contained token of ACCESS-TOKEN (RFC 7635 s6.2): nonce, then the session key of a client and its time,
// encrypted by the authorization server with a key that it shares with this server.
// Called by: TURN authentication (decode), tests and tools (encode). Allocates: what node:crypto needs for one AEAD.

import { createCipheriv, createDecipheriv } from 'node:crypto';

/** RFC 5116 s5.1, s5.2: what AEAD_AES_128_GCM and AEAD_AES_256_GCM take, no more and no less. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Before the ciphertext: nonce_length and nonce. */
const PREFIX_BYTES = 2 + NONCE_BYTES;

/** In the encrypted block: key_length, timestamp and lifetime. */
const FIXED_BYTES = 2 + 8 + 4;

/** The session keys there are: their length says which HMAC they are for (RFC 7635 s6.2, hash agility). */
export const MAC_KEY_BYTES_SHA1 = 20;
export const MAC_KEY_BYTES_SHA256 = 32;

/** A timestamp counts seconds, and 64000ths of one in its last 16 bits (RFC 7635 s6.2). */
const FRACTIONS_PER_MS = 64;

/** What the encrypted block says. */
export interface AccessToken {
  /** The key of MESSAGE-INTEGRITY (20 bytes) or of MESSAGE-INTEGRITY-SHA256 (32 bytes). */
  readonly macKey: Uint8Array;
  /** When it was issued, Unix milliseconds. */
  readonly issuedAtMs: number;
  readonly lifetimeSeconds: number;
}

type Cipher = 'aes-128-gcm' | 'aes-256-gcm';

/** A256GCM or A128GCM by the length of the key, 32 or 16 bytes. Throws TypeError for another one. */
function cipherOf(key: Uint8Array): Cipher {
  if (key.length === 32) return 'aes-256-gcm';
  if (key.length === 16) return 'aes-128-gcm';
  throw new TypeError(`a token key of ${key.length} bytes`);
}

/**
 * What a token says, or undefined for anything that this key did not encrypt for this server name. Tokens come in two
 * sizes, one for each length of session key, so nothing else costs a decryption. Never throws for any token.
 */
export function decodeAccessToken(
  token: Uint8Array,
  key: Uint8Array,
  serverName: Uint8Array,
): AccessToken | undefined {
  const macKeyBytes = token.length - PREFIX_BYTES - FIXED_BYTES - TAG_BYTES;
  if (macKeyBytes !== MAC_KEY_BYTES_SHA1 && macKeyBytes !== MAC_KEY_BYTES_SHA256) return undefined;
  if (token[0] !== 0 || token[1] !== NONCE_BYTES) return undefined;
  const block = decrypt(token, key, serverName);
  if (block === undefined || block.readUInt16BE(0) !== macKeyBytes) return undefined;
  const at = 2 + macKeyBytes;
  return {
    macKey: block.subarray(2, at),
    issuedAtMs: block.readUIntBE(at, 6) * 1000 + block.readUInt16BE(at + 6) / FRACTIONS_PER_MS,
    lifetimeSeconds: block.readUInt32BE(at + 8),
  };
}

function decrypt(token: Uint8Array, key: Uint8Array, serverName: Uint8Array): Buffer | undefined {
  const end = token.length - TAG_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const nonce = token.subarray(2, PREFIX_BYTES);
  const decipher = createDecipheriv(cipherOf(key), key, nonce, options);
  decipher.setAAD(serverName).setAuthTag(token.subarray(end));
  const block = decipher.update(token.subarray(PREFIX_BYTES, end));
  try {
    decipher.final();
  } catch {
    return undefined; // FAIL of RFC 5116 s2.2: the inputs are not authentic
  }
  return block;
}

/**
 * The token that an authorization server would issue. Its nonce, 12 bytes, must never have been used with this key.
 * Throws TypeError for a nonce, session key or key of another length.
 */
export function encodeAccessToken(
  { macKey, issuedAtMs, lifetimeSeconds }: AccessToken,
  key: Uint8Array,
  serverName: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  if (macKey.length !== MAC_KEY_BYTES_SHA1 && macKey.length !== MAC_KEY_BYTES_SHA256) {
    throw new TypeError(`a session key of ${macKey.length} bytes`);
  }
  if (nonce.length !== NONCE_BYTES) throw new TypeError(`a nonce of ${nonce.length} bytes`);
  const block = Buffer.alloc(macKey.length + FIXED_BYTES);
  block.writeUInt16BE(macKey.length, 0);
  block.set(macKey, 2);
  const at = 2 + macKey.length;
  const seconds = Math.floor(issuedAtMs / 1000);
  block.writeUIntBE(seconds, at, 6);
  block.writeUInt16BE(Math.floor((issuedAtMs - seconds * 1000) * FRACTIONS_PER_MS), at + 6);
  block.writeUInt32BE(lifetimeSeconds, at + 8);
  const options = { authTagLength: TAG_BYTES };
  const cipher = createCipheriv(cipherOf(key), key, nonce, options).setAAD(serverName);
  const encrypted = cipher.update(block);
  cipher.final();
  return Buffer.concat([Buffer.of(0, NONCE_BYTES), nonce, encrypted, cipher.getAuthTag()]);
}
