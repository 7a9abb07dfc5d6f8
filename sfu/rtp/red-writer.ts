// Writes a redundant payload (RFC 2198 s3): earlier frames first, the newest last. Called by: Redundancy.
// Allocates: nothing.

import { put16 } from './words.ts';

/** What a block of an earlier frame may say: 14 bits of its distance, 10 of its length. */
export const RED_OFFSET_MAX = 0x3fff;
export const RED_LENGTH_MAX = 0x3ff;
/** F, block PT, timestamp offset, block length; the newest frame's header is its payload type alone. */
export const RED_HEADER_BYTES = 4;
export const RED_LAST_HEADER_BYTES = 1;
const FOLLOWS_BIT = 0x80;
const LENGTH_BITS = 10;

/** The header of an earlier frame; returns where the next one goes. */
export function writeRedHeader(
  bytes: Uint8Array,
  at: number,
  payloadType: number,
  timestampOffset: number,
  length: number,
): number {
  const tail = (timestampOffset << LENGTH_BITS) | length;
  bytes[at] = FOLLOWS_BIT | payloadType;
  bytes[at + 1] = tail >> 16;
  put16(bytes, at + 2, tail & 0xffff);
  return at + RED_HEADER_BYTES;
}

/** The header of the newest frame. */
export function writeLastRedHeader(bytes: Uint8Array, at: number, payloadType: number): number {
  bytes[at] = payloadType;
  return at + RED_LAST_HEADER_BYTES;
}
