// What a tiered cache is made of and what it counts: memory, codec, options, statistics.
// Called by: whoever makes one.

import type { Clock } from '../clock.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import type { LoadStats } from './loads.ts';
import type { RedisTierStats } from './redis-tier.ts';
import type { SharedTierMemory, SharedTierStats } from './shared-tier.ts';

/** What the threads of a process share of a cache: made once, and handed to each of them. */
export interface TieredCacheMemory {
  readonly coefficients: Int32Array;
  readonly generations: SharedArrayBuffer;
  readonly tier: SharedTierMemory | undefined;
}

/** Values as bytes, for the second and third tier. `decode` may throw on what is none; its bytes are not to be kept. */
export interface Codec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

export interface TieredCacheOptions<V> {
  /** The same on all nodes, and no other cache's. */
  readonly name: string;
  readonly memory: TieredCacheMemory;
  /** This thread's number, where several share the memory; see SharedTier. */
  readonly writer?: number;
  /** Entries in this thread's own tier. */
  readonly capacity: number;
  readonly ttlMs: number;
  /** How long it is known that there is no value (`undefined` was loaded); 0 when left out: it is asked again. */
  readonly absentTtlMs?: number;
  /** For how long after its TTL a value is good while loading fails; 0 when left out. */
  readonly staleMs?: number;
  /** Without one there is the first tier alone. */
  readonly codec?: Codec<V>;
  readonly redis?: RedisLink | undefined;
  readonly loadTimeoutMs?: number;
  readonly loadsMax?: number;
  readonly waitersMax?: number;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Undefined says that there is no value. */
export type Loader<V> = (key: string) => Promise<V | undefined>;

export interface TieredCacheStats {
  readonly localHits: number;
  readonly localMisses: number;
  readonly localSize: number;
  readonly shared: SharedTierStats | undefined;
  readonly redis: RedisTierStats | undefined;
  readonly loads: LoadStats;
  /** Values handed out after their TTL, since loading failed. */
  readonly stale: number;
  /** Values loaded again before their time was over; those of them that failed. */
  readonly refreshes: number;
  readonly refreshFailures: number;
  readonly invalidations: number;
}
