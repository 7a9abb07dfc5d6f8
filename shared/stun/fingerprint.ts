// FINGERPRINT (RFC 8489 s14.7): the CRC-32 of ITU V.42, four bytes a step through four tables.
// Called by: StunReader, StunWriter. Allocates: 4 KiB of tables, once.

/** RFC 8489 s14.7: keeps the value apart from a CRC-32 that the payload itself may carry. */
const FINGERPRINT_XOR = 0x5354554e;

// T[0..255] is the byte table of the reversed polynomial; T[256 * k + b] is b followed by k zero bytes.
const T = new Int32Array(1024);
for (let b = 0; b < 256; b++) {
  let crc = b;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  T[b] = crc;
}
for (let i = 256; i < 1024; i++) {
  const crc = T[i - 256]!;
  T[i] = (crc >>> 8) ^ T[crc & 0xff]!;
}

/**
 * CRC-32 of `bytes[offset .. offset + length)` as a signed 32-bit integer, which, unlike an unsigned one,
 * never needs a heap number. Allocates nothing.
 */
export function crc32(bytes: Uint8Array, offset: number, length: number): number {
  let crc = -1;
  let at = offset;
  const end = offset + length;
  for (const whole = end - 3; at < whole; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      T[768 + (crc & 0xff)]! ^
      T[512 + ((crc >>> 8) & 0xff)]! ^
      T[256 + ((crc >>> 16) & 0xff)]! ^
      T[crc >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ T[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc;
}

/** The FINGERPRINT value of the message bytes before the attribute, signed as crc32. */
export function fingerprintOf(bytes: Uint8Array, offset: number, length: number): number {
  return crc32(bytes, offset, length) ^ FINGERPRINT_XOR;
}
