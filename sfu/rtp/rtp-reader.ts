// Reads one RTP packet in place (RFC 3550 s5.1) with its header extensions (RFC 8285), each found once for all.
// Called by: the media transport, after SRTP. Allocates: nothing but in `text`.
// Every read is held inside the packet, whatever the bytes and whatever id a caller asks for.

import {
  CSRC_BYTES,
  CSRC_COUNT_MASK,
  EXTENSION_BIT,
  EXTENSION_HEADER_BYTES,
  FIXED_HEADER_BYTES,
  MARKER_BIT,
  PADDING_BIT,
  rtpHeaderBytes,
} from './rtp-header.ts';
import { int32, uint16 } from './words.ts';

/** A well-formed RTP packet. */
export const RTP_OK = 0;
/** Not version 2, or fewer bytes than its header says (RFC 3550 s5.1, s5.3.1). */
export const RTP_BAD_HEADER = 1;
/** The padding is empty or longer than what follows the header (RFC 3550 s5.1). */
export const RTP_BAD_PADDING = 2;

type RtpDefect = 1 | 2;

/** "Defined by profile" of one-byte headers (RFC 8285 s4.2) and of two-byte headers, less their appbits (s4.3). */
export const ONE_BYTE_PROFILE = 0xbede;
export const TWO_BYTE_PROFILE = 0x1000;
const APPBITS_MASK = 0xfff0;
/** RFC 8285 s4.2: never an identifier; what follows is ignored. */
const RESERVED_ID = 15;

const IDS = 256;
const EMPTY = new Uint8Array(0);

export class RtpReader {
  bytes: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  marker = false;
  payloadType = 0;
  sequenceNumber = 0;
  // Beyond a small integer from the start, so that the engine never boxes what is stored.
  timestamp = 0xffff_ffff;
  ssrc = 0xffff_ffff;
  csrcCount = 0;
  /** Bytes before the payload, CSRCs and extension and all. */
  headerBytes = 0;
  payloadOffset = 0;
  /** Without the padding. */
  payloadBytes = 0;
  paddingBytes = 0;
  /** One bit for each identifier that is there. */
  readonly #present = new Int32Array(IDS / 32);
  readonly #offsets = new Int32Array(IDS);
  readonly #lengths = new Uint8Array(IDS);

  /**
   * Takes `bytes[offset .. offset + length)` as one RTP packet. Returns RTP_OK or one of the defects above; after
   * a defect no field means anything. The bytes must stay as they are for as long as the reader is asked about them.
   */
  read(bytes: Uint8Array, offset: number, length: number): typeof RTP_OK | RtpDefect {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    for (let i = 0; i < IDS / 32; i++) this.#present[i] = 0;
    if (!(offset >= 0 && offset + length <= bytes.length)) return RTP_BAD_HEADER;
    const header = rtpHeaderBytes(bytes, offset, length);
    if (header < 0) return RTP_BAD_HEADER;
    const first = bytes[offset]!;
    const payload = length - header;
    const padding = (first & PADDING_BIT) === 0 ? 0 : bytes[offset + length - 1]!;
    if (padding > payload || ((first & PADDING_BIT) !== 0 && (padding === 0 || payload === 0))) {
      return RTP_BAD_PADDING;
    }
    this.marker = (bytes[offset + 1]! & MARKER_BIT) !== 0;
    this.payloadType = bytes[offset + 1]! & ~MARKER_BIT;
    this.sequenceNumber = uint16(bytes, offset + 2);
    this.timestamp = int32(bytes, offset + 4) >>> 0;
    this.ssrc = int32(bytes, offset + 8) >>> 0;
    this.csrcCount = first & CSRC_COUNT_MASK;
    this.headerBytes = header;
    this.payloadOffset = offset + header;
    this.payloadBytes = payload - padding;
    this.paddingBytes = padding;
    if ((first & EXTENSION_BIT) !== 0) {
      const at = offset + FIXED_HEADER_BYTES + CSRC_BYTES * this.csrcCount;
      this.#readExtensions(bytes, at, offset + header);
    }
    return RTP_OK;
  }

  /** Where the value of the extension element of that identifier begins in `bytes`; -1 where there is none. */
  extension(id: number): number {
    if (!(id > 0 && id < IDS)) return -1;
    return (this.#present[id >> 5]! >>> (id & 31)) & 1 ? this.#offsets[id]! : -1;
  }

  /** How long that value is; -1 where there is none. Two-byte elements may be empty. */
  extensionBytes(id: number): number {
    return this.extension(id) < 0 ? -1 : this.#lengths[id]!;
  }

  /** The first byte of that value; -1 where there is none. */
  extensionU8(id: number): number {
    return this.extensionBytes(id) < 1 ? -1 : this.bytes[this.#offsets[id]!]!;
  }

  /** The first two bytes of that value; -1 where there is none, or it is shorter. */
  extensionU16(id: number): number {
    if (this.extensionBytes(id) < 2) return -1;
    return uint16(this.bytes, this.#offsets[id]!);
  }

  /** The first three bytes of that value; -1 where there is none, or it is shorter. */
  extensionU24(id: number): number {
    if (this.extensionBytes(id) < 3) return -1;
    const at = this.#offsets[id]!;
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
  }

  /** That value as text, which MID and RID are (RFC 7941 s4.1); undefined where there is none. Allocates. */
  text(id: number): string | undefined {
    const at = this.extension(id);
    if (at < 0) return undefined;
    const { buffer, byteOffset } = this.bytes;
    return Buffer.from(buffer, byteOffset + at, this.#lengths[id]).toString('utf8');
  }

  /** The CSRC of that place, unsigned; -1 where there are fewer (RFC 3550 s5.1). */
  csrc(index: number): number {
    if (!(index >= 0 && index < this.csrcCount)) return -1;
    return int32(this.bytes, this.offset + FIXED_HEADER_BYTES + CSRC_BYTES * index) >>> 0;
  }

  /** An element that does not fit ends the extension; the elements before it count, and the packet does. */
  #readExtensions(bytes: Uint8Array, at: number, end: number): void {
    const profile = uint16(bytes, at);
    const first = at + EXTENSION_HEADER_BYTES;
    if (profile === ONE_BYTE_PROFILE) this.#readOneByte(bytes, first, end);
    else if ((profile & APPBITS_MASK) === TWO_BYTE_PROFILE) this.#readTwoByte(bytes, first, end);
  }

  /** RFC 8285 s4.2; s4.1.2 for identifiers 0 and 15. */
  #readOneByte(bytes: Uint8Array, first: number, end: number): void {
    let at = first;
    while (at < end) {
      const head = bytes[at++]!;
      if (head === 0) continue;
      const id = head >> 4;
      const length = (head & 0x0f) + 1;
      if (id === 0 || id === RESERVED_ID || at + length > end) return;
      this.#note(id, at, length);
      at += length;
    }
  }

  /** RFC 8285 s4.3. */
  #readTwoByte(bytes: Uint8Array, first: number, end: number): void {
    let at = first;
    while (at < end) {
      const id = bytes[at++]!;
      if (id === 0) continue;
      if (at === end) return;
      const length = bytes[at++]!;
      if (at + length > end) return;
      this.#note(id, at, length);
      at += length;
    }
  }

  /** Of two elements of one identifier the first counts. */
  #note(id: number, at: number, length: number): void {
    const bit = 1 << (id & 31);
    if ((this.#present[id >> 5]! & bit) !== 0) return;
    this.#present[id >> 5]! |= bit;
    this.#offsets[id] = at;
    this.#lengths[id] = length;
  }
}
