// Where a decoder of H.265 can begin: the packet with the video or sequence parameter set (RFC 7798 s4.4).
// Called by: publications. Allocates: nothing. As for H.264, the parameter sets come before every IRAP picture.

import { uint16 } from './words.ts';

/** RFC 7798 s1.1.4: F, type (6 bits), layer and temporal ids. */
const NAL_HEADER_BYTES = 2;
/** s1.1.4, after table 7-1 of H.265; s4.4.2 and s4.4.3. */
const NAL_VPS = 32;
const NAL_SPS = 33;
const NAL_AP = 48;
const NAL_FU = 49;
const FU_START_BIT = 0x80;
const FU_TYPE_MASK = 0x3f;
const SIZE_BYTES = 2;

/** Whether a key frame begins in this payload. DONL fields are not there: nobody negotiates them (s4.4.1). */
export function startsH265KeyFrame(bytes: Uint8Array, offset: number, length: number): boolean {
  if (!(offset >= 0 && length >= NAL_HEADER_BYTES && offset + length <= bytes.length)) return false;
  const type = typeAt(bytes, offset);
  if (type === NAL_FU) {
    if (length <= NAL_HEADER_BYTES) return false;
    const header = bytes[offset + NAL_HEADER_BYTES]!;
    return (header & FU_START_BIT) !== 0 && isParameterSet(header & FU_TYPE_MASK);
  }
  if (type !== NAL_AP) return isParameterSet(type);
  return aggregates(bytes, offset + NAL_HEADER_BYTES, offset + length);
}

/** Whether one of the aggregated units is a parameter set (s4.4.2); a size that lies ends them. */
function aggregates(bytes: Uint8Array, first: number, end: number): boolean {
  let at = first;
  while (at + SIZE_BYTES < end) {
    const size = uint16(bytes, at);
    at += SIZE_BYTES;
    if (size < NAL_HEADER_BYTES || at + size > end) return false;
    if (isParameterSet(typeAt(bytes, at))) return true;
    at += size;
  }
  return false;
}

function typeAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! >> 1) & FU_TYPE_MASK;
}

function isParameterSet(type: number): boolean {
  return type === NAL_VPS || type === NAL_SPS;
}
