// How much each key has taken in a sliding window that never lets more through than its limit, over all threads of the
// process: counters in shared memory that change by compare-and-swap alone, so that nobody waits and a thread that dies
// leaves nothing behind. A window is cut into parts, and a part counts until all of it is out of the window: so what is
// let through may be less by what one part holds, and is never more.
// Called by: rate limits. Allocates: nothing on `take`. Time is monotonic milliseconds, handed in; nodes need not agree
// on it. Keys are known by 64 bits of a keyed hash: nobody can choose two that share a counter.

import { KeyHash, randomCoefficients } from './key-hash.ts';

const WAYS = 8;

/** Words of a slot. Negative marks say that a key is being written; 0 that there is none. */
const MARK = 0;
const FIRST = 1;
/** When it was used last: milliseconds modulo 2^31. */
const USED = 2;
const WINDOW_MS = 3;
/** What was taken here and nobody has drained yet. */
const DELTA = 4;
/** A count for each part, at the number of the part modulo RING. */
const COUNTS = 5;
const SLOT_WORDS = 40;

/** A window's parts, and those with the one that it cuts: all that may count. A power of 2, as TAG_MASK + 1 is. */
const PARTS = 31;
const RING = PARTS + 1;

/** A count has the number of its part above it, modulo 2^11. */
const COUNT_BITS = 20;
const COUNT_MAX = 2 ** COUNT_BITS - 1;
const TAG_MASK = 0x7ff;

/** Longer keys are refused. */
const KEY_UNITS_MAX = 256;
const WINDOW_MS_MAX = 86_400_000;
const POSITIVE = 0x7fff_ffff;
const WRITING = -1;
/** A key is written in less than a microsecond; who has not done it by then is dead, or has been put aside. */
const WRITING_MS_MAX = 1000;
const SPINS_MAX = 200;
/** By so much the clocks of two threads never differ: what is further ahead is from before the time came round. */
const AHEAD_MS_MAX = 60_000;

export interface WindowCountersMemory {
  readonly slots: SharedArrayBuffer;
  /** In shared memory, too: all threads hash alike, also after `adopt`. */
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

/** A key, by its hash, its window, and what was taken since it was last drained. */
export type DeltaVisitor = (first: number, mark: number, windowMs: number, count: number) => void;

export class WindowCounters {
  readonly coefficients: Int32Array;
  readonly #words: Int32Array;
  readonly #shift: number;
  readonly #key: KeyHash;
  /** Where draining goes on. */
  #drainAt = 0;

  constructor(memory: WindowCountersMemory) {
    this.coefficients = memory.coefficients;
    this.#words = new Int32Array(memory.slots);
    this.#shift = Math.clz32(this.#words.length / (WAYS * SLOT_WORDS)) + 1;
    this.#key = new KeyHash(memory.coefficients);
  }

  /** For at least `keys` at the same time; a key more takes the place of one that was used long ago. 160 bytes each. */
  static memory(keys: number): WindowCountersMemory {
    if (!(keys >= 1 && keys <= 2 ** 20)) throw new RangeError(`${keys} keys`);
    const buckets = 2 ** Math.max(1, Math.ceil(Math.log2(keys / WAYS)));
    const random = randomCoefficients(KEY_UNITS_MAX);
    const coefficients = new Int32Array(new SharedArrayBuffer(random.byteLength));
    coefficients.set(random);
    return { slots: new SharedArrayBuffer(buckets * WAYS * SLOT_WORDS * 4), coefficients };
  }

  /**
   * Takes all of `cost`, or nothing, so that no more than `limit` is taken in any `windowMs`; 0 only looks whether one
   * more would be allowed. `limit` is at most 2^20 - 1, `windowMs` a day and always the same for a key. A key too long
   * is refused. Of takes at the same moment, no more than the limit is allowed; a key that is new on several threads at
   * the same moment, or makes room for another, may be counted apart for that moment.
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
    const at = this.#find(this.#key.first, markOf(this.#key), windowMs, now & POSITIVE);
    if (at < 0) return false;
    // In this order it is exact where the time is a whole number.
    const part = Math.floor((now * PARTS) / windowMs);
    const tag = part & TAG_MASK;
    const most = Math.min(limit, COUNT_MAX) - Math.max(cost, 1);
    const wordAt = at + COUNTS + (tag & (RING - 1));
    for (;;) {
      const word = this.#load(wordAt);
      const taken = this.#sum(at, tag);
      if (taken > most) {
        out.remaining = Math.max(0, Math.min(limit, COUNT_MAX) - taken);
        if (most >= 0) {
          const end = ((part + RING - this.#blocking(at, tag, taken - most)) * windowMs) / PARTS;
          out.resetMs = Math.max(1, Math.ceil(end - now));
        }
        return false;
      }
      if (cost > 0) {
        if (Atomics.compareExchange(this.#words, wordAt, word, plus(word, tag, cost)) !== word) {
          continue;
        }
        Atomics.add(this.#words, at + DELTA, cost);
      }
      out.allowed = true;
      out.remaining = Math.min(limit, COUNT_MAX) - taken - cost;
      return true;
    }
  }

  /** Hands over what was taken here since the last time, of `keysMax` keys at most; the next time goes on behind them. */
  drainDeltas(keysMax: number, visit: DeltaVisitor): void {
    const words = this.#words;
    let keys = 0;
    for (let seen = 0; seen < words.length && keys < keysMax; seen += SLOT_WORDS) {
      const at = this.#drainAt;
      this.#drainAt = at + SLOT_WORDS < words.length ? at + SLOT_WORDS : 0;
      // A plain read: what is not seen yet is the next time's.
      if (words[at + DELTA] === 0) continue;
      const mark = this.#load(at + MARK);
      if (mark <= 0) continue;
      const first = this.#load(at + FIRST);
      const windowMs = this.#load(at + WINDOW_MS);
      const count = Atomics.exchange(words, at + DELTA, 0);
      if (count <= 0) continue;
      keys++;
      visit(first, mark, windowMs, count);
    }
  }

