// Where a decoder of H.264 can begin: the packet with the sequence parameter set (RFC 6184 s5.2 to s5.8).
// Called by: publications. Allocates: nothing. WebRTC's encoders send it before every IDR picture; to begin with the
// IDR slice would leave a decoder with the parameters of another layer.

import { uint16 } from './words.ts';

const TYPE_MASK = 0x1f;
/** RFC 6184 s1.3, table 1. */
const NAL_SPS = 7;
const NAL_STAP_A = 24;
const NAL_FU_A = 28;
/** The FU header (s5.8). */
const FU_START_BIT = 0x80;
const FU_HEADER_AT = 1;
const SIZE_BYTES = 2;

/** Whether a key frame begins in this payload. */
export function startsH264KeyFrame(bytes: Uint8Array, offset: number, length: number): boolean {
  if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) return false;
  const type = bytes[offset]! & TYPE_MASK;
  if (type === NAL_SPS) return true;
  if (type === NAL_FU_A) {
    if (length <= FU_HEADER_AT) return false;
    const header = bytes[offset + FU_HEADER_AT]!;
    return (header & FU_START_BIT) !== 0 && (header & TYPE_MASK) === NAL_SPS;
  }
  return type === NAL_STAP_A && aggregates(bytes, offset + 1, offset + length);
}

/** Whether one of the aggregated units is an SPS (s5.7.1); a size that lies ends them. */
function aggregates(bytes: Uint8Array, first: number, end: number): boolean {
  let at = first;
  while (at + SIZE_BYTES < end) {
    const size = uint16(bytes, at);
    at += SIZE_BYTES;
    if (size === 0 || at + size > end) return false;
    if ((bytes[at]! & TYPE_MASK) === NAL_SPS) return true;
    at += size;
  }
  return false;
}
