// First cache tier: a bounded map in this thread's heap, least recently used first out, a TTL per entry.
// Links live in typed arrays and free slots on an index stack, so no operation walks or moves anything.
// Called by: token verification. Allocates: nothing on a hit; a set may grow the Map.

import type { Clock } from '../clock.ts';

/** What a synchronous cache tier offers; a slower tier stands behind it with the same calls. */
export interface CacheTier<V> {
  /** `now`: the clock's monotonic time, where it is known: reading it costs more than a hit. */
  get(key: string, now?: number): V | undefined;
  set(key: string, value: V, ttlMs: number): void;
  delete(key: string): boolean;
  clear(): void;
  readonly size: number;
  stats(): CacheStats;
}

/** Counters since the tier was made; `size` and `capacity` in entries. */
export interface CacheStats {
  readonly size: number;
  readonly capacity: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
  readonly evicted: number;
}

/** Slot 0 anchors the ring of links: `next[0]` is the most, `prev[0]` the least recently used entry. */
const ANCHOR = 0;

/** A bounded LRU cache with a TTL per entry; `undefined` cannot be a value. */
export class LocalTier<V> implements CacheTier<V> {
  readonly #capacity: number;
  readonly #clock: Clock;
  readonly #slots = new Map<string, number>();
  readonly #keys: (string | undefined)[];
  readonly #values: (V | undefined)[];
  readonly #expiresAt: Float64Array;
  readonly #prev: Uint32Array;
  readonly #next: Uint32Array;
  readonly #free: Uint32Array;
  #freeCount = 0;
  #hits = 0;
  #misses = 0;
  #expired = 0;
  #evicted = 0;

  /** `capacity` in entries, 1 to 2^24. Throws RangeError for any other. */
  constructor(capacity: number, clock: Clock) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 2 ** 24) {
      throw new RangeError(`capacity must be an integer from 1 to 2^24, got ${capacity}`);
    }
    this.#capacity = capacity;
    this.#clock = clock;
    this.#keys = Array.from({ length: capacity + 1 });
    this.#values = Array.from({ length: capacity + 1 });
    this.#expiresAt = new Float64Array(capacity + 1);
    this.#prev = new Uint32Array(capacity + 1);
    this.#next = new Uint32Array(capacity + 1);
    this.#free = new Uint32Array(capacity);
    this.#fillFree();
  }

  /** The value, which becomes the most recently used; undefined when absent or past its TTL. */
  get(key: string, now: number = this.#clock.monotonic()): V | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) {
      this.#misses++;
      return undefined;
    }
    if (now >= this.#expiresAt[slot]!) {
      this.#remove(key, slot);
      this.#expired++;
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    if (this.#next[ANCHOR] !== slot) {
      this.#unlink(slot);
      this.#linkFirst(slot);
    }
    return this.#values[slot];
  }

  /** Stores for `ttlMs` (not above 0: nothing is kept); when full, the least recently used entry goes. */
  set(key: string, value: V, ttlMs: number): void {
    let slot = this.#slots.get(key);
    if (!(ttlMs > 0)) {
      if (slot !== undefined) this.#remove(key, slot);
      return;
    }
    if (slot === undefined) {
      if (this.#freeCount === 0) this.#evictLast();
      slot = this.#free[--this.#freeCount]!;
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
    } else {
      this.#unlink(slot);
    }
    this.#values[slot] = value;
    this.#expiresAt[slot] = this.#clock.monotonic() + ttlMs;
    this.#linkFirst(slot);
  }

  delete(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#remove(key, slot);
    return true;
  }

  clear(): void {
    this.#slots.clear();
    this.#keys.fill(undefined);
    this.#values.fill(undefined);
    this.#prev[ANCHOR] = ANCHOR;
    this.#next[ANCHOR] = ANCHOR;
    this.#fillFree();
  }

  /** Entries held, those past their TTL that nobody has asked for since included. */
  get size(): number {
    return this.#slots.size;
  }

  stats(): CacheStats {
    return {
      size: this.#slots.size,
      capacity: this.#capacity,
      hits: this.#hits,
      misses: this.#misses,
      expired: this.#expired,
      evicted: this.#evicted,
    };
  }

  #fillFree(): void {
    this.#freeCount = this.#capacity;
    for (let i = 0; i < this.#capacity; i++) this.#free[i] = this.#capacity - i;
  }

  #evictLast(): void {
    const slot = this.#prev[ANCHOR]!;
    this.#remove(this.#keys[slot]!, slot);
    this.#evicted++;
  }

  #remove(key: string, slot: number): void {
    this.#slots.delete(key);
    this.#keys[slot] = undefined;
    this.#values[slot] = undefined;
    this.#unlink(slot);
    this.#free[this.#freeCount++] = slot;
  }

  #unlink(slot: number): void {
    const prev = this.#prev[slot]!;
    const next = this.#next[slot]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
  }

  #linkFirst(slot: number): void {
    const first = this.#next[ANCHOR]!;
    this.#prev[slot] = ANCHOR;
    this.#next[slot] = first;
    this.#prev[first] = slot;
    this.#next[ANCHOR] = slot;
  }
}
