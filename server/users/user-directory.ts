// Whom the sources of users know, for all media workers: asked in order, one question a name at a time, answers kept
// for a while, and for longer where no source answers. Called by: the media host, off the packet path.

import { LocalTier } from '../../shared/cache/local-tier.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import type { Settings } from '../../shared/config/schema.ts';
import type { Logger } from '../../shared/log.ts';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import type { UserAnswer } from '../../turn/index.ts';
import { HttpUsers } from './http-users.ts';
import { RedisUsers } from './redis-users.ts';
import type { UserSource } from './user-source.ts';

/** Names remembered. */
const ANSWERS_MAX = 16_384;

/** Questions at the same time: made-up names cannot drown a source. */
const QUESTIONS_MAX = 64;

/** A password is good for so many times its time while no source can be asked: calls go on. */
const STALE_TIMES = 60;

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
}

interface Known {
  readonly answer: UserAnswer;
  readonly until: number;
}

export class UserDirectory {
  readonly #sources: readonly UserSource[];
  readonly #options: UserDirectoryOptions;
  readonly #known: LocalTier<Known>;
  readonly #asking = new Map<string, Promise<FoundUser>>();
  readonly #stats: UserDirectoryStats = { found: 0, unknown: 0, failed: 0, refused: 0 };
  #complainedAt = -Infinity;

  /** @param sources in the order in which they are asked */
  constructor(sources: readonly UserSource[], options: UserDirectoryOptions) {
    this.#sources = sources;
    this.#options = options;
    this.#known = new LocalTier(ANSWERS_MAX, options.clock);
  }

  /** Never rejects. Who asks for a name that is being asked for gets the same answer. */
  find(username: string): Promise<FoundUser> {
    const now = this.#options.clock.monotonic();
    const known = this.#known.get(username, now);
    if (known !== undefined && now < known.until) {
      return Promise.resolve({ answer: known.answer, ttlMs: known.until - now });
    }
    const asking = this.#asking.get(username);
    if (asking !== undefined) return asking;
    // No source has a name that RFC 8265 lets nobody have.
    if (username === '' || opaqueString(username) === undefined) {
      return Promise.resolve({ answer: 'unknown', ttlMs: this.#options.unknownMs });
    }
    if (this.#asking.size >= QUESTIONS_MAX) {
      this.#stats.refused++;
      return Promise.resolve({ answer: 'unavailable', ttlMs: UNAVAILABLE_MS });
    }
    const question = this.#ask(username, known).finally(() => this.#asking.delete(username));
    this.#asking.set(username, question);
    return question;
  }

  stats(): UserDirectoryStats {
    return { ...this.#stats };
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  async #ask(username: string, before: Known | undefined): Promise<FoundUser> {
    const { cacheMs, unknownMs } = this.#options;
    let isDown = false;
    for (const source of this.#sources) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the first that knows the user is believed
        const password = await source.passwordOf(username);
        if (password === undefined) continue;
        if (opaqueString(password) === undefined || password === '') {
          this.#complain(source, 'a password that RFC 8265 does not allow');
          continue;
        }
        this.#stats.found++;
        return this.#note(username, { password }, cacheMs, cacheMs * STALE_TIMES);
      } catch (error) {
        isDown = true;
        this.#complain(source, error instanceof Error ? error.message : String(error));
      }
    }
    if (!isDown) {
      this.#stats.unknown++;
      return this.#note(username, 'unknown', unknownMs, unknownMs);
    }
    this.#stats.failed++;
    if (before !== undefined && typeof before.answer === 'object') {
      return { answer: before.answer, ttlMs: UNAVAILABLE_MS };
    }
    return { answer: 'unavailable', ttlMs: UNAVAILABLE_MS };
  }

  #note(username: string, answer: UserAnswer, ttlMs: number, keptMs: number): FoundUser {
    const now = this.#options.clock.monotonic();
    this.#known.set(username, { answer, until: now + ttlMs }, keptMs);
    return { answer, ttlMs };
  }

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
