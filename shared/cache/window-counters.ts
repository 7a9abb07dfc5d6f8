// How much each key has taken in a sliding window, over all threads of the process: counters in shared memory that
// change by compare-and-swap alone, so that nobody waits and a thread that dies leaves nothing behind.
// Called by: rate limits. Allocates: nothing on `take`. Time is an argument; between nodes it is wall time, so that
// their windows are the same. Keys are known by 64 bits of a keyed hash: nobody can choose two that share a counter.

import { KeyHash } from './key-hash.ts';

const WAYS = 8;

/** Words of a slot. Negative marks say that a key is being written; 0 that there is none. */
const MARK = 0;
const FIRST = 1;
/** When it was used last: milliseconds modulo 2^31. */
const USED = 2;
/** What was taken in windows of even and of odd number, and what of it nobody has drained yet. */
const EVEN = 3;
const ODD = 4;
const EVEN_DELTA = 5;
const ODD_DELTA = 6;
const SLOT_WORDS = 8;

/** A count has the number of its window above it, modulo 2^11: what is of another window counts as 0. */
const COUNT_BITS = 20;
const COUNT_MAX = 2 ** COUNT_BITS - 1;
const WINDOW_MASK = 0x7ff;

const POSITIVE = 0x7fff_ffff;
const WRITING = -1;
/** A key is written in less than a microsecond; who has not done it by then is dead, or has been put aside. */
const WRITING_MS_MAX = 1000;
const SPINS_MAX = 200;

export interface WindowCountersMemory {
  readonly slots: SharedArrayBuffer;
  /** Of as many as the longest key has code units. Nodes that exchange counts have the same. */
  readonly coefficients: Int32Array;
}

/** What `take` says, in an object that the caller keeps. Whole numbers, which are not new ones on the heap. */
export class Take {
  allowed = false;
  /** What may still be taken now. */
  remaining = 0;
  /** When not allowed: milliseconds until it would be. When allowed: until all of the limit is there again. */
  resetMs = 0;
}

/** A key, by its hash, what was taken since it was last drained, and the number of the window, modulo 2^11. */
export type DeltaVisitor = (first: number, mark: number, window: number, count: number) => void;

export class WindowCounters {
  readonly #words: Int32Array;
  readonly #shift: number;
  readonly #key: KeyHash;

  constructor(memory: WindowCountersMemory) {
    this.#words = new Int32Array(memory.slots);
    this.#shift = Math.clz32(this.#words.length / (WAYS * SLOT_WORDS)) + 1;
    this.#key = new KeyHash(memory.coefficients);
  }

  /** For at least `keys` at the same time; a key more takes the place of the one that was used longest ago. */
  static memory(keys: number, coefficients: Int32Array): WindowCountersMemory {
    if (!(keys >= 1 && keys <= 2 ** 24)) throw new RangeError(`${keys} keys`);
    const buckets = 2 ** Math.max(1, Math.ceil(Math.log2(keys / WAYS)));
    return { slots: new SharedArrayBuffer(buckets * WAYS * SLOT_WORDS * 4), coefficients };
  }

