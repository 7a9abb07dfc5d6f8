// Writes the RTP header that one subscriber gets (RFC 3550 s5.1), with the header extensions it has negotiated
// (RFC 8285): in one-byte form where that will do, in two-byte form where an element needs it.
// Called by: subscriptions. Allocates: nothing.

import {
  CSRC_BYTES,
  EXTENSION_BIT,
  EXTENSION_HEADER_BYTES,
  FIXED_HEADER_BYTES,
  MARKER_BIT,
  PADDING_BIT,
  RTP_VERSION,
} from './rtp-header.ts';
import { ONE_BYTE_PROFILE, type RtpReader, TWO_BYTE_PROFILE } from './rtp-reader.ts';
import { put16, put32 } from './words.ts';

/** Elements of one header. Nobody negotiates as many. */
export const ELEMENTS_MAX = 16;
/** RFC 8285 s4.2: identifiers and lengths of one-byte form. */
const ONE_BYTE_ID_MAX = 14;
const ONE_BYTE_LENGTH_MAX = 16;
const ELEMENT_LENGTH_MAX = 255;

const EMPTY = new Uint8Array(0);

/**
 * Fields, then elements, then `write`; `clear` makes it ready for the next packet. What `element` was given is read
 * when `write` is called.
 */
export class RtpWriter {
  marker = false;
  padding = false;
  payloadType = 0;
  sequenceNumber = 0;
  // Beyond a small integer from the start, so that the engine never boxes what is stored.
  timestamp = 0xffff_ffff;
  ssrc = 0xffff_ffff;
  #csrcsOf: RtpReader | undefined = undefined;
  #count = 0;
  #twoByte = false;
  /** Of all elements, heads included. */
  #elementBytes = 0;
  readonly #ids = new Uint8Array(ELEMENTS_MAX);
  readonly #lengths = new Uint8Array(ELEMENTS_MAX);
  readonly #offsets = new Int32Array(ELEMENTS_MAX);
  readonly #sources: Uint8Array[] = Array.from({ length: ELEMENTS_MAX }, () => EMPTY);
  /** Values that lie nowhere else: three bytes for each element. */
  readonly #values = new Uint8Array(3 * ELEMENTS_MAX);

  /** Forgets CSRCs and elements; the other fields stay. */
  clear(): this {
    this.#csrcsOf = undefined;
    this.#count = 0;
    this.#twoByte = false;
    this.#elementBytes = 0;
    return this;
  }

  /** Keeps the CSRCs of a packet; without this they are dropped. */
  csrcsOf(reader: RtpReader): this {
    this.#csrcsOf = reader.csrcCount === 0 ? undefined : reader;
    return this;
  }

  /** An element of `length` bytes, 0 to 255. An identifier of 0 is one that was not negotiated: then it is left out. */
  element(id: number, source: Uint8Array, offset: number, length: number): this {
    const index = this.#count;
    const inside = offset >= 0 && offset + length <= source.length;
    if (!(id > 0 && id <= 255 && length >= 0 && length <= ELEMENT_LENGTH_MAX && inside))
      return this;
    if (index === ELEMENTS_MAX) return this;
    this.#ids[index] = id;
    this.#sources[index] = source;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#count = index + 1;
    this.#elementBytes += length;
    if (id > ONE_BYTE_ID_MAX || length > ONE_BYTE_LENGTH_MAX || length === 0) this.#twoByte = true;
    return this;
  }

  /** An element as it came, under the identifier that it has here; left out where it did not come. */
  elementOf(id: number, reader: RtpReader, idThere: number): this {
    const at = reader.extension(idThere);
    if (at < 0) return this;
    return this.element(id, reader.bytes, at, reader.extensionBytes(idThere));
  }

  /** An element of one byte. */
  elementU8(id: number, value: number): this {
    const at = 3 * this.#count;
    this.#values[at] = value;
    return this.element(id, this.#values, at, 1);
  }

  /** An element of two bytes. */
  elementU16(id: number, value: number): this {
    const at = 3 * this.#count;
    put16(this.#values, at, value);
    return this.element(id, this.#values, at, 2);
  }

  /** An element of three bytes. */
  elementU24(id: number, value: number): this {
    const at = 3 * this.#count;
    this.#values[at] = value >> 16;
    this.#values[at + 1] = value >> 8;
    this.#values[at + 2] = value;
    return this.element(id, this.#values, at, 3);
  }

  /** How many bytes `write` will write. */
  get headerBytes(): number {
    return FIXED_HEADER_BYTES + CSRC_BYTES * this.#csrcCount + this.#extensionBytes;
  }

  /** Writes the header; returns its bytes, or 0 where there is no room for it in `bytes`. */
  write(bytes: Uint8Array, offset: number): number {
    const { headerBytes } = this;
    if (!(offset >= 0 && offset + headerBytes <= bytes.length)) return 0;
    const csrcs = this.#csrcCount;
    bytes[offset] =
      (RTP_VERSION << 6) |
      (this.padding ? PADDING_BIT : 0) |
      (this.#count > 0 ? EXTENSION_BIT : 0) |
      csrcs;
    bytes[offset + 1] = (this.marker ? MARKER_BIT : 0) | (this.payloadType & ~MARKER_BIT);
    put16(bytes, offset + 2, this.sequenceNumber);
    put32(bytes, offset + 4, this.timestamp | 0);
    put32(bytes, offset + 8, this.ssrc | 0);
    let at = offset + FIXED_HEADER_BYTES;
    if (csrcs > 0) {
      const source = this.#csrcsOf!;
      const from = source.offset + FIXED_HEADER_BYTES;
      for (let i = 0; i < CSRC_BYTES * csrcs; i++) bytes[at++] = source.bytes[from + i]!;
    }
    if (this.#count > 0) this.#writeExtension(bytes, at, offset + headerBytes);
    return headerBytes;
  }

  get #csrcCount(): number {
    return this.#csrcsOf === undefined ? 0 : this.#csrcsOf.csrcCount;
  }

  get #extensionBytes(): number {
    if (this.#count === 0) return 0;
    const elements = this.#elementBytes + this.#count * (this.#twoByte ? 2 : 1);
    return EXTENSION_HEADER_BYTES + ((elements + 3) & ~3);
  }

  #writeExtension(bytes: Uint8Array, start: number, end: number): void {
    const twoByte = this.#twoByte;
    const profile = twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE;
    put16(bytes, start, profile);
    put16(bytes, start + 2, (end - start - EXTENSION_HEADER_BYTES) >> 2);
    let at = start + EXTENSION_HEADER_BYTES;
    for (let i = 0; i < this.#count; i++) {
      const id = this.#ids[i]!;
      const length = this.#lengths[i]!;
      if (twoByte) {
        bytes[at++] = id;
        bytes[at++] = length;
      } else bytes[at++] = (id << 4) | (length - 1);
      const source = this.#sources[i]!;
      const from = this.#offsets[i]!;
      for (let j = 0; j < length; j++) bytes[at + j] = source[from + j]!;
      at += length;
    }
    while (at < end) bytes[at++] = 0;
  }
}
