// The VP9 payload descriptor (RFC 9628 s4.2), read in place; picture ID and TL0PICIDX can be written over.
// Called by: publications, subscriptions. Allocates: nothing. Every list in it is bounded by its own count.

import { put16, uint16 } from './words.ts';

// RFC 9628 s4.2: I, P, L, F, B, E, V, Z.
const HAS_PICTURE_ID = 0x80;
const INTER_PICTURE_BIT = 0x40;
const HAS_LAYERS = 0x20;
const FLEXIBLE_BIT = 0x10;
const START_BIT = 0x08;
const END_BIT = 0x04;
const HAS_SCALABILITY = 0x02;
const NOT_REFERENCE_BIT = 0x01;
const LONG_PICTURE_ID_BIT = 0x80;
/** The byte of the layer indices: TID, U, SID, D. */
const SWITCHING_UP_BIT = 0x10;
const INTER_LAYER_BIT = 0x01;
/** P_DIFF ends with the one whose N is 0; there are three at most (s4.2). */
const ANOTHER_DIFFERENCE_BIT = 0x01;
const DIFFERENCES_MAX = 3;
/** The scalability structure: N_S, Y, G; then R in each picture of the group (s4.2.1). */
const HAS_SIZES = 0x10;
const HAS_GROUP = 0x08;
const SIZE_BYTES = 4;

const LONG_MASK = 0x7fff;
const SHORT_MASK = 0x7f;

export class Vp9Descriptor {
  /** -1 where it is not there. */
  pictureId = -1;
  tl0PicIdx = -1;
  temporalLayer = -1;
  spatialLayer = -1;
  startOfFrame = false;
  endOfFrame = false;
  flexible = false;
  /** The frame refers to no earlier picture. */
  intra = false;
  /** U: from here one may go up to this temporal layer. */
  switchingUp = false;
  /** D: the frame refers to the layer below. */
  interLayer = false;
  /** Z: no higher spatial layer refers to the frame. */
  notReferenced = false;
  /** Of the scalability structure, 0 where it is not there. */
  spatialLayers = 0;
  /** Of the highest layer in it. */
  width = 0;
  height = 0;
  descriptorBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #pictureIdAt = -1;
  #tl0PicIdxAt = -1;

  /** Whether a decoder can begin here: the first packet of a picture without references. */
  get startsKeyFrame(): boolean {
    return this.intra && this.startOfFrame && this.spatialLayer <= 0 && !this.interLayer;
  }

  /** What the picture ID counts up to: 15 or 7 bits of it, 0 where there is none. */
  get pictureIdMask(): number {
    if (this.#pictureIdAt < 0) return 0;
    return (this.#bytes[this.#pictureIdAt]! & LONG_PICTURE_ID_BIT) === 0 ? SHORT_MASK : LONG_MASK;
  }

  /** Writes another picture ID over the one that was read, in the length that it has there. */
  writePictureId(value: number): void {
    const mask = this.pictureIdMask;
    if (mask === LONG_MASK) put16(this.#bytes, this.#pictureIdAt, 0x8000 | (value & mask));
    else if (mask === SHORT_MASK) this.#bytes[this.#pictureIdAt] = value & mask;
  }

  writeTl0PicIdx(value: number): void {
    if (this.#tl0PicIdxAt >= 0) this.#bytes[this.#tl0PicIdxAt] = value;
  }

  /** Takes a payload; false where the descriptor is cut off. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#clear();
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) return false;
    this.#bytes = bytes;
    const at = this.#read(bytes, offset, offset + length);
    if (at < 0) {
      this.#clear();
      return false;
    }
    this.descriptorBytes = at - offset;
    return true;
  }

  #clear(): void {
    this.pictureId = -1;
    this.tl0PicIdx = -1;
    this.temporalLayer = -1;
    this.spatialLayer = -1;
    this.startOfFrame = false;
    this.endOfFrame = false;
    this.flexible = false;
    this.intra = false;
    this.switchingUp = false;
    this.interLayer = false;
    this.notReferenced = false;
    this.spatialLayers = 0;
    this.width = 0;
    this.height = 0;
    this.descriptorBytes = 0;
    this.#pictureIdAt = -1;
    this.#tl0PicIdxAt = -1;
  }

  /** Where the frame begins; -1 where the descriptor does not end before. */
  #read(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes[start]!;
    let at = start + 1;
    this.intra = (first & INTER_PICTURE_BIT) === 0;
    this.flexible = (first & FLEXIBLE_BIT) !== 0;
    this.startOfFrame = (first & START_BIT) !== 0;
    this.endOfFrame = (first & END_BIT) !== 0;
    this.notReferenced = (first & NOT_REFERENCE_BIT) !== 0;
    if ((first & HAS_PICTURE_ID) !== 0) at = this.#readPictureId(bytes, at, end);
    if ((first & HAS_LAYERS) !== 0) at = this.#readLayers(bytes, at, end);
    if (this.flexible && !this.intra) at = skipDifferences(bytes, at, end);
    if ((first & HAS_SCALABILITY) !== 0) at = this.#readScalability(bytes, at, end);
    return at > end ? -1 : at;
  }

  // Each of these takes -1 for a descriptor that was cut off before, and gives it for one that is here.

  #readPictureId(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    const long = (bytes[at]! & LONG_PICTURE_ID_BIT) !== 0;
    if (long && at + 1 >= end) return -1;
    this.#pictureIdAt = at;
    this.pictureId = long ? uint16(bytes, at) & LONG_MASK : bytes[at]!;
    return at + (long ? 2 : 1);
  }

  #readLayers(bytes: Uint8Array, at: number, end: number): number {
    // TL0PICIDX is there in non-flexible mode.
    const length = this.flexible ? 1 : 2;
    if (at < 0 || at + length > end) return -1;
    const layers = bytes[at]!;
    this.temporalLayer = layers >> 5;
    this.switchingUp = (layers & SWITCHING_UP_BIT) !== 0;
    this.spatialLayer = (layers >> 1) & 7;
    this.interLayer = (layers & INTER_LAYER_BIT) !== 0;
    if (!this.flexible) {
      this.tl0PicIdx = bytes[at + 1]!;
      this.#tl0PicIdxAt = at + 1;
    }
    return at + length;
  }

  #readScalability(bytes: Uint8Array, start: number, end: number): number {
    if (start < 0 || start >= end) return -1;
    const head = bytes[start]!;
    let at = start + 1;
    this.spatialLayers = (head >> 5) + 1;
    if ((head & HAS_SIZES) !== 0) {
      at += SIZE_BYTES * this.spatialLayers;
      if (at > end) return -1;
      this.width = uint16(bytes, at - SIZE_BYTES);
      this.height = uint16(bytes, at - SIZE_BYTES + 2);
    }
    if ((head & HAS_GROUP) === 0) return at;
    if (at >= end) return -1;
    const pictures = bytes[at++]!;
    for (let i = 0; i < pictures; i++) {
      if (at >= end) return -1;
      at += 1 + ((bytes[at]! >> 2) & 3);
    }
    return at;
  }
}

function skipDifferences(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) return -1;
  for (let i = 0; i < DIFFERENCES_MAX; i++) {
    if (start + i >= end) return -1;
    if ((bytes[start + i]! & ANOTHER_DIFFERENCE_BIT) === 0) return start + i + 1;
  }
  return -1;
}
