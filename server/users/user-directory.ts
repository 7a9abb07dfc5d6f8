// Whom the sources of users know, for all media workers: asked in order, one question a name at a time, answers kept
// for a while, and for longer where no source answers. Called by: the media host, off the packet path.

import type { TieredCacheMemory, TieredCacheStats } from '../../shared/cache/cache-options.ts';
import type { TieredCache } from '../../shared/cache/tiered-cache.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import type { Settings } from '../../shared/config/schema.ts';
import type { Logger } from '../../shared/log.ts';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import type { UserAnswer } from '../../turn/index.ts';
import { HttpUsers } from './http-users.ts';
import { RedisUsers } from './redis-users.ts';
import { openUserCache, userCacheMemory } from './user-cache.ts';
import type { UserSource } from './user-source.ts';

/** Names remembered. */
const ANSWERS_MAX = 16_384;

/** Questions at the same time: made-up names cannot drown a source. */
const QUESTIONS_MAX = 64;

/** What could not be asked is asked again so soon. */
const UNAVAILABLE_MS = 1000;

/** Of a source that does not answer: one line in so long. */
const COMPLAIN_EVERY_MS = 10_000;

export interface FoundUser {
  readonly answer: UserAnswer;
  /** How long it is good. */
  readonly ttlMs: number;
}

export interface UserDirectoryOptions {
  readonly cacheMs: number;
  readonly unknownMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface UserDirectoryStats {
  /** Questions to sources, by what came of them. */
  found: number;
  unknown: number;
  failed: number;
  /** Names that were not asked for, since too many questions were open. */
  refused: number;
  readonly cache: TieredCacheStats;
}

export class UserDirectory {
  /** Where workers find what was answered. */
  readonly memory: TieredCacheMemory = userCacheMemory();
  readonly #sources: readonly UserSource[];
  readonly #options: UserDirectoryOptions;
  readonly #cache: TieredCache<string>;
  #found = 0;
  #unknown = 0;
  #failed = 0;
  #complainedAt = -Infinity;

  /** @param sources in the order in which they are asked */
  constructor(sources: readonly UserSource[], options: UserDirectoryOptions) {
    this.#sources = sources;
    this.#options = options;
    const bounds = { capacity: ANSWERS_MAX, loadsMax: QUESTIONS_MAX };
    this.#cache = openUserCache({ ...options, ...bounds, memory: this.memory });
  }

  /** Never rejects. Who asks for a name that is being asked for gets the same answer. */
  async find(username: string): Promise<FoundUser> {
    // No source has a name that RFC 8265 lets nobody have.
    if (username === '' || opaqueString(username) === undefined) {
      return { answer: 'unknown', ttlMs: this.#options.unknownMs };
    }
    try {
      const password = await this.#cache.getOrLoad(username, this.#ask);
      const freshMs = this.#cache.freshMs(username);
      const ttlMs = freshMs === 0 ? UNAVAILABLE_MS : freshMs;
      return { answer: password === undefined ? 'unknown' : { password }, ttlMs };
    } catch {
      return { answer: 'unavailable', ttlMs: UNAVAILABLE_MS };
    }
  }

  stats(): UserDirectoryStats {
    const cache = this.#cache.stats();
    return {
      found: this.#found,
      unknown: this.#unknown,
      failed: this.#failed,
      refused: cache.loads.refused,
      cache,
    };
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  /** Rejects where nobody knows the user and somebody could not be asked. */
  readonly #ask = async (username: string): Promise<string | undefined> => {
    let failure: unknown;
    for (const source of this.#sources) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the first that knows the user is believed
        const password = await source.passwordOf(username);
        if (password === undefined) continue;
        if (opaqueString(password) === undefined || password === '') {
          this.#complain(source, 'a password that RFC 8265 does not allow');
          continue;
        }
        this.#found++;
        return password;
      } catch (error) {
        failure = error;
        this.#complain(source, error instanceof Error ? error.message : String(error));
      }
    }
    if (failure !== undefined) {
      this.#failed++;
      throw failure;
    }
    this.#unknown++;
    return undefined;
  };

  #complain(source: UserSource, why: string): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    this.#options.log.warn('users.unavailable', { source: source.name, error: why });
  }
}

/** Undefined where no source is configured. */
export function openUserDirectory(turn: Settings['turn'], log: Logger): UserDirectory | undefined {
  const { redis, http, cacheSeconds, unknownSeconds } = turn.userSources;
  const sources: UserSource[] = [];
  if (redis.url !== '') sources.push(new RedisUsers(redis.url, redis.key, log));
  if (http.url !== '') sources.push(new HttpUsers({ ...http, realm: turn.realm }));
  if (sources.length === 0) return undefined;
  const cacheMs = cacheSeconds * 1000;
  return new UserDirectory(sources, {
    cacheMs,
    unknownMs: unknownSeconds * 1000,
    clock: systemClock,
    log,
  });
}
