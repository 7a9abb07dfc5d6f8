// Where a decoder of AV1 can begin, by the payload (AV1 RTP specification s4.4) and by the dependency descriptor
// (appendix A), of which the mandatory part and the flags behind it are read.
// Called by: publications, subscriptions. Allocates: nothing.

import { uint16 } from './words.ts';

/** The aggregation header (s4.4): Z, Y, W, N. */
const CONTINUES_BIT = 0x80;
const NEW_SEQUENCE_BIT = 0x08;
const ELEMENT_COUNT_SHIFT = 4;
/** LEB128 in the AV1 bitstream has eight bytes at most (AV1 s4.10.5); a size of a packet needs three. */
const LEB128_BYTES_MAX = 8;
/** AV1 s6.2.2. */
const OBU_SEQUENCE_HEADER = 1;
const OBU_TEMPORAL_DELIMITER = 2;

/**
 * Whether a key frame begins in this payload: the first packet of a coded video sequence (s4.4), and that begins
 * with a sequence header, after a temporal delimiter where one was left in.
 */
export function startsAv1KeyFrame(bytes: Uint8Array, offset: number, length: number): boolean {
  if (!(offset >= 0 && length > 1 && offset + length <= bytes.length)) return false;
  const header = bytes[offset]!;
  if ((header & NEW_SEQUENCE_BIT) === 0 || (header & CONTINUES_BIT) !== 0) return false;
  const end = offset + length;
  // W: the last of so many elements has no length before it; 0 = all have one.
  const elements = (header >> ELEMENT_COUNT_SHIFT) & 3;
  let at = offset + 1;
  for (let i = 1; i <= 2; i++) {
    let size = end - at;
    if (i !== elements) {
      size = leb128(bytes, at, end);
      at += leb128Bytes(bytes, at, end);
    }
    if (size <= 0 || at + size > end) return false;
    const type = (bytes[at]! >> 3) & 15;
    if (type !== OBU_TEMPORAL_DELIMITER) return type === OBU_SEQUENCE_HEADER;
    at += size;
  }
  return false;
}

/** The value, or -1 where it does not end. */
function leb128(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + LEB128_BYTES_MAX);
  let value = 0;
  for (let at = start; at < last; at++) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * (at - start));
    if ((bytes[at]! & 0x80) === 0) return value;
  }
  return -1;
}

function leb128Bytes(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at]! & 0x80) !== 0) at++;
  return at + 1 - start;
}

/** Start and end of frame, template, frame number: 24 bits; then flags, if there is more (appendix A.8.2). */
const MANDATORY_BYTES = 3;
const START_OF_FRAME_BIT = 0x80;
const END_OF_FRAME_BIT = 0x40;
const TEMPLATE_MASK = 0x3f;
const STRUCTURE_BIT = 0x80;
const ACTIVE_TARGETS_BIT = 0x40;

/** The dependency descriptor that came with a packet. */
export class DependencyDescriptor {
  startOfFrame = false;
  endOfFrame = false;
  templateId = 0;
  frameNumber = 0;
  /** The template structure comes along, as it does with every key frame. */
  hasStructure = false;
  hasActiveDecodeTargets = false;

  /** Takes the value of the header extension; false where it is too short. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!(offset >= 0 && length >= MANDATORY_BYTES && offset + length <= bytes.length))
      return false;
    const first = bytes[offset]!;
    const flags = length > MANDATORY_BYTES ? bytes[offset + MANDATORY_BYTES]! : 0;
    this.startOfFrame = (first & START_OF_FRAME_BIT) !== 0;
    this.endOfFrame = (first & END_OF_FRAME_BIT) !== 0;
    this.templateId = first & TEMPLATE_MASK;
    this.frameNumber = uint16(bytes, offset + 1);
    this.hasStructure = (flags & STRUCTURE_BIT) !== 0;
    this.hasActiveDecodeTargets = (flags & ACTIVE_TARGETS_BIT) !== 0;
    return true;
  }

  /** Whether a decoder can begin with this packet. */
  get startsKeyFrame(): boolean {
    return this.startOfFrame && this.hasStructure;
  }
}
