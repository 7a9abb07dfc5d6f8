// Reads transport-wide congestion control feedback in place (draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1).
// Called by: bandwidth estimation. Allocates: nothing. Statuses are gone through once to see that all deltas are
// there; then every step yields a packet that was received, so the work is bounded by the bytes of the feedback.

import { FMT_TRANSPORT_CC, RTCP_RTPFB, type RtcpReader } from './rtcp-reader.ts';
import { uint16 } from './words.ts';

/** Two SSRCs, base sequence number, status count, reference time (24 bits), feedback packet count (s3.1). */
export const TRANSPORT_CC_FIXED_BYTES = 16;
export const CHUNK_BYTES = 2;
/** Packet status symbols (s3.1.1); 3 is reserved. The bytes of its delta are the number of the symbol. */
export const STATUS_NOT_RECEIVED = 0;
export const STATUS_SMALL_DELTA = 1;
export const STATUS_LARGE_DELTA = 2;
const STATUS_RESERVED = 3;
/** A status vector chunk, and that its symbols have two bits (s3.1.4). */
export const VECTOR_BIT = 0x8000;
export const TWO_BIT_SYMBOLS_BIT = 0x4000;
export const ONE_BIT_SYMBOLS = 14;
export const TWO_BIT_SYMBOLS = 7;
/** The length of a run length chunk has 13 bits (s3.1.3). */
export const RUN_LENGTH_MAX = 0x1fff;
/** Deltas count 250 us (s3.1.5), the reference time 64 ms. */
export const TICKS_PER_REFERENCE = 256;

const EMPTY = new Uint8Array(0);

export class TransportCcReader {
  baseSequenceNumber = 0;
  statusCount = 0;
  /** 24 bits; 64 ms each. */
  referenceTime = 0;
  /** Eight bits that count feedback messages. */
  feedbackCount = 0;
  /** Of the packet that `next` came to. Those between two of them were not received. */
  sequenceNumber = 0;
  /** When it arrived, in 250 us of the receiver's clock, wrapped to 32 bits: take differences, `(a - b) | 0`. */
  arrivalTicks = 0;
  #bytes: Uint8Array = EMPTY;
  #chunk = 0;
  #delta = 0;
  #statusesLeft = 0;
  /** Of the chunk that is being gone through: statuses left, and the status of a run or the vector's bits. */
  #inChunk = 0;
  #symbolBits = 0;
  #symbols = 0;
  #index = 0;

  /** Begins with the packet that the reader stands at; false where that is no such feedback, or not a whole one. */
  read(reader: RtcpReader): boolean {
    this.#statusesLeft = 0;
    if (reader.type !== RTCP_RTPFB || reader.count !== FMT_TRANSPORT_CC) return false;
    if (reader.bodyBytes < TRANSPORT_CC_FIXED_BYTES + CHUNK_BYTES) return false;
    const { bytes, bodyOffset } = reader;
    const chunks = bodyOffset + TRANSPORT_CC_FIXED_BYTES;
    this.#bytes = bytes;
    this.baseSequenceNumber = uint16(bytes, bodyOffset + 8);
    this.statusCount = uint16(bytes, bodyOffset + 10);
    this.referenceTime = (uint16(bytes, bodyOffset + 12) << 8) | bytes[bodyOffset + 14]!;
    this.feedbackCount = bytes[bodyOffset + 15]!;
    if (this.statusCount === 0) return false;
    const deltas = this.#deltasAfter(chunks, bodyOffset + reader.bodyBytes);
    if (deltas < 0) return false;
    this.#chunk = chunks;
    this.#delta = deltas;
    this.#statusesLeft = this.statusCount;
    this.#inChunk = 0;
    this.#index = 0;
    this.arrivalTicks = (this.referenceTime * TICKS_PER_REFERENCE) | 0;
    return true;
  }

  /** Goes to the next packet that was received; false after the last. */
  next(): boolean {
    while (this.#statusesLeft > 0) {
      if (this.#inChunk === 0) this.#openChunk();
      else if (this.#symbolBits === 0 && this.#symbols === STATUS_NOT_RECEIVED) {
        this.#skip(this.#inChunk);
      } else {
        const status = this.#nextStatus();
        this.#skip(1);
        if (status !== STATUS_NOT_RECEIVED) {
          this.sequenceNumber = (this.baseSequenceNumber + this.#index - 1) & 0xffff;
          this.#takeDelta(status);
          return true;
        }
      }
    }
    return false;
  }

  #skip(statuses: number): void {
    this.#inChunk -= statuses;
    this.#statusesLeft -= statuses;
    this.#index += statuses;
  }

  #openChunk(): void {
    const chunk = uint16(this.#bytes, this.#chunk);
    this.#chunk += CHUNK_BYTES;
    if ((chunk & VECTOR_BIT) === 0) {
      this.#symbolBits = 0;
      this.#symbols = chunk >> 13;
      this.#inChunk = Math.min(chunk & RUN_LENGTH_MAX, this.#statusesLeft);
    } else {
      this.#symbolBits = (chunk & TWO_BIT_SYMBOLS_BIT) === 0 ? 1 : 2;
      this.#symbols = chunk & 0x3fff;
      this.#inChunk = Math.min(14 / this.#symbolBits, this.#statusesLeft);
    }
  }

  #nextStatus(): number {
    const bits = this.#symbolBits;
    if (bits === 0) return this.#symbols;
    const status = this.#symbols >> (14 - bits);
    this.#symbols = (this.#symbols << bits) & 0x3fff;
    return status;
  }

  /** s3.1.5: a small delta is a byte, a large one two and signed. */
  #takeDelta(status: number): void {
    const bytes = this.#bytes;
    const at = this.#delta;
    const delta = status === STATUS_SMALL_DELTA ? bytes[at]! : (uint16(bytes, at) << 16) >> 16;
    this.#delta += status;
    this.arrivalTicks = (this.arrivalTicks + delta) | 0;
  }

  /** Where the deltas begin, behind the chunks for all statuses; -1 where chunks or deltas are missing. */
  #deltasAfter(chunks: number, end: number): number {
    let at = chunks;
    let left = this.statusCount;
    let deltaBytes = 0;
    while (left > 0) {
      if (at + CHUNK_BYTES > end) return -1;
      const chunk = uint16(this.#bytes, at);
      at += CHUNK_BYTES;
      let bytes: number;
      let statuses: number;
      if ((chunk & VECTOR_BIT) === 0) {
        statuses = Math.min(chunk & RUN_LENGTH_MAX, left);
        const status = chunk >> 13;
        bytes = status === STATUS_RESERVED ? -1 : status * statuses;
      } else {
        const bits = (chunk & TWO_BIT_SYMBOLS_BIT) === 0 ? 1 : 2;
        statuses = Math.min(14 / bits, left);
        bytes = vectorDeltaBytes(chunk, bits, statuses);
      }
      if (bytes < 0) return -1;
      deltaBytes += bytes;
      left -= statuses;
    }
    return at + deltaBytes > end ? -1 : at;
  }
}

/** The bytes of the deltas for the first statuses of a vector; -1 where one is reserved. */
function vectorDeltaBytes(chunk: number, bits: number, statuses: number): number {
  let bytes = 0;
  for (let i = 1; i <= statuses; i++) {
    const status = (chunk >> (14 - i * bits)) & (bits === 1 ? 1 : 3);
    if (status === STATUS_RESERVED) return -1;
    bytes += status;
  }
  return bytes;
}
