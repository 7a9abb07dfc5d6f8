// Builds transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1) from
// arrivals in the order of their sequence numbers. Called by: the media transport. Allocates: nothing but when made.

import { FMT_TRANSPORT_CC, RTCP_HEADER_BYTES, RTCP_RTPFB } from './rtcp-reader.ts';
import { RTP_VERSION } from './rtp-header.ts';
import {
  CHUNK_BYTES,
  ONE_BIT_SYMBOLS,
  RUN_LENGTH_MAX,
  STATUS_LARGE_DELTA,
  STATUS_NOT_RECEIVED,
  STATUS_SMALL_DELTA,
  TICKS_PER_REFERENCE,
  TRANSPORT_CC_FIXED_BYTES,
  TWO_BIT_SYMBOLS,
  TWO_BIT_SYMBOLS_BIT,
  VECTOR_BIT,
} from './transport-cc-reader.ts';
import { put16, put32 } from './words.ts';

/** Packets that one feedback message speaks of. */
const STATUSES_MAX = 2048;
/** One message fits into a datagram, with SRTCP and what may come before it in a compound. */
const BYTES_MAX = 1100;
const PADDING_BIT = 0x20;

export class TransportCcWriter {
  readonly #statuses = new Uint8Array(STATUSES_MAX);
  /** In the order of the packets that were received. */
  readonly #deltas = new Int16Array(STATUSES_MAX);
  #base = 0;
  #count = 0;
  #received = 0;
  #deltaBytes = 0;
  #referenceTime = 0;
  #lastTicks = 0;

  /** Begins a message; packets from `baseSequenceNumber` up to the first one that is added were not received. */
  start(baseSequenceNumber: number): this {
    this.#base = baseSequenceNumber;
    this.#count = 0;
    this.#received = 0;
    this.#deltaBytes = 0;
    return this;
  }

  /**
   * A packet that was received, in the order of sequence numbers; `arrivalTicks` count 250 us and may wrap at 32
   * bits. False where the message has no place for it: it is too full, the packet came too long after the one before
   * or is not behind it. Then the message is written, and another one begun with this packet.
   */
  add(sequenceNumber: number, arrivalTicks: number): boolean {
    const index = (sequenceNumber - this.#base) & 0xffff;
    if (index < this.#count || index >= STATUSES_MAX) return false;
    const reference = arrivalTicks >> 8;
    const before = this.#received === 0 ? reference * TICKS_PER_REFERENCE : this.#lastTicks;
    const delta = (arrivalTicks - before) | 0;
    if (delta < -0x8000 || delta > 0x7fff) return false;
    const status = delta >= 0 && delta <= 0xff ? STATUS_SMALL_DELTA : STATUS_LARGE_DELTA;
    if (this.#bytesAtMost(index + 1 - this.#count, status) > BYTES_MAX) return false;
    if (this.#received === 0) this.#referenceTime = reference & 0xff_ffff;
    this.#statuses.fill(STATUS_NOT_RECEIVED, this.#count, index);
    this.#statuses[index] = status;
    this.#deltas[this.#received++] = delta;
    this.#deltaBytes += status;
    this.#lastTicks = arrivalTicks | 0;
    this.#count = index + 1;
    return true;
  }

  /** Packets that were added since `start`. */
  get received(): number {
    return this.#received;
  }

  /**
   * Writes the message as one RTCP packet; returns its bytes, or 0 where there is nothing in it, or no room up to
   * `end` for it.
   */
  write(
    bytes: Uint8Array,
    offset: number,
    end: number,
    senderSsrc: number,
    mediaSsrc: number,
    feedbackCount: number,
  ): number {
    const room = Math.min(end, bytes.length) - offset;
    if (this.#received === 0 || !(offset >= 0 && room >= this.#bytesAtMost(0, 0))) return 0;
    const body = offset + RTCP_HEADER_BYTES;
    put32(bytes, body, senderSsrc);
    put32(bytes, body + 4, mediaSsrc);
    put16(bytes, body + 8, this.#base);
    put16(bytes, body + 10, this.#count);
    put16(bytes, body + 12, this.#referenceTime >> 8);
    bytes[body + 14] = this.#referenceTime;
    bytes[body + 15] = feedbackCount;
    let at = this.#writeChunks(bytes, body + TRANSPORT_CC_FIXED_BYTES);
    at = this.#writeDeltas(bytes, at);
    const unpadded = at - offset;
    const length = (unpadded + 3) & ~3;
    while (at < offset + length) bytes[at++] = 0;
    // RFC 3550 s6.4.1: the last byte of the padding counts it.
    if (length > unpadded) bytes[at - 1] = length - unpadded;
    const padding = length > unpadded ? PADDING_BIT : 0;
    bytes[offset] = (RTP_VERSION << 6) | padding | FMT_TRANSPORT_CC;
    bytes[offset + 1] = RTCP_RTPFB;
    put16(bytes, offset + 2, length / 4 - 1);
    return length;
  }

  /** With so many statuses and bytes of deltas more, each chunk being a vector of two-bit symbols. */
  #bytesAtMost(moreStatuses: number, moreDeltaBytes: number): number {
    const chunks = Math.ceil((this.#count + moreStatuses) / TWO_BIT_SYMBOLS);
    const deltaBytes = this.#deltaBytes + moreDeltaBytes;
    const fixed = RTCP_HEADER_BYTES + TRANSPORT_CC_FIXED_BYTES;
    return (fixed + CHUNK_BYTES * chunks + deltaBytes + 3) & ~3;
  }

  /** A run where it is worth its chunk, else a vector of the symbols that are needed. */
  #writeChunks(bytes: Uint8Array, start: number): number {
    let at = start;
    let index = 0;
    while (index < this.#count) {
      const left = this.#count - index;
      const run = this.#runFrom(index);
      const twoBit = this.#hasLarge(index, Math.min(ONE_BIT_SYMBOLS, left));
      const symbols = Math.min(twoBit ? TWO_BIT_SYMBOLS : ONE_BIT_SYMBOLS, left);
      if (run >= symbols) {
        put16(bytes, at, (this.#statuses[index]! << 13) | run);
        index += run;
      } else {
        put16(bytes, at, this.#vector(index, symbols, twoBit));
        index += symbols;
      }
      at += CHUNK_BYTES;
    }
    return at;
  }

  #runFrom(index: number): number {
    const end = Math.min(this.#count, index + RUN_LENGTH_MAX);
    const status = this.#statuses[index];
    let at = index + 1;
    while (at < end && this.#statuses[at] === status) at++;
    return at - index;
  }

  #hasLarge(index: number, statuses: number): boolean {
    for (let i = index; i < index + statuses; i++) {
      if (this.#statuses[i] === STATUS_LARGE_DELTA) return true;
    }
    return false;
  }

  #vector(index: number, symbols: number, twoBit: boolean): number {
    const bits = twoBit ? 2 : 1;
    let chunk = VECTOR_BIT | (twoBit ? TWO_BIT_SYMBOLS_BIT : 0);
    for (let i = 0; i < symbols; i++) {
      chunk |= this.#statuses[index + i]! << (14 - bits * (i + 1));
    }
    return chunk;
  }

  #writeDeltas(bytes: Uint8Array, start: number): number {
    let at = start;
    for (let i = 0; i < this.#received; i++) {
      const delta = this.#deltas[i]!;
      if (delta >= 0 && delta <= 0xff) bytes[at++] = delta;
      else {
        put16(bytes, at, delta);
        at += 2;
      }
    }
    return at;
  }
}
