// The RTP header's fixed part (RFC 3550 s5.1): its numbers, and how far a whole header reaches.
// Called by: RtpReader, SrtpReceiver. Allocates: nothing.

/** RFC 3550 s5.1. */
export const RTP_VERSION = 2;
export const FIXED_HEADER_BYTES = 12;
export const CSRC_BYTES = 4;
/** "Defined by profile" and the length of a header extension (RFC 3550 s5.3.1). */
export const EXTENSION_HEADER_BYTES = 4;
/** P, X and CC in the first byte, M in the second. */
export const PADDING_BIT = 0x20;
export const EXTENSION_BIT = 0x10;
export const CSRC_COUNT_MASK = 0x0f;
export const MARKER_BIT = 0x80;

/** The bytes before the payload, CSRCs and extension and all; -1 where `length` bytes do not begin with a header. */
export function rtpHeaderBytes(bytes: Uint8Array, offset: number, length: number): number {
  if (length < FIXED_HEADER_BYTES) return -1;
  const first = bytes[offset]!;
  if (first >> 6 !== RTP_VERSION) return -1;
  let header = FIXED_HEADER_BYTES + CSRC_BYTES * (first & CSRC_COUNT_MASK);
  if ((first & EXTENSION_BIT) !== 0) {
    if (header + EXTENSION_HEADER_BYTES > length) return -1;
    const words = (bytes[offset + header + 2]! << 8) | bytes[offset + header + 3]!;
    header += EXTENSION_HEADER_BYTES + 4 * words;
  }
  return header > length ? -1 : header;
}
