// Second cache tier: a table in memory that all threads of the process share. A key has eight slots that it may be in;
// each slot is guarded by a version (a seqlock), so that readers never wait and never take what is half written.
// Called by: the tiered cache, after its thread's own tier. Allocates: nothing on `get` and `set`.
// Atomics are calls of some 5 ns, so there are few: those that keep the order of the plain accesses between them.

import type { KeyHash } from './key-hash.ts';

/** Slots that a key may be in: their tags are half a line of the processor's cache. */
const WAYS = 8;

/** Threads that may write. */
export const WRITERS_MAX = 127;

/** Words of a slot. The version is locked (bit 0) by a writer (bits 1 to 7), and counts what was written above that. */
const VERSION = 0;
/** UTF-16 units of the key in the upper half, bytes of the value in the lower one. */
const LENGTHS = 1;
const EXPIRES = 2;
const FRESH = 4;
/** Milliseconds that the value took to make; NO_VALUE where there is none. */
const COST = 6;
const GENERATION = 7;
const HEAD_WORDS = 8;

const LOCKED = 1;
const VERSION_STEP = 0x100;
const NO_VALUE = -1;
const HIGH = 2 ** 31;

/** Of a slot that was never written. */
const NO_TAG = 0;

export interface SharedTierMemory {
  readonly slots: SharedArrayBuffer;
  readonly tags: SharedArrayBuffer;
  readonly slotBytes: number;
}

/** What `get` found; `bytes` are good until the next call. */
export class SharedEntry {
  readonly bytes: Uint8Array;
  length = 0;
  /** Monotonic milliseconds. */
  expiresAt = 0;
  freshUntil = 0;
  costMs = 0;
  /** Whether it is known that there is no value. */
  absent = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Of this thread, but for `capacity`. */
export interface SharedTierStats {
  readonly capacity: number;
  readonly hits: number;
  readonly misses: number;
  /** Misses because another thread was writing just then. */
  readonly torn: number;
  readonly written: number;
  /** Entries that were written over while they were good. */
  readonly evicted: number;
  /** What was not written: too large, or another thread was writing there. */
  readonly refused: number;
}

export class SharedTier {
  /** What the last `get` that returned true found. */
  readonly found: SharedEntry;
  readonly #words: Int32Array;
  readonly #tags: Int32Array;
  readonly #slotWords: number;
  readonly #shift: number;
  readonly #lock: number;
  readonly #scratch: Int32Array;
  /** Nobody reads it: an atomic store that all earlier reads are before, and all later atomic reads behind. */
  readonly #fence = new Int32Array(1);
  #hits = 0;
  #misses = 0;
  #torn = 0;
  #written = 0;
  #evicted = 0;
  #refused = 0;

