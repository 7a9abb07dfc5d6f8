// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 s14.5, s14.6): the HMAC of a message up to the
// attribute. Called by: StunReader, StunWriter. Allocates: what node:crypto needs for one HMAC (~1.5 us).

import { createHmac } from 'node:crypto';
import { HEADER_BYTES } from './registry.ts';

/** RFC 8489 s14.5. */
export const INTEGRITY_BYTES = 20;
/** RFC 8489 s14.6: the full value, and the shortest one a truncating usage may send. */
export const INTEGRITY_SHA256_BYTES = 32;
export const INTEGRITY_SHA256_BYTES_MIN = 16;

const header = new Uint8Array(HEADER_BYTES);

/**
 * The HMAC over the message at `offset` up to `end`, its length field read as `messageLength` (bytes after
 * the header, up to the end of the integrity attribute). The message itself is left as it is.
 */
export function messageIntegrity(
  hash: 'sha1' | 'sha256',
  key: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  end: number,
  messageLength: number,
): Uint8Array {
  for (let i = 0; i < HEADER_BYTES; i++) header[i] = bytes[offset + i]!;
  header[2] = messageLength >>> 8;
  header[3] = messageLength;
  return createHmac(hash, key)
    .update(header)
    .update(bytes.subarray(offset + HEADER_BYTES, end))
    .digest();
}
