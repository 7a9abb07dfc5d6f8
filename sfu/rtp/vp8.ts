// The VP8 payload descriptor and the frame header behind it (RFC 7741 s4.2, s4.3), read in place, with what a
// forwarder numbers anew written over. Called by: publications, subscriptions. Allocates: nothing.

import { put16, uint16 } from './words.ts';

// RFC 7741 s4.2: the first byte; the byte of the extensions; the picture ID's length; TID, Y and KEYIDX.
const EXTENDED_BIT = 0x80;
const NON_REFERENCE_BIT = 0x20;
const START_BIT = 0x10;
const PARTITION_MASK = 0x07;
const HAS_PICTURE_ID = 0x80;
const HAS_TL0PICIDX = 0x40;
const HAS_TID = 0x20;
const HAS_KEYIDX = 0x10;
const LONG_PICTURE_ID_BIT = 0x80;
const LAYER_SYNC_BIT = 0x20;
const KEYIDX_MASK = 0x1f;

/** RFC 7741 s4.3: P, which is 0 in a key frame. */
const INTER_FRAME_BIT = 0x01;
/** The frame tag, the start code and two times 16 bits (RFC 6386 s9.1). */
const KEY_FRAME_HEADER_BYTES = 10;

/** Picture IDs have 7 or 15 bits, TL0PICIDX 8, KEYIDX 5. */
export const VP8_LONG_PICTURE_ID_MASK = 0x7fff;
export const VP8_SHORT_PICTURE_ID_MASK = 0x7f;

export class Vp8Descriptor {
  /** The packet begins partition 0: the frame begins here. */
  startOfFrame = false;
  nonReference = false;
  /** -1 where it is not there, as all that follow. */
  pictureId = -1;
  tl0PicIdx = -1;
  temporalLayer = -1;
  keyIdx = -1;
  /** Y: this frame depends on the base layer alone. */
  layerSync = false;
  keyFrame = false;
  /** Of a key frame, 0 otherwise. */
  width = 0;
  height = 0;
  /** Bytes before the frame. */
  descriptorBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #pictureIdAt = -1;
  #longPictureId = false;
  #tl0PicIdxAt = -1;
  #keyIdxAt = -1;

  /** Takes a payload; false where the descriptor is cut off. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#clear();
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) return false;
    const end = offset + length;
    this.#bytes = bytes;
    const first = bytes[offset]!;
    let at = offset + 1;
    if ((first & EXTENDED_BIT) !== 0) {
      at = this.#readExtensions(bytes, at, end);
      if (at < 0) {
        this.#clear();
        return false;
      }
    }
    this.nonReference = (first & NON_REFERENCE_BIT) !== 0;
    this.startOfFrame = (first & START_BIT) !== 0 && (first & PARTITION_MASK) === 0;
    this.descriptorBytes = at - offset;
    if (this.startOfFrame && at < end) this.#readFrameHeader(bytes, at, end);
    return true;
  }

  /** Writes another picture ID over the one that was read, in the length that it has there. */
  writePictureId(value: number): void {
    if (this.#pictureIdAt < 0) return;
    if (this.#longPictureId) {
      put16(this.#bytes, this.#pictureIdAt, 0x8000 | (value & VP8_LONG_PICTURE_ID_MASK));
    } else this.#bytes[this.#pictureIdAt] = value & VP8_SHORT_PICTURE_ID_MASK;
  }

  /** What the picture ID counts up to: 15 or 7 bits of it, 0 where there is none. */
  get pictureIdMask(): number {
    if (this.#pictureIdAt < 0) return 0;
    return this.#longPictureId ? VP8_LONG_PICTURE_ID_MASK : VP8_SHORT_PICTURE_ID_MASK;
  }

  writeTl0PicIdx(value: number): void {
    if (this.#tl0PicIdxAt >= 0) this.#bytes[this.#tl0PicIdxAt] = value;
  }

  writeKeyIdx(value: number): void {
    const at = this.#keyIdxAt;
    if (at >= 0) this.#bytes[at] = (this.#bytes[at]! & ~KEYIDX_MASK) | (value & KEYIDX_MASK);
  }

  #clear(): void {
    this.startOfFrame = false;
    this.nonReference = false;
    this.pictureId = -1;
    this.tl0PicIdx = -1;
    this.temporalLayer = -1;
    this.keyIdx = -1;
    this.layerSync = false;
    this.keyFrame = false;
    this.width = 0;
    this.height = 0;
    this.descriptorBytes = 0;
    this.#pictureIdAt = -1;
    this.#tl0PicIdxAt = -1;
    this.#keyIdxAt = -1;
  }

  /** Where the frame begins; -1 where the descriptor does not end before. */
  #readExtensions(bytes: Uint8Array, start: number, end: number): number {
    if (start >= end) return -1;
    const present = bytes[start]!;
    let at = start + 1;
    if ((present & HAS_PICTURE_ID) !== 0) {
      if (at >= end) return -1;
      this.#pictureIdAt = at;
      this.#longPictureId = (bytes[at]! & LONG_PICTURE_ID_BIT) !== 0;
      if (this.#longPictureId && at + 1 >= end) return -1;
      this.pictureId = this.#longPictureId
        ? uint16(bytes, at) & VP8_LONG_PICTURE_ID_MASK
        : bytes[at]!;
      at += this.#longPictureId ? 2 : 1;
    }
    if ((present & HAS_TL0PICIDX) !== 0) {
      if (at >= end) return -1;
      this.tl0PicIdx = bytes[at]!;
      this.#tl0PicIdxAt = at++;
    }
    if ((present & (HAS_TID | HAS_KEYIDX)) !== 0) {
      if (at >= end) return -1;
      const layer = bytes[at]!;
      if ((present & HAS_TID) !== 0) {
        this.temporalLayer = layer >> 6;
        this.layerSync = (layer & LAYER_SYNC_BIT) !== 0;
      }
      if ((present & HAS_KEYIDX) !== 0) {
        this.keyIdx = layer & KEYIDX_MASK;
        this.#keyIdxAt = at;
      }
      at++;
    }
    return at;
  }

  #readFrameHeader(bytes: Uint8Array, at: number, end: number): void {
    this.keyFrame = (bytes[at]! & INTER_FRAME_BIT) === 0;
    if (!this.keyFrame || at + KEY_FRAME_HEADER_BYTES > end) return;
    // RFC 6386 s9.1: the start code, then 14 bits each, little-endian, above them two of scaling.
    if (bytes[at + 3] !== 0x9d || bytes[at + 4] !== 0x01 || bytes[at + 5] !== 0x2a) return;
    this.width = ((bytes[at + 7]! << 8) | bytes[at + 6]!) & 0x3fff;
    this.height = ((bytes[at + 9]! << 8) | bytes[at + 8]!) & 0x3fff;
  }
}