  /**
   * Adds what another node took, as its `drainDeltas` said, as if it were taken now; it is not handed over again.
   * Whatever the numbers are, they do no more than to count for some key.
   */
  addRemote(first: number, mark: number, windowMs: number, count: number, now: number): void {
    if (mark <= 0 || (mark & 1) === 0 || !(count > 0)) return;
    if (!(windowMs >= 1 && windowMs <= WINDOW_MS_MAX)) return;
    const at = this.#find(first, mark, windowMs, now & POSITIVE);
    if (at < 0) return;
    const tag = Math.floor((now * PARTS) / this.#load(at + WINDOW_MS)) & TAG_MASK;
    const wordAt = at + COUNTS + (tag & (RING - 1));
    for (;;) {
      const word = this.#load(wordAt);
      const next = plus(word, tag, Math.min(count, COUNT_MAX));
      if (Atomics.compareExchange(this.#words, wordAt, word, next) === word) return;
    }
  }

  /** Hashes as another node does from now on. What was counted until now is forgotten: its keys are not known by it. */
  adopt(coefficients: Int32Array): void {
    this.coefficients.set(coefficients);
    for (let at = 0; at < this.#words.length; at += SLOT_WORDS) {
      Atomics.store(this.#words, at + MARK, 0);
    }
  }

  /** What is in the window that ends in that part. What is out of it is forgotten: numbers of parts come round again. */
  #sum(at: number, tag: number): number {
    const words = this.#words;
    let sum = 0;
    for (let i = at + COUNTS; i < at + COUNTS + RING; i++) {
      // A plain read: of the part that it is now, `take` finds out whether it has changed.
      const word = words[i]!;
      if (word === 0) continue;
      if (isOver(word, tag)) Atomics.compareExchange(words, i, word, 0);
      else sum += word & COUNT_MAX;
    }
    return sum;
  }

  /** How many parts ago the last of those is which have to leave the window so that `excess` has left it. */
  #blocking(at: number, tag: number, excess: number): number {
    let age = RING;
    for (let left = excess; age > 0 && left > 0;) {
      age--;
      const word = this.#words[at + COUNTS + ((tag - age) & (RING - 1))]!;
      if (!isOver(word, tag)) left -= word & COUNT_MAX;
    }
    return age;
  }

  /** The slot of the key, or a new one, `now` modulo 2^31; -1 when others are writing all that it may have. */
  #find(first: number, mark: number, windowMs: number, now: number): number {
    const bucket = (first >>> this.#shift) * WAYS * SLOT_WORDS;
    for (let spins = 0; spins < 2 * SPINS_MAX; spins++) {
      let oldest = -1;
      let oldestMark = 0;
      let oldestAge = -1;
      let isWriting = false;
      for (let at = bucket; at < bucket + WAYS * SLOT_WORDS; at += SLOT_WORDS) {
        const its = this.#load(at + MARK);
        if (its === mark && this.#load(at + FIRST) === first) {
          this.#forgetOld(at, now);
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
      if (this.#claim(oldest, oldestMark, first, mark, windowMs, now)) return oldest;
    }
    return -1;
  }

  #claim(
    at: number,
    before: number,
    first: number,
    mark: number,
    windowMs: number,
    now: number,
  ): boolean {
    const words = this.#words;
    Atomics.store(words, at + USED, now);
    if (Atomics.compareExchange(words, at + MARK, before, WRITING) !== before) return false;
    for (let word = DELTA; word < COUNTS + RING; word++) Atomics.store(words, at + word, 0);
    Atomics.store(words, at + FIRST, first);
    Atomics.store(words, at + WINDOW_MS, windowMs);
    Atomics.store(words, at + MARK, mark);
    return true;
  }

  /** Numbers of parts come round again: what was not used for two windows must not be taken for new. */
  #forgetOld(at: number, now: number): void {
    const oldMs = 2 * this.#load(at + WINDOW_MS);
    if (this.#ageOf(at, now) < oldMs) return;
    for (let wordAt = at + DELTA; wordAt < at + COUNTS + RING; wordAt++) {
      const word = this.#load(wordAt);
      // Read before its age: who changes it sets the time first, so it is as old as the time says.
      if (this.#ageOf(at, now) < oldMs) return;
      Atomics.compareExchange(this.#words, wordAt, word, 0);
    }
  }

  /** 0 also for what another thread used a little later than this one's `now`. */
  #ageOf(at: number, now: number): number {
    const signed = ((now - this.#load(at + USED)) << 1) >> 1;
    if (signed >= 0) return signed;
    return signed < -AHEAD_MS_MAX ? POSITIVE : 0;
  }

  #load(at: number): number {
    return Atomics.load(this.#words, at);
  }
}

/** Of the key that was hashed last. */
function markOf(key: KeyHash): number {
  return (key.second & POSITIVE) | 1;
}

/** Whether a part has left the window that ends in part `tag`. One that is yet to come, of another thread, has not. */
function isOver(word: number, tag: number): boolean {
  const age = (tag - (word >>> COUNT_BITS)) & TAG_MASK;
  return age >= RING && age <= TAG_MASK >> 1;
}

/** The word with more in it, of part `tag` unless it is of a later one. */
function plus(word: number, tag: number, count: number): number {
  const isNew = word === 0 || isOver(word, tag);
  const its = isNew ? tag : word >>> COUNT_BITS;
  return (its << COUNT_BITS) | Math.min((isNew ? 0 : word & COUNT_MAX) + count, COUNT_MAX);
}
