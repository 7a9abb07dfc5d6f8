// Third cache tier: what all nodes of a cluster share by Redis, and how they tell each other what is no longer true.
// Every key has a mark beside its value, which an invalidation changes; a value is stored only under the mark that was
// read before it was loaded, so that what was loaded too early, on whichever node, never comes back.
// Called by: the tiered cache. While Redis is away it says that it knows nothing, at once.

import { randomBytes } from 'node:crypto';
import type { RedisLink } from '../redis/redis-link.ts';
import { decodeStored, encodeHead, encodeStored, type StoredValue } from './stored-value.ts';

/** How long a mark is kept: loads that began before it have to be over by then. */
const MARK_TTL_MS = 120_000;
const LOAD_MS_MAX = MARK_TTL_MS / 2;

/** Invalidations that Redis has not heard of yet; with more of them all is invalidated. */
const UNTOLD_MAX = 1000;
const TELL_AGAIN_MS = 1000;

/** Larger ones stay on their node. */
const VALUE_BYTES_MAX = 1024 * 1024;

/** KEYS: epoch, mark, value. An absent mark is ''. */
const READ = `
return {redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or '',
  redis.call('GET', KEYS[3]), redis.call('PTTL', KEYS[3])}`;
/** ARGV: epoch and mark as read, value, its TTL. */
const WRITE = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
return 1`;
/** ARGV: new mark, its TTL, channel, message. */
const INVALIDATE = `
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[3])
return redis.call('PUBLISH', ARGV[3], ARGV[4])`;
/** ARGV: the same, and the value's TTL, its head before the epoch, its bytes. */
const REPLACE = `
local epoch = redis.call('GET', KEYS[1]) or ''
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], ARGV[6] .. string.char(#epoch) .. epoch .. ARGV[7], 'PX', ARGV[5])
return redis.call('PUBLISH', ARGV[3], ARGV[4])`;
/** The same as for one, for all keys: values carry the epoch they are of. */
const INVALIDATE_ALL = `
redis.call('SET', KEYS[1], ARGV[1])
return redis.call('PUBLISH', ARGV[3], ARGV[4])`;

/** What stood beside the value when it was read; good for one `write`. */
export interface ReadMark {
  readonly epoch: Buffer;
  readonly mark: Buffer;
  readonly linkGeneration: number;
  readonly readAt: number;
}

export interface RemoteValue extends StoredValue {
  readonly remainingMs: number;
}

export interface RedisTierStats {
  readonly hits: number;
  readonly misses: number;
  /** Reads, writes and invalidations that Redis did not take. */
  readonly failed: number;
  /** Values that were not stored since they may have been invalidated while they were loaded. */
  readonly outdated: number;
  /** Invalidations that Redis has not been told yet. */
  readonly untold: number;
  /** Invalidations that others told. */
  readonly heard: number;
}

/** Told which key is no longer true; undefined for all of them. */
export type OnInvalidated = (key: string | undefined) => void;

export class RedisTier {
  readonly #link: RedisLink;
  readonly #channel: string;
  readonly #keyPrefix: string;
  readonly #now: () => number;
  readonly #onInvalidated: OnInvalidated;
  readonly #self = randomBytes(9).toString('base64url');
  /** Keys and which of their invalidations was the last. */
  readonly #untold = new Map<string, number>();
  readonly #leave: readonly (() => void)[];
  #allUntold = 0;
  #tellAgain: NodeJS.Timeout | undefined;
  #invalidations = 0;
  #hits = 0;
  #misses = 0;
  #failed = 0;
  #outdated = 0;
  #heard = 0;

  /** `name` is the cache's, the same on all nodes. */
  constructor(link: RedisLink, name: string, now: () => number, onInvalidated: OnInvalidated) {
    this.#link = link;
    this.#channel = `cache:${name}`;
    this.#keyPrefix = `${link.prefix}cache:${name}:`;
    this.#now = now;
    this.#onInvalidated = onInvalidated;
    this.#leave = [
      link.subscribe(this.#channel, (message) => this.#hear(message)),
      link.listen({ onUp: () => this.#catchUp() }),
    ];
  }

  /** Undefined when Redis cannot say. The mark is for storing what is loaded instead. */
  async read(key: string): Promise<{ mark: ReadMark; value: RemoteValue | undefined } | undefined> {
    if (this.#allUntold > 0 || this.#untold.has(key)) return undefined;
    const readAt = this.#now();
    const linkGeneration = this.#link.generation;
    const reply = await this.#eval(READ, key, []);
    if (!isList(reply)) return undefined;
    const [epoch, mark, stored, remainingMs] = reply;
    if (!Buffer.isBuffer(epoch) || !Buffer.isBuffer(mark)) return undefined;
    const decoded = Buffer.isBuffer(stored) ? decodeStored(stored, epoch) : undefined;
    const isGood = decoded !== undefined && typeof remainingMs === 'number' && remainingMs > 0;
    if (isGood) this.#hits++;
    else this.#misses++;
    return {
      mark: { epoch, mark, linkGeneration, readAt },
      value: isGood ? { ...decoded, remainingMs } : undefined,
    };
  }

  /** Stores what was loaded after the mark was read, unless the key has been invalidated since, on any node. */
  async write(key: string, read: ReadMark, value: StoredValue, ttlMs: number): Promise<void> {
    if ((value.bytes?.length ?? 0) > VALUE_BYTES_MAX || !(ttlMs >= 1)) return;
    const isOld =
      this.#allUntold > 0 ||
      this.#untold.has(key) ||
      // A Redis that has come back may have lost its marks.
      read.linkGeneration !== this.#link.generation ||
      this.#now() - read.readAt > LOAD_MS_MAX;
    if (isOld) {
      this.#outdated++;
      return;
    }
    const stored = encodeStored(value, read.epoch);
    const written = await this.#eval(WRITE, key, [
      read.epoch,
      read.mark,
      stored,
      Math.floor(ttlMs),
    ]);
    if (written === 0) this.#outdated++;
  }

  /**
   * Takes the value away and tells all nodes; undefined stands for all keys. Says whether that is done; otherwise it is
   * done as soon as Redis is back, and until then this node does without its values.
   */
  async invalidate(key: string | undefined): Promise<boolean> {
    const number = this.#note(key);
    return this.#tell(this.#allUntold > 0 ? undefined : key, number);
  }

  /** Puts another value in the place of the one there is, and tells all nodes. Says what `invalidate` says. */
  async replace(key: string, value: StoredValue, ttlMs: number): Promise<boolean> {
    const number = this.#note(key);
    const size = value.bytes?.length ?? 0;
    if (this.#allUntold > 0) return this.#tell(undefined, number);
    return this.#tell(
      key,
      number,
      size <= VALUE_BYTES_MAX && ttlMs >= 1 ? { value, ttlMs } : undefined,
    );
  }

  /** Until Redis has been told, this node does without its value. */
  #note(key: string | undefined): number {
    const number = ++this.#invalidations;
    if (key !== undefined && this.#untold.size < UNTOLD_MAX) {
      this.#untold.set(key, number);
    } else {
      this.#allUntold = number;
      this.#untold.clear();
    }
    return number;
  }

  stats(): RedisTierStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      failed: this.#failed,
      outdated: this.#outdated,
      untold: this.#untold.size + Math.min(1, this.#allUntold),
      heard: this.#heard,
    };
  }

  close(): void {
    clearTimeout(this.#tellAgain);
    for (const leave of this.#leave) leave();
  }

  async #tell(
    key: string | undefined,
    number: number,
    replacement?: { readonly value: StoredValue; readonly ttlMs: number },
  ): Promise<boolean> {
    const message = JSON.stringify({ from: this.#self, ...(key === undefined ? {} : { key }) });
    const mark = randomBytes(9).toString('base64url');
    const channel = this.#link.prefix + this.#channel;
    const args: (string | number | Buffer)[] = [mark, MARK_TTL_MS, channel, message];
    let script = key === undefined ? INVALIDATE_ALL : INVALIDATE;
    if (replacement !== undefined) {
      const { value, ttlMs } = replacement;
      script = REPLACE;
      args.push(Math.floor(ttlMs), encodeHead(value), Buffer.from(value.bytes ?? []));
    }
    const told = await this.#eval(script, key ?? '', args);
    if (typeof told !== 'number') {
      // Where it has failed although the link is up, no `onUp` would say it again.
      this.#tellAgain ??= setTimeout(() => this.#tellUntold(), TELL_AGAIN_MS).unref();
      return false;
    }
    if (key === undefined) this.#allTold(number);
    else if (this.#untold.get(key) === number) this.#untold.delete(key);
    return true;
  }

  /** With all keys those that were noted before. */
  #allTold(number: number): void {
    if (this.#allUntold <= number) this.#allUntold = 0;
    for (const [key, noted] of this.#untold) if (noted <= number) this.#untold.delete(key);
  }

  /** What was published while the link was down is lost, and what we had to tell waits. */
  #catchUp(): void {
    this.#onInvalidated(undefined);
    this.#tellUntold();
  }

  #tellUntold(): void {
    clearTimeout(this.#tellAgain);
    this.#tellAgain = undefined;
    if (this.#link.state !== 'up') return;
    if (this.#allUntold > 0) void this.#tell(undefined, this.#allUntold);
    for (const [key, number] of this.#untold) void this.#tell(key, number);
  }

  #hear(message: string): void {
    const heard = readMessage(message);
    // Our own were done when they were sent, and what has been stored since is newer.
    if (heard === undefined || heard.from === this.#self) return;
    this.#heard++;
    this.#onInvalidated(heard.key);
  }

  /** Undefined when Redis did not take it. */
  async #eval(script: string, key: string, args: (string | number | Buffer)[]): Promise<unknown> {
    const prefix = this.#keyPrefix;
    const keys = [`${prefix}epoch`, `${prefix}m:${key}`, `${prefix}v:${key}`];
    try {
      return await this.#link.run((redis) =>
        redis.callBuffer('EVAL', script, keys.length, ...keys, ...args),
      );
    } catch {
      this.#failed++;
      return undefined;
    }
  }
}

function isList(reply: unknown): reply is readonly unknown[] {
  return Array.isArray(reply);
}

function readMessage(message: string): { from: unknown; key: string | undefined } | undefined {
  try {
    const parsed: unknown = JSON.parse(message);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const from: unknown = Reflect.get(parsed, 'from');
    const key: unknown = Reflect.get(parsed, 'key');
    return key === undefined || typeof key === 'string' ? { from, key } : undefined;
  } catch {
    return undefined;
  }
}
