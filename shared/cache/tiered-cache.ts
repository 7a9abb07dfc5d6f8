// A cache of three tiers: this thread's heap, memory that all threads share, and a Redis that all nodes share. Each
// stands for itself: without the others the cache works, only less widely.
// Called by: whatever asks somebody slow for the same thing again and again.
// Allocates: nothing on a hit in the first tier, which also costs no microtask.

import { randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import type {
  Codec,
  Loader,
  TieredCacheMemory,
  TieredCacheOptions,
  TieredCacheStats,
} from './cache-options.ts';
import { earlyFrom, effectiveCost, isEarly } from './early-expiration.ts';
import { Generations } from './generations.ts';
import { KeyHash, randomCoefficients } from './key-hash.ts';
import { Loads } from './loads.ts';
import { LocalTier } from './local-tier.ts';
import { RedisTier, type RemoteValue } from './redis-tier.ts';
import { SharedTier } from './shared-tier.ts';

/** Longer keys are not shared among threads; those of 2^12 groups are invalidated together, and these are one group. */
const KEY_UNITS_MAX = 512;
const LONG_KEYS = 0;

/** What another thread or node has is taken for newer when it lasts longer by this part of the TTL. */
const NEWER_SHARE = 0.1;

/** A value that could not be loaded again is not asked for again so soon. */
const RETRY_MS = 1000;

const LOADS_MAX = 1024;
const WAITERS_MAX = 10_000;
const LOAD_TIMEOUT_MS = 10_000;
const RANDOM_RANGE = 2 ** 32;

interface Entry<V> {
  readonly value: V | undefined;
  readonly bucket: number;
  readonly generation: number;
  readonly freshUntil: number;
  /** Until when it is good while loading fails. */
  readonly expiresAt: number;
  readonly costMs: number;
  readonly earlyFrom: number;
  /** Not to be loaded again before. */
  retryAt: number;
}

/** What a value is stored with, while its generation is the key's. */
type Made = Pick<Entry<unknown>, 'freshUntil' | 'expiresAt' | 'costMs'>;

export class TieredCache<V> {
  readonly #ttlMs: number;
  readonly #absentTtlMs: number;
  readonly #staleMs: number;
  readonly #codec: Codec<V> | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #key: KeyHash;
  readonly #generations: Generations;
  readonly #local: LocalTier<Entry<V>>;
  readonly #shared: SharedTier | undefined;
  readonly #redis: RedisTier | undefined;
  readonly #loads: Loads<V | undefined>;
  #hits = 0;
  #misses = 0;
  #stale = 0;
  #refreshes = 0;
  #refreshFailures = 0;
  #invalidations = 0;

  constructor(options: TieredCacheOptions<V>) {
    const { memory, codec, redis, name } = options;
    this.#ttlMs = options.ttlMs;
    this.#absentTtlMs = options.absentTtlMs ?? 0;
    this.#staleMs = options.staleMs ?? 0;
    this.#codec = codec;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? (() => randomInt(RANDOM_RANGE) / RANDOM_RANGE);
    this.#key = new KeyHash(memory.coefficients);
    this.#generations = new Generations(memory.generations);
    this.#local = new LocalTier(options.capacity, this.#clock);
    if (codec !== undefined && memory.tier !== undefined) {
      this.#shared = new SharedTier(memory.tier, options.writer ?? 0);
    }
    if (codec !== undefined && redis !== undefined) {
      const now = (): number => this.#clock.monotonic();
      this.#redis = new RedisTier(redis, name, now, (key) => this.#drop(key));
    }
    this.#loads = new Loads({
      loadsMax: options.loadsMax ?? LOADS_MAX,
      waitersMax: options.waitersMax ?? WAITERS_MAX,
      timeoutMs: options.loadTimeoutMs ?? LOAD_TIMEOUT_MS,
    });
  }

  /** @param sharedEntries entries of the second tier, 0 for none; `slotBytes` of each, see SharedTier */
  static memory(sharedEntries: number, slotBytes?: number): TieredCacheMemory {
    return {
      coefficients: randomCoefficients(KEY_UNITS_MAX),
      generations: Generations.memory(),
      tier: sharedEntries > 0 ? SharedTier.memory(sharedEntries, slotBytes) : undefined,
    };
  }

  /** What this process has and is within its TTL; undefined also where it is known that there is no value. */
  get(key: string, now: number = this.#clock.monotonic()): V | undefined {
    const entry = this.#find(key, now);
    return entry !== undefined && now < entry.freshUntil ? entry.value : undefined;
  }

  /** How long what was just found, or loaded, is within its TTL; 0 for what is past it, and where there is nothing. */
  freshMs(key: string, now: number = this.#clock.monotonic()): number {
    const entry = this.#local.get(key, now);
    return entry !== undefined && this.#isTrue(entry) ? Math.max(0, entry.freshUntil - now) : 0;
  }

  /**
   * The value at once where this process has it, and a promise of it otherwise. All who ask at the same time wait for
   * one load; its error reaches all of them, where there is no value that is good meanwhile, and is not kept.
   */
  getOrLoad(
    key: string,
    load: Loader<V>,
    now: number = this.#clock.monotonic(),
  ): V | undefined | Promise<V | undefined> {
    const entry = this.#local.get(key, now);
    if (entry !== undefined && now < entry.earlyFrom && this.#isTrue(entry)) {
      this.#hits++;
      return entry.value;
    }
    return this.#getOrLoad(key, load, now);
  }

  /**
   * Makes this the value, here and on all nodes, whatever is being loaded; undefined says that there is none. The
   * promise says what that of `invalidate` does.
   */
  async set(key: string, value: V | undefined): Promise<boolean> {
    this.#drop(key);
    const made = this.#made(value, 0, this.#clock.monotonic());
    const { bucket, generation } = this.#versionOf(key);
    const bytes = this.#store(key, value, made, bucket, generation);
    if (this.#redis === undefined) return true;
    return this.#redis.replace(key, { bytes, costMs: 0 }, this.#ttlOf(value));
  }

  /**
   * From now on nobody in this process is given what was loaded before; the promise says whether all nodes have been
   * told. What could not be told is told when Redis is back. Undefined stands for all keys.
   */
  async invalidate(key: string | undefined): Promise<boolean> {
    this.#drop(key);
    return this.#redis === undefined || this.#redis.invalidate(key);
  }

  /** Frees what a thread left behind that died; on any other thread that shares the memory. */
  reclaim(writer: number): void {
    this.#shared?.reclaim(writer);
  }

  stats(): TieredCacheStats {
    return {
      localHits: this.#hits,
      localMisses: this.#misses,
      localSize: this.#local.size,
      shared: this.#shared?.stats(),
      redis: this.#redis?.stats(),
      loads: this.#loads.stats(),
      stale: this.#stale,
      refreshes: this.#refreshes,
      refreshFailures: this.#refreshFailures,
      invalidations: this.#invalidations,
    };
  }

  /** Hears of no invalidations any more. */
  close(): void {
    this.#redis?.close();
  }

  #getOrLoad(key: string, load: Loader<V>, now: number): V | undefined | Promise<V | undefined> {
    const entry = this.#find(key, now);
    if (entry === undefined) return this.#load(key, load);
    if (now < entry.freshUntil) {
      const cost = effectiveCost(entry.costMs, this.#ttlMs);
      const isDue = now >= entry.earlyFrom && now >= entry.retryAt;
      if (isDue && isEarly(now, entry.freshUntil, cost, this.#random())) {
        void this.#refresh(key, load, entry);
      }
      return entry.value;
    }
    if (now < entry.retryAt) {
      this.#stale++;
      return entry.value;
    }
    return this.#loadOrStale(key, load, entry);
  }

  /** The true entry of this thread, or of all threads, which becomes this thread's. */
  #find(key: string, now: number): Entry<V> | undefined {
    const local = this.#local.get(key, now);
    if (local === undefined || !this.#isTrue(local)) {
      this.#misses++;
      return this.#findShared(key, now, -Infinity);
    }
    this.#hits++;
    if (now < local.freshUntil) return local;
    // Another thread may have a newer one.
    return this.#findShared(key, now, local.freshUntil) ?? local;
  }

  /** Where it is fresh for longer than until `freshAfter`. */
  #findShared(key: string, now: number, freshAfter: number): Entry<V> | undefined {
    if (this.#shared === undefined) return undefined;
    const { bucket, generation, isHashed } = this.#versionOf(key);
    if (!isHashed || !this.#shared.get(this.#key, generation, now)) return undefined;
    const { found } = this.#shared;
    if (found.freshUntil <= freshAfter) return undefined;
    const value = found.absent ? undefined : this.#decode(found.bytes.subarray(0, found.length));
    if (value === undefined && !found.absent) return undefined;
    return this.#keep(key, value, found, bucket, generation, now);
  }

  async #loadOrStale(key: string, load: Loader<V>, entry: Entry<V>): Promise<V | undefined> {
    try {
      return await this.#load(key, load);
    } catch (error) {
      const now = this.#clock.monotonic();
      if (now >= entry.expiresAt || !this.#isTrue(entry)) throw error;
      entry.retryAt = now + RETRY_MS;
      this.#stale++;
      return entry.value;
    }
  }

  #load(key: string, load: Loader<V>, instead?: Entry<V>): Promise<V | undefined> {
    const { bucket, generation } = this.#versionOf(key);
    return this.#loads.run(key, generation, () =>
      this.#fetch(key, load, bucket, generation, instead),
    );
  }

  /** In the background, one at a time. Never rejects. */
  async #refresh(key: string, load: Loader<V>, entry: Entry<V>): Promise<void> {
    if (this.#loads.has(key, entry.generation)) return;
    const newer = entry.freshUntil + NEWER_SHARE * this.#ttlMs;
    // Another thread may have done it.
    if (this.#findShared(key, this.#clock.monotonic(), newer) !== undefined) return;
    this.#refreshes++;
    try {
      await this.#load(key, load, entry);
    } catch {
      this.#refreshFailures++;
      entry.retryAt = this.#clock.monotonic() + RETRY_MS;
    }
  }

  /** @param instead what is to be refreshed: of other nodes only what is newer will do */
  async #fetch(
    key: string,
    load: Loader<V>,
    bucket: number,
    generation: number,
    instead: Entry<V> | undefined,
  ): Promise<V | undefined> {
    const read = this.#redis === undefined ? undefined : await this.#redis.read(key);
    const began = this.#clock.monotonic();
    if (read?.value !== undefined) {
      const remote = this.#takeRemote(key, read.value, bucket, generation, instead);
      if (remote !== undefined) return remote.value;
    }
    const value = await load(key);
    const now = this.#clock.monotonic();
    const made = this.#made(value, now - began, now);
    if (made.freshUntil > now && this.#generations.current(bucket) === generation) {
      const bytes = this.#store(key, value, made, bucket, generation);
      const ttlMs = this.#ttlOf(value);
      if (read !== undefined)
        void this.#redis?.write(key, read.mark, { bytes, costMs: made.costMs }, ttlMs);
    }
    return value;
  }

  #takeRemote(
    key: string,
    { bytes, costMs, remainingMs }: RemoteValue,
    bucket: number,
    generation: number,
    instead: Entry<V> | undefined,
  ): { readonly value: V | undefined } | undefined {
    const now = this.#clock.monotonic();
    const freshUntil = now + Math.min(remainingMs, this.#ttlMs);
    if (instead !== undefined && freshUntil < instead.freshUntil + NEWER_SHARE * this.#ttlMs) {
      return undefined;
    }
    const value = bytes && this.#decode(bytes);
    if (bytes !== undefined && value === undefined) return undefined;
    const staleMs = value === undefined ? 0 : this.#staleMs;
    if (this.#generations.current(bucket) === generation) {
      const made = { freshUntil, expiresAt: freshUntil + staleMs, costMs };
      this.#store(key, value, made, bucket, generation);
    }
    return { value };
  }

  /** In the tiers of this process. Returns the bytes of the value. */
  #store(
    key: string,
    value: V | undefined,
    made: Made,
    bucket: number,
    generation: number,
  ): Uint8Array | undefined {
    const now = this.#clock.monotonic();
    const bytes = value === undefined ? undefined : this.#codec?.encode(value);
    if (this.#shared !== undefined && this.#key.hash(key)) {
      this.#shared.set(this.#key, bytes, made, generation, now);
    }
    this.#keep(key, value, made, bucket, generation, now);
    return bytes;
  }

  #keep(
    key: string,
    value: V | undefined,
    { freshUntil, expiresAt, costMs }: Made,
    bucket: number,
    generation: number,
    now: number,
  ): Entry<V> {
    const early = earlyFrom(freshUntil, effectiveCost(costMs, this.#ttlMs));
    const entry: Entry<V> = {
      value,
      bucket,
      generation,
      freshUntil,
      expiresAt,
      costMs,
      earlyFrom: early,
      retryAt: 0,
    };
    this.#local.set(key, entry, expiresAt - now);
    return entry;
  }

  #made(value: V | undefined, costMs: number, now: number): Made {
    const freshUntil = now + this.#ttlOf(value);
    return {
      freshUntil,
      expiresAt: freshUntil + (value === undefined ? 0 : this.#staleMs),
      costMs,
    };
  }

  #ttlOf(value: V | undefined): number {
    return value === undefined ? this.#absentTtlMs : this.#ttlMs;
  }

  #drop(key: string | undefined): void {
    this.#invalidations++;
    if (key === undefined) this.#generations.invalidateAll();
    else this.#generations.invalidate(this.#versionOf(key).bucket);
  }

  #isTrue(entry: Entry<V>): boolean {
    return this.#generations.current(entry.bucket) === entry.generation;
  }

  #versionOf(key: string): { bucket: number; generation: number; isHashed: boolean } {
    const isHashed = this.#key.hash(key);
    const bucket = isHashed ? Generations.bucketOf(this.#key) : LONG_KEYS;
    return { bucket, generation: this.#generations.current(bucket), isHashed };
  }

  /** Undefined for what is no value: it is loaded again. */
  #decode(bytes: Uint8Array): V | undefined {
    try {
      return this.#codec?.decode(bytes);
    } catch {
      return undefined;
    }
  }
}