  /**
   * Takes `cost` if no more than `limit` was taken in the `windowMs` before `now`, where the window before this one is
   * taken to have been even. `limit` is at most 2^20 - 1, `windowMs` a day and always the same for a key. A key too
   * long is refused. Of takes at the same moment, no more than the limit is allowed; a key that is new on several
   * threads at the same moment, or makes room for another, may be counted apart for that moment.
   */
  take(
    key: string,
    limit: number,
    windowMs: number,
    now: number,
    cost: number,
    out: Take,
  ): boolean {
    out.allowed = false;
    out.remaining = 0;
    out.resetMs = windowMs;
    if (!this.#key.hash(key)) return false;
    const mark = (this.#key.second & POSITIVE) | 1;
    const at = this.#find(this.#key.first, mark, now & POSITIVE, 2 * windowMs);
    if (at < 0) return false;
    const windows = Math.floor(now / windowMs);
    const elapsed = now - windows * windowMs;
    const number = windows & WINDOW_MASK;
    const isOdd = (number & 1) === 1;
    const cap = Math.min(limit, COUNT_MAX);
    const before = countOf(this.#load(at + (isOdd ? EVEN : ODD)), (number - 1) & WINDOW_MASK);
    const weighted = before * (1 - elapsed / windowMs);
    const wordAt = at + (isOdd ? ODD : EVEN);
    for (;;) {
      const word = this.#load(wordAt);
      const taken = countOf(word, number);
      const room = cap - taken - weighted;
      if (cost > room) {
        out.remaining = Math.max(0, Math.floor(room));
        out.resetMs = waitFor(cap - cost, taken, before, windowMs) - Math.floor(elapsed);
        return false;
      }
      const next = wordOf(number, taken + cost);
      if (Atomics.compareExchange(this.#words, wordAt, word, next) !== word) continue;
      this.#addTo(at + (isOdd ? ODD_DELTA : EVEN_DELTA), number, cost);
      out.allowed = true;
      out.remaining = Math.floor(room - cost);
      out.resetMs = 2 * windowMs - Math.floor(elapsed);
      return true;
    }
  }

  /** Hands over what was taken here since the last time. */
  drainDeltas(visit: DeltaVisitor): void {
    for (let at = 0; at < this.#words.length; at += SLOT_WORDS) {
      for (const deltaAt of [at + EVEN_DELTA, at + ODD_DELTA]) {
        const mark = this.#load(at + MARK);
        if (mark <= 0 || this.#load(deltaAt) === 0) continue;
        const first = this.#load(at + FIRST);
        const word = Atomics.exchange(this.#words, deltaAt, 0);
        const count = word & COUNT_MAX;
        if (count > 0) visit(first, mark, word >>> COUNT_BITS, count);
      }
    }
  }

  /** Adds what another node took, as its `drainDeltas` said; it is not handed over again. */
  addRemote(first: number, mark: number, window: number, count: number, now: number): void {
    if (mark <= 0 || (mark & 1) === 0 || !(count > 0)) return;
    const at = this.#find(first, mark, now & POSITIVE, POSITIVE);
    if (at >= 0)
      this.#addTo(
        at + ((window & 1) === 1 ? ODD : EVEN),
        window & WINDOW_MASK,
        Math.min(count, COUNT_MAX),
      );
  }

  /** Counts of a window that is over give way to those of a later one, and those of an earlier one are dropped. */
  #addTo(wordAt: number, number: number, count: number): void {
    for (;;) {
      const word = this.#load(wordAt);
      const behind = ((word >>> COUNT_BITS) - number) & WINDOW_MASK;
      if (word !== 0 && behind > 0 && behind <= WINDOW_MASK >> 1) return;
      const sum = Math.min(countOf(word, number) + count, COUNT_MAX);
      const next = wordOf(number, sum);
      if (Atomics.compareExchange(this.#words, wordAt, word, next) === word) return;
    }
  }

  /** The slot of the key, or a new one, `now` modulo 2^31; -1 when others are writing all that it may have. */
  #find(first: number, mark: number, now: number, oldMs: number): number {
    const bucket = (first >>> this.#shift) * WAYS * SLOT_WORDS;
    for (let spins = 0; spins < 2 * SPINS_MAX; spins++) {
      let oldest = -1;
      let oldestMark = 0;
      let oldestAge = -1;
      let isWriting = false;
      for (let at = bucket; at < bucket + WAYS * SLOT_WORDS; at += SLOT_WORDS) {
        const its = this.#load(at + MARK);
        if (its === mark && this.#load(at + FIRST) === first) {
          this.#forgetOld(at, oldMs, now);
          Atomics.store(this.#words, at + USED, now);
          return at;
        }
        const age = its === 0 ? POSITIVE : this.#ageOf(at, now);
        if (its < 0 && age < WRITING_MS_MAX) {
          isWriting = true;
        } else if (age > oldestAge) {
          oldest = at;
          oldestMark = its;
          oldestAge = age;
        }
      }
      // It may be this key that is being written.
      if (isWriting && spins < SPINS_MAX) continue;
      if (oldest < 0) return -1;
      if (this.#claim(oldest, oldestMark, first, mark, now)) return oldest;
    }
    return -1;
  }

  #claim(at: number, before: number, first: number, mark: number, now: number): boolean {
    const words = this.#words;
    Atomics.store(words, at + USED, now);
    if (Atomics.compareExchange(words, at + MARK, before, WRITING) !== before) return false;
    for (let word = EVEN; word <= ODD_DELTA; word++) Atomics.store(words, at + word, 0);
    Atomics.store(words, at + FIRST, first);
    Atomics.store(words, at + MARK, mark);
    return true;
  }

  /** Window numbers come round again: what was not used for two windows must not be taken for new. */
  #forgetOld(at: number, oldMs: number, now: number): void {
    const words = this.#words;
    // Read before its age: who changes them sets the time first, so these are as old as the time says.
    const even = this.#load(at + EVEN);
    const odd = this.#load(at + ODD);
    if (this.#ageOf(at, now) < oldMs) return;
    Atomics.compareExchange(words, at + EVEN, even, 0);
    Atomics.compareExchange(words, at + ODD, odd, 0);
    Atomics.store(words, at + EVEN_DELTA, 0);
    Atomics.store(words, at + ODD_DELTA, 0);
  }

  /** 0 also for what another thread used a little later than this one's `now`. */
  #ageOf(at: number, now: number): number {
    const signed = ((now - this.#load(at + USED)) << 1) >> 1;
    return Math.max(0, signed);
  }

  #load(at: number): number {
    return Atomics.load(this.#words, at);
  }
}

/** Window numbers are modulo 2^11 here. */
function countOf(word: number, number: number): number {
  return word >>> COUNT_BITS === number ? word & COUNT_MAX : 0;
}

function wordOf(number: number, count: number): number {
  return (number << COUNT_BITS) | count;
}

/** When in milliseconds from the window's beginning no more than `most` is in it, if nobody takes any more. */
function waitFor(most: number, taken: number, before: number, windowMs: number): number {
  if (most < 0) return 2 * windowMs;
  // In this window what was before fades away; in the next one what has been taken in this one does.
  if (taken <= most) return Math.ceil(windowMs * (1 - (most - taken) / before));
  return windowMs + Math.ceil(windowMs * (1 - most / taken));
}
