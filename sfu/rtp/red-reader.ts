// Reads the blocks of a redundant payload in place (RFC 2198 s3): earlier frames first, the newest last.
// Called by: Redundancy. Allocates: nothing.

/** Blocks of one payload, the newest included. Opus is sent with two or three. */
export const RED_BLOCKS_MAX = 16;

/** F, block PT, timestamp offset (14 bits), block length (10 bits); the last header is F = 0 and the PT alone. */
const HEADER_BYTES = 4;
const FOLLOWS_BIT = 0x80;

export class RedReader {
  /** Blocks of the last payload. */
  count = 0;
  readonly payloadTypes = new Uint8Array(RED_BLOCKS_MAX);
  /** To be subtracted from the timestamp of the packet. */
  readonly timestampOffsets = new Uint16Array(RED_BLOCKS_MAX);
  readonly offsets = new Int32Array(RED_BLOCKS_MAX);
  readonly lengths = new Int32Array(RED_BLOCKS_MAX);

  /** Takes a payload; false, with no blocks, where headers or lengths lie, or there are too many blocks. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    this.count = 0;
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) return false;
    const end = offset + length;
    let at = offset;
    let count = 0;
    let total = 0;
    while ((bytes[at]! & FOLLOWS_BIT) !== 0) {
      if (count === RED_BLOCKS_MAX - 1 || at + HEADER_BYTES >= end) return false;
      const tail = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
      this.payloadTypes[count] = bytes[at]! & ~FOLLOWS_BIT;
      this.timestampOffsets[count] = tail >> 10;
      this.lengths[count] = tail & 0x3ff;
      total += tail & 0x3ff;
      count++;
      at += HEADER_BYTES;
    }
    this.payloadTypes[count] = bytes[at]!;
    this.timestampOffsets[count] = 0;
    at++;
    this.lengths[count] = end - at - total;
    if (this.lengths[count]! < 0) return false;
    for (let i = 0; i <= count; i++) {
      this.offsets[i] = at;
      at += this.lengths[i]!;
    }
    this.count = count + 1;
    return true;
  }
}
