// What the connections of one TCP allocation carry (RFC 6062), and how much they may: counts and a clock in memory that
// the worker which has the allocation and the thread which has the sockets share, since no byte passes the worker.
// Called by: TurnState, which reads the counts; the host of the sockets, for each piece. Allocates: nothing per piece.

import { burstBytes, type SharedBandwidth, ticksPerByte } from './shared-bandwidth.ts';
import { CLOCK_WORDS, secondOf, SharedRate, tickOf } from './shared-rate.ts';

/** What one is granted at once: others get their turn in between. */
const PIECE_BYTES_MAX = 16_384;
/**
 * Where that is refused it asks for a quarter, down to about this. Datagrams take a limit away as it comes free; what
 * asked for more than they leave would get nothing at all.
 */
const PIECE_BYTES_MIN = 256;

const SENT = 0;
const RECEIVED = 1;
const COUNTS = 2;

/** A structured clone of it has the same counts and the same clock. */
export interface TcpMeterMemory {
  readonly words: SharedArrayBuffer;
  /** Bytes a second of the allocation, both ways together; 0 = no limit. */
  readonly perSecond: number;
  /** Its user in the shared bandwidth; -1 where users have no limit. */
  readonly bandwidthUser: number;
}

export class TcpMeter {
  readonly memory: TcpMeterMemory;
  readonly #counts: Float64Array;
  readonly #ticksPerByte: number;
  readonly #rate: SharedRate;
  readonly #bandwidth: SharedBandwidth;

  constructor(memory: TcpMeterMemory, bandwidth: SharedBandwidth) {
    const { words, perSecond } = memory;
    this.memory = memory;
    this.#counts = new Float64Array(words, 0, COUNTS);
    this.#ticksPerByte = ticksPerByte(perSecond);
    this.#rate = new SharedRate(clockOf(words), this.#ticksPerByte * burstBytes(perSecond));
    this.#bandwidth = bandwidth;
  }

  static memory(perSecond: number, bandwidthUser: number): TcpMeterMemory {
    const words = new SharedArrayBuffer(8 * COUNTS + 4 * CLOCK_WORDS);
    new SharedRate(clockOf(words), 0).clear(0);
    return { words, perSecond, bandwidthUser };
  }

  get sentBytes(): number {
    return this.#counts[SENT]!;
  }

  get receivedBytes(): number {
    return this.#counts[RECEIVED]!;
  }

  /** To a peer. Only the thread that has the sockets writes. */
  sent(bytes: number): void {
    this.#counts[SENT]! += bytes;
  }

  /** From a peer. */
  received(bytes: number): void {
    this.#counts[RECEIVED]! += bytes;
  }

  /** How many of so many bytes may go now, by every limit; 0 for none. @param now monotonic milliseconds */
  spend(bytes: number, now: number): number {
    if (this.#ticksPerByte === 0 && !this.#bandwidth.limited) return bytes;
    for (let piece = Math.min(bytes, PIECE_BYTES_MAX); ; piece = Math.ceil(piece / 4)) {
      if (this.#take(piece, now)) return piece;
      if (piece <= PIECE_BYTES_MIN) return 0;
    }
  }

  #take(bytes: number, now: number): boolean {
    const { bandwidthUser } = this.memory;
    if (this.#ticksPerByte === 0) return this.#bandwidth.take(bandwidthUser, bytes, now);
    const cost = Math.max(1, Math.round(bytes * this.#ticksPerByte));
    if (!this.#rate.take(0, cost, tickOf(now), secondOf(now))) return false;
    if (this.#bandwidth.take(bandwidthUser, bytes, now)) return true;
    this.#rate.giveBack(0, cost);
    return false;
  }
}

function clockOf(words: SharedArrayBuffer): Int32Array {
  return new Int32Array(words, 8 * COUNTS, CLOCK_WORDS);
}
