// Caps what each source network (IPv4 /32, IPv6 /64) gets in a second, over all workers: replies to unauthenticated
// requests, so that we amplify nothing, and new allocations. Fixed-size, 4-way set-associative table in shared memory:
// constant under a flood of spoofed sources. Lock-free. Allocates: nothing per call.

import { randomBytes } from 'node:crypto';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { CAPPED_SOURCES } from './limits.ts';
import {
  AGAIN,
  CLOCK_WORDS,
  secondOf,
  SharedRate,
  TAKEN,
  TICKS_PER_SECOND,
  tickOf,
} from './shared-rate.ts';

const WAYS = 4;

/** In place of the upper half of an IPv6 network: ff00::/8 is multicast, so no source has it. */
const IPV4_MARK = -1;

/** Threads that move the same clock make each other try again; who fails so often gets nothing. */
const ATTEMPTS_MAX = 16;

/** Words of a slot: fingerprint of the network (0 = none), and its clock. */
const NETWORK = 0;
const CLOCK = 1;
const SLOT_WORDS = CLOCK + CLOCK_WORDS;

export interface SourceCapMemory {
  readonly perSecond: number;
  readonly slots: SharedArrayBuffer;
  readonly seeds: Int32Array;
}

export class SourceCap {
  /** Ticks that one costs; 0 = no cap. */
  readonly #cost: number;
  readonly #rate: SharedRate;
  readonly #sets: number;
  readonly #slots: Int32Array;
  readonly #seeds: Int32Array;
  /** What `#hash` left: the first word of the set, and the fingerprint. */
  #set = 0;
  #network = 0;

  constructor(memory: SourceCapMemory) {
    const { perSecond } = memory;
    this.#cost = perSecond > 0 ? Math.floor(TICKS_PER_SECOND / perSecond) : 0;
    this.#slots = new Int32Array(memory.slots);
    // The clock may be ahead by what one second allows.
    this.#rate = new SharedRate(this.#slots, this.#cost * perSecond);
    this.#sets = this.#slots.length / (WAYS * SLOT_WORDS);
    this.#seeds = memory.seeds;
  }

  /** @param perSecond how many a second and network; 0 switches the cap off */
  static memory(perSecond: number, sources: number = CAPPED_SOURCES): SourceCapMemory {
    const slots = perSecond > 0 ? sources : 0;
    return {
      perSecond,
      slots: new SharedArrayBuffer(4 * SLOT_WORDS * slots),
      seeds: Int32Array.from({ length: 4 }, () => randomBytes(4).readInt32BE()),
    };
  }

  /**
   * Takes one out of the allowance of that source, or a part of one.
   * @param now monotonic milliseconds
   */
  allow(from: TransportAddress, now: number, part = 1): boolean {
    if (this.#cost === 0) return true;
    const cost = Math.floor(this.#cost * part);
    this.#hash(from);
    const tick = tickOf(now);
    const second = secondOf(now);
    for (let n = 0; n < ATTEMPTS_MAX; n++) {
      const at = this.#slot(tick, second);
      if (at < 0) continue;
      const outcome = this.#rate.attempt(at + CLOCK, cost, tick, second);
      if (outcome !== AGAIN) return outcome === TAKEN;
    }
    return false;
  }

  /** The first word of the network's slot; -1 when another thread was quicker to give that slot away. */
  #slot(tick: number, second: number): number {
    const slots = this.#slots;
    let victim = this.#set;
    let least = Infinity;
    for (let way = 0; way < WAYS; way++) {
      const at = this.#set + way * SLOT_WORDS;
      // Looked at once: what is ours in one moment must not be a stranger's in the next.
      const network = Atomics.load(slots, at + NETWORK);
      if (network === this.#network) return at;
      // How much is lost when a slot that is in use is given away.
      const worth = network === 0 ? -2 : this.#rate.aheadOf(at + CLOCK, tick, second);
      if (worth < least) {
        victim = at;
        least = worth;
      }
    }
    return this.#replace(victim, tick, second) ? victim : -1;
  }

  /** Gives the slot to the network, with the allowance of a new one. */
  #replace(at: number, tick: number, second: number): boolean {
    const slots = this.#slots;
    const before = Atomics.load(slots, at + NETWORK);
    // Another thread was quicker to give it to the same network: its clock runs, and must not start again.
    if (before === this.#network) return true;
    const clock = this.#rate.read(at + CLOCK);
    if (Atomics.compareExchange(slots, at + NETWORK, before, this.#network) !== before) {
      return false;
    }
    this.#rate.restart(at + CLOCK, clock, tick, second);
    return true;
  }

  #hash(from: TransportAddress): void {
    const high = from.family === 4 ? IPV4_MARK : from.w0;
    const low = from.family === 4 ? from.w0 : from.w1;
    const seeds = this.#seeds;
    const set = (mix(high, low, seeds[0]!, seeds[1]!) >>> 1) % this.#sets;
    this.#set = set * WAYS * SLOT_WORDS;
    this.#network = mix(high, low, seeds[2]!, seeds[3]!) || 1;
  }
}

/** A 32-bit hash with a 64-bit key. Whoever could choose collisions gains no more than by forging the source itself. */
function mix(high: number, low: number, seed0: number, seed1: number): number {
  let h = Math.imul(high ^ seed0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ low ^ seed1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
