// Caps replies to unauthenticated requests for each source network (IPv4 /32, IPv6 /64) over all workers, so that we
// amplify nothing. Fixed-size, 4-way set-associative table in shared memory: constant under a flood of spoofed sources.
// Lock-free: each slot is a virtual clock (GCRA) that is moved by compare-and-swap. Allocates: nothing per call.

import { randomBytes } from 'node:crypto';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { UNAUTHENTICATED_SOURCES } from './limits.ts';

const WAYS = 4;

/** In place of the upper half of an IPv6 network: ff00::/8 is multicast, so no source has it. */
const IPV4_MARK = -1;

/**
 * Ticks of the virtual clocks in a second. 32 bits of them are 32 s; at a million replies a second one is 134 ticks, so
 * that rounding raises the rate by less than 0.8 %.
 */
const TICKS_PER_SECOND = 2 ** 27;

/** A clock is ahead of time by a second at most: one that nobody has moved for so many whole seconds says nothing. */
const STALE_SECONDS = 2;

/** Threads that move the same clock make each other try again; who fails so often gets no reply. */
const ATTEMPTS_MAX = 16;

/** Words of a slot: fingerprint of the network (0 = none), virtual clock, and the second it was moved in. */
const NETWORK = 0;
const CLOCK = 1;
const SECOND = 2;
const SLOT_WORDS = 3;

export interface UnauthenticatedCapMemory {
  readonly perSecond: number;
  readonly slots: SharedArrayBuffer;
  readonly seeds: Int32Array;
}

export class UnauthenticatedCap {
  /** Ticks that one reply costs; 0 = no cap. */
  readonly #cost: number;
  /** How far the clock may be ahead, at most a second: the replies of one second. */
  readonly #ahead: number;
  readonly #sets: number;
  readonly #slots: Int32Array;
  readonly #seeds: Int32Array;
  /** What `#hash` left: the first word of the set, and the fingerprint. */
  #set = 0;
  #network = 0;

  constructor(memory: UnauthenticatedCapMemory) {
    const { perSecond } = memory;
    this.#cost = perSecond > 0 ? Math.floor(TICKS_PER_SECOND / perSecond) : 0;
    this.#ahead = this.#cost * perSecond;
    this.#slots = new Int32Array(memory.slots);
    this.#sets = this.#slots.length / (WAYS * SLOT_WORDS);
    this.#seeds = memory.seeds;
  }

  /** @param perSecond replies a second and network; 0 switches the cap off */
  static memory(
    perSecond: number,
    sources: number = UNAUTHENTICATED_SOURCES,
  ): UnauthenticatedCapMemory {
    const slots = perSecond > 0 ? sources : 0;
    return {
      perSecond,
      slots: new SharedArrayBuffer(4 * SLOT_WORDS * slots),
      seeds: Int32Array.from({ length: 4 }, () => randomBytes(4).readInt32BE()),
    };
  }

  /** Takes one reply out of the allowance of that source. @param now monotonic milliseconds */
  allow(from: TransportAddress, now: number): boolean {
    if (this.#cost === 0) return true;
    this.#hash(from);
    const slots = this.#slots;
    const tick = ((now / 1000) * TICKS_PER_SECOND) | 0;
    const second = (now / 1000) | 0;
    for (let n = 0; n < ATTEMPTS_MAX; n++) {
      const at = this.#slot(tick, second);
      if (at < 0) continue;
      // Read before SECOND, which is written before it: a clock that looks fresh is never an old one.
      const clock = Atomics.load(slots, at + CLOCK);
      const moved = Atomics.load(slots, at + SECOND);
      if (isStale(moved, second)) {
        this.#restart(at, clock, tick, second);
        continue;
      }
      const ahead = Math.max(0, (clock - tick) | 0) + this.#cost;
      if (ahead > this.#ahead) return false;
      if (((second - moved) | 0) > 0) Atomics.compareExchange(slots, at + SECOND, moved, second);
      const next = (tick + ahead) | 0;
      if (Atomics.compareExchange(slots, at + CLOCK, clock, next) === clock) return true;
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
      const worth = network === 0 ? -2 : this.#worth(at, tick, second);
      if (worth < least) {
        victim = at;
        least = worth;
      }
    }
    return this.#replace(victim, tick, second) ? victim : -1;
  }

  /** How much is lost when a slot that is in use is given away: how far its clock is ahead, -1 for one that is stale. */
  #worth(at: number, tick: number, second: number): number {
    const slots = this.#slots;
    if (isStale(Atomics.load(slots, at + SECOND), second)) return -1;
    return Math.max(0, (Atomics.load(slots, at + CLOCK) - tick) | 0);
  }

  /** Gives the slot to the network, with the allowance of a new one. */
  #replace(at: number, tick: number, second: number): boolean {
    const slots = this.#slots;
    const before = Atomics.load(slots, at + NETWORK);
    // Another thread was quicker to give it to the same network: its clock runs, and must not start again.
    if (before === this.#network) return true;
    const clock = Atomics.load(slots, at + CLOCK);
    if (Atomics.compareExchange(slots, at + NETWORK, before, this.#network) !== before) {
      return false;
    }
    this.#restart(at, clock, tick, second);
    return true;
  }

  /** Sets the clock to now, unless another thread has moved it; then SECOND, so that it counts. */
  #restart(at: number, clock: number, tick: number, second: number): void {
    if (Atomics.compareExchange(this.#slots, at + CLOCK, clock, tick) === clock) {
      Atomics.store(this.#slots, at + SECOND, second);
    }
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

function isStale(moved: number, second: number): boolean {
  return ((second - moved) | 0) >= STALE_SECONDS;
}

/** A 32-bit hash with a 64-bit key. Whoever could choose collisions gains no more than by forging the source itself. */
function mix(high: number, low: number, seed0: number, seed1: number): number {
  let h = Math.imul(high ^ seed0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ low ^ seed1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
