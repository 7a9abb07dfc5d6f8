// The passwords of users outside that one worker asked for are there for all of them: in memory that threads share,
// never in a Redis or on a disk.
// Called by: the directory, which fills it on the main thread; media workers, which only read.

import { TieredCache } from '../../shared/cache/tiered-cache.ts';
import type { Codec, TieredCacheMemory } from '../../shared/cache/cache-options.ts';
import type { Clock } from '../../shared/clock.ts';
import type { KnownUser } from '../../turn/index.ts';

/** As many as a worker remembers; a slot has room for names and passwords of some 110 characters each. */
const SHARED_MAX = 4096;
const SLOT_BYTES = 384;

/** A password is good for so many times its time while no source can be asked: calls go on. */
const STALE_TIMES = 60;

export interface UserCacheOptions {
  readonly memory: TieredCacheMemory;
  /** Names in this thread's own tier. */
  readonly capacity: number;
  readonly cacheMs: number;
  readonly unknownMs: number;
  /** At the same time. */
  readonly loadsMax: number;
  readonly clock: Clock;
}

const password: Codec<string> = {
  encode: (text) => Buffer.from(text),
  decode: ({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString(),
};

export function userCacheMemory(): TieredCacheMemory {
  return TieredCache.memory(SHARED_MAX, SLOT_BYTES);
}

export function openUserCache(options: UserCacheOptions): TieredCache<string> {
  const { cacheMs, unknownMs } = options;
  return new TieredCache({
    ...options,
    name: 'users',
    codec: password,
    ttlMs: cacheMs,
    absentTtlMs: unknownMs,
    staleMs: (STALE_TIMES - 1) * cacheMs,
  });
}

/** What a worker finds there of users that others have asked for. */
export function knownUsers(
  memory: TieredCacheMemory,
  cacheMs: number,
  clock: Clock,
): (username: string) => KnownUser | undefined {
  // The worker remembers what it was told, in a tier of its own.
  const cache = openUserCache({ memory, capacity: 1, cacheMs, unknownMs: 0, loadsMax: 1, clock });
  return (username) => {
    const found = cache.get(username);
    return found === undefined ? undefined : { password: found, ttlMs: cache.freshMs(username) };
  };
}