  /** `writer` is this thread's alone among those that live, 0 to WRITERS_MAX - 1. */
  constructor(memory: SharedTierMemory, writer: number) {
    if (!(writer >= 0 && writer < WRITERS_MAX)) throw new RangeError(`no writer ${writer}`);
    this.#words = new Int32Array(memory.slots);
    this.#tags = new Int32Array(memory.tags);
    this.#slotWords = memory.slotBytes / 4;
    this.#shift = Math.clz32(this.#tags.length / WAYS) + 1;
    this.#lock = (writer << 1) | LOCKED;
    this.#scratch = new Int32Array(this.#slotWords);
    this.found = new SharedEntry(new Uint8Array(this.#scratch.buffer));
  }

  /** For at least `entries`; a slot has 32 bytes beside key (2 a code unit) and value. */
  static memory(entries: number, slotBytes = 256): SharedTierMemory {
    if (!(entries >= 1 && entries <= 2 ** 24)) throw new RangeError(`${entries} entries`);
    if (!(slotBytes >= 64 && slotBytes <= 4096 && slotBytes % 64 === 0)) {
      throw new RangeError(`slots of ${slotBytes} bytes`);
    }
    const slots = WAYS * 2 ** Math.max(1, Math.ceil(Math.log2(entries / WAYS)));
    return {
      slots: new SharedArrayBuffer(slots * slotBytes),
      tags: new SharedArrayBuffer(4 * slots),
      slotBytes,
    };
  }

  /** Whether the key that was hashed last has an entry of that generation, which is in `found` then. */
  get(key: KeyHash, generation: number, now: number): boolean {
    const tag = key.first | 1;
    const first = this.#firstSlot(key);
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#tags[slot] !== tag) continue;
      if (!this.#read(slot * this.#slotWords, key, generation, now)) continue;
      this.#hits++;
      return true;
    }
    this.#misses++;
    return false;
  }

  /**
   * Writes the first `length` of `bytes` for the key that was hashed last, `undefined` where it is known that there is
   * no value. False when it does not fit or another thread is writing there: a cache may do without.
   */
  set(
    key: KeyHash,
    bytes: Uint8Array | undefined,
    times: { readonly expiresAt: number; readonly freshUntil: number; readonly costMs: number },
    generation: number,
    now: number,
  ): boolean {
    const length = bytes === undefined ? 0 : bytes.length;
    const valueAt = HEAD_WORDS + key.wordCount;
    const valueWords = (length + 3) >> 2;
    if (length > 0xffff || valueAt + valueWords > this.#slotWords) return this.#refuse();
    const slot = this.#choose(key, now);
    const at = slot * this.#slotWords;
    const words = this.#words;
    const version = Atomics.load(words, at);
    const isLocked = (version & LOCKED) !== 0;
    if (isLocked || Atomics.compareExchange(words, at, version, version | this.#lock) !== version) {
      return this.#refuse();
    }
    // Ordered behind the lock, and all that is written below behind it.
    Atomics.load(words, at);
    if (this.#tags[slot] !== NO_TAG && this.#timeAt(at + EXPIRES) > now) {
      if (!this.#isKeyAt(at, key)) this.#evicted++;
    }
    words[at + LENGTHS] = (key.unitCount << 16) | length;
    this.#putTime(at + EXPIRES, times.expiresAt);
    this.#putTime(at + FRESH, times.freshUntil);
    const cost = Math.min(Math.ceil(times.costMs), HIGH - 1);
    words[at + COST] = bytes === undefined ? NO_VALUE : cost;
    words[at + GENERATION] = generation;
    for (let i = 0; i < key.wordCount; i++) words[at + HEAD_WORDS + i] = key.words[i]!;
    if (bytes !== undefined) {
      if (valueWords > 0) this.#scratch[valueWords - 1] = 0;
      this.found.bytes.set(bytes);
      for (let i = 0; i < valueWords; i++) words[at + valueAt + i] = this.#scratch[i]!;
    }
    this.#tags[slot] = key.first | 1;
    Atomics.store(words, at, version + VERSION_STEP);
    this.#written++;
    return true;
  }

  /** Frees the slots that a writer was in the middle of when it died. Until then they are passed over. */
  reclaim(writer: number): number {
    const lock = (writer << 1) | LOCKED;
    const words = this.#words;
    let freed = 0;
    for (let slot = 0; slot < this.#tags.length; slot++) {
      const at = slot * this.#slotWords;
      const version = Atomics.load(words, at);
      if ((version & (VERSION_STEP - 1)) !== lock) continue;
      this.#tags[slot] = NO_TAG;
      this.#putTime(at + EXPIRES, 0);
      Atomics.store(words, at, version - lock + VERSION_STEP);
      freed++;
    }
    return freed;
  }

  stats(): SharedTierStats {
    return {
      capacity: this.#tags.length,
      hits: this.#hits,
      misses: this.#misses,
      torn: this.#torn,
      written: this.#written,
      evicted: this.#evicted,
      refused: this.#refused,
    };
  }

  #firstSlot(key: KeyHash): number {
    return (key.first >>> this.#shift) * WAYS;
  }

  #read(at: number, key: KeyHash, generation: number, now: number): boolean {
    const words = this.#words;
    const version = Atomics.load(words, at + VERSION);
    if ((version & LOCKED) !== 0) {
      this.#torn++;
      return false;
    }
    if (!this.#isKeyAt(at, key)) return false;
    const found = this.found;
    const valueAt = at + HEAD_WORDS + key.wordCount;
    // Both lengths may be of another entry by now, but never beyond the slot: each was checked when it was written.
    const length = Math.min(
      words[at + LENGTHS]! & 0xffff,
      4 * (this.#slotWords - HEAD_WORDS - key.wordCount),
    );
    const cost = words[at + COST]!;
    const isOfGeneration = words[at + GENERATION] === generation;
    found.length = length;
    found.expiresAt = this.#timeAt(at + EXPIRES);
    found.freshUntil = this.#timeAt(at + FRESH);
    found.absent = cost === NO_VALUE;
    found.costMs = found.absent ? 0 : cost;
    const valueWords = (length + 3) >> 2;
    for (let i = 0; i < valueWords; i++) this.#scratch[i] = words[valueAt + i]!;
    Atomics.store(this.#fence, 0, 0);
    if (Atomics.load(words, at + VERSION) !== version) {
      this.#torn++;
      return false;
    }
    return isOfGeneration && now < found.expiresAt;
  }

  #isKeyAt(at: number, key: KeyHash): boolean {
    const words = this.#words;
    if (words[at + LENGTHS]! >>> 16 !== key.unitCount) return false;
    for (let i = 0; i < key.wordCount; i++) {
      if (words[at + HEAD_WORDS + i] !== key.words[i]) return false;
    }
    return true;
  }

  /** The slot that the key has, or one that is free, or the one whose time is over first. */
  #choose(key: KeyHash, now: number): number {
    const first = this.#firstSlot(key);
    const tag = key.first | 1;
    let best = first;
    let bestExpiry = Infinity;
    for (let slot = first; slot < first + WAYS; slot++) {
      const at = slot * this.#slotWords;
      const its = this.#tags[slot];
      if (its === tag && this.#isKeyAt(at, key)) return slot;
      if (bestExpiry < 0 || (this.#words[at]! & LOCKED) !== 0) continue;
      let expiry = its === NO_TAG ? -1 : this.#timeAt(at + EXPIRES);
      if (expiry <= now) expiry = -1;
      if (expiry >= bestExpiry) continue;
      best = slot;
      bestExpiry = expiry;
    }
    return best;
  }

  #refuse(): boolean {
    this.#refused++;
    return false;
  }

  #timeAt(at: number): number {
    return this.#words[at + 1]! * HIGH + this.#words[at]!;
  }

  /** Whole milliseconds, 31 bits a word. */
  #putTime(at: number, ms: number): void {
    const high = Math.floor(ms / HIGH);
    this.#words[at] = Math.floor(ms) - high * HIGH;
    this.#words[at + 1] = high;
  }
}
