// Where a decoder of AV1 can begin, by the payload (AV1 RTP specification s4.4).
// Called by: publications, subscriptions. Allocates: nothing.

/** The aggregation header (s4.4): Z, Y, W, N. */
const CONTINUES_BIT = 0x80;
const NEW_SEQUENCE_BIT = 0x08;
const ELEMENT_COUNT_SHIFT = 4;
/** LEB128 in the AV1 bitstream has eight bytes at most (AV1 s4.10.5); a size of a packet needs three. */
const LEB128_BYTES_MAX = 8;
/** AV1 s5.3.2, s6.2.2. */
const OBU_EXTENSION_BIT = 0x04;
const OBU_SIZE_BIT = 0x02;
const OBU_SEQUENCE_HEADER = 1;
const OBU_TEMPORAL_DELIMITER = 2;
const OBU_FRAME_HEADER = 3;
const OBU_FRAME = 6;
/** Looked at until there is a frame: a delimiter, a sequence header, some metadata. */
const ELEMENTS_MAX = 8;
/** AV1 s5.9.2, where a frame header begins: show_existing_frame 0, frame_type KEY_FRAME. */
const FRAME_TYPE_SHIFT = 5;
const KEY_FRAME = 0;

/**
 * Whether a key frame begins in this payload: with a sequence header, after a temporal delimiter where one was left
 * in, and then a key frame. Where the packet ends before that shows, N tells (s4.4). It alone does not: rtpav1pay of
 * gst-plugins-rs set it once a stream until version 0.13, libdatachannel sets it with every sequence header.
 */
export function startsAv1KeyFrame(bytes: Uint8Array, offset: number, length: number): boolean {
  if (!(offset >= 0 && length > 1 && offset + length <= bytes.length)) return false;
  const header = bytes[offset]!;
  if ((header & CONTINUES_BIT) !== 0) return false;
  const end = offset + length;
  // W: the last of so many elements has no length before it; 0 = all have one.
  const elements = (header >> ELEMENT_COUNT_SHIFT) & 3;
  let hasSequenceHeader = false;
  let at = offset + 1;
  for (let i = 1; i <= ELEMENTS_MAX && at < end; i++) {
    let size = end - at;
    if (i !== elements) {
      size = leb128(bytes, at, end);
      at += leb128Bytes(bytes, at, end);
    }
    if (size <= 0 || at + size > end) return false;
    const type = (bytes[at]! >> 3) & 15;
    if (type === OBU_SEQUENCE_HEADER) hasSequenceHeader = true;
    else if (!hasSequenceHeader && (type !== OBU_TEMPORAL_DELIMITER || i > 1)) return false;
    else if (type === OBU_FRAME || type === OBU_FRAME_HEADER) {
      const frameType = frameTypeAt(bytes, at, at + size);
      if (frameType >= 0) return frameType === KEY_FRAME;
    }
    at += size;
  }
  return hasSequenceHeader && (header & NEW_SEQUENCE_BIT) !== 0;
}

/** The first three bits of the frame header in this OBU, or -1 where it ends before. */
function frameTypeAt(bytes: Uint8Array, obu: number, end: number): number {
  const flags = bytes[obu]!;
  let at = obu + ((flags & OBU_EXTENSION_BIT) === 0 ? 1 : 2);
  if ((flags & OBU_SIZE_BIT) !== 0) at += leb128Bytes(bytes, at, end);
  return at < end ? bytes[at]! >> FRAME_TYPE_SHIFT : -1;
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
