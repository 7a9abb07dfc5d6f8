// What callers of the API have taken of their limits at one node counts at all: each tells the others, some times a
// second, what was taken since. Limits are decided in memory all the same, and nobody waits for Redis; while it is away
// each node counts for itself.
// Called by: server.ts, which makes one where there is a Redis. Owns one interval.

import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { WindowCounters } from '../../shared/cache/window-counters.ts';
import type { Clock } from '../../shared/clock.ts';
import type { RedisLink } from '../../shared/redis/redis-link.ts';

const CHANNEL = 'rates';
/** Of the cluster: what keys are hashed with, so that nodes mean the same ones. */
const COEFFICIENTS = 'rates:hash';
const TELL_EVERY_MS = 200;
/** In one message; the others come with the next ones. */
const KEYS_A_MESSAGE = 1000;
const NUMBERS_A_KEY = 4;

const message = z.object({
  from: z.string().max(32),
  /** Which coefficients its keys are hashed with. */
  hash: z.string().max(32),
  counts: z.array(z.int()).max(KEYS_A_MESSAGE * NUMBERS_A_KEY),
});

export interface RateFeedStats {
  /** Counts of keys, told to other nodes and heard of them. */
  readonly told: number;
  readonly heard: number;
}

export class RateFeed {
  readonly #link: RedisLink;
  readonly #counters: WindowCounters;
  readonly #clock: Clock;
  readonly #self = randomBytes(9).toString('base64url');
  readonly #timer: NodeJS.Timeout;
  /** Names the coefficients, and keeps them secret. */
  #hash: string;
  #hasAgreed = false;
  #isBusy = false;
  #told = 0;
  #heard = 0;

  constructor(link: RedisLink, counters: WindowCounters, clock: Clock) {
    this.#link = link;
    this.#counters = counters;
    this.#clock = clock;
    this.#hash = nameOf(bytesOf(counters.coefficients));
    link.subscribe(CHANNEL, (text) => this.#hear(text));
    link.listen({ onUp: () => (this.#hasAgreed = false) });
    this.#timer = setInterval(() => void this.#tell(), TELL_EVERY_MS);
    this.#timer.unref();
  }

  stats(): RateFeedStats {
    return { told: this.#told, heard: this.#heard };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The first node's coefficients are those of all; also those of a Redis that has forgotten them. */
  async #agree(): Promise<void> {
    const key = this.#link.prefix + COEFFICIENTS;
    const own = bytesOf(this.#counters.coefficients);
    const set = await this.#link.run((redis) => redis.setnx(key, own));
    const theirs = set === 1 ? own : await this.#link.run((redis) => redis.getBuffer(key));
    if (theirs?.length !== own.length) return;
    if (!theirs.equals(own)) {
      this.#counters.adopt(new Int32Array(Uint8Array.from(theirs).buffer));
      this.#hash = nameOf(theirs);
    }
    this.#hasAgreed = true;
  }

  /** Never rejects. What cannot be told now is not told at all: later on it would count as if it were new. */
  async #tell(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const counts: number[] = [];
    this.#counters.drainDeltas(KEYS_A_MESSAGE, (...delta) => counts.push(...delta));
    try {
      if (this.#link.state !== 'up') return;
      if (!this.#hasAgreed) await this.#agree();
      if (counts.length === 0 || !this.#hasAgreed) return;
      const said = { from: this.#self, hash: this.#hash, counts };
      await this.#link.publish(CHANNEL, JSON.stringify(said));
      this.#told += counts.length / NUMBERS_A_KEY;
    } catch {
      // The link has counted it, and says in the log when Redis is away.
    } finally {
      this.#isBusy = false;
    }
  }

  #hear(text: string): void {
    const { from, hash, counts } = message.parse(JSON.parse(text));
    if (from === this.#self || hash !== this.#hash) return;
    const now = this.#clock.monotonic();
    for (let i = 0; i + NUMBERS_A_KEY <= counts.length; i += NUMBERS_A_KEY) {
      this.#counters.addRemote(counts[i]!, counts[i + 1]!, counts[i + 2]!, counts[i + 3]!, now);
    }
    this.#heard += Math.floor(counts.length / NUMBERS_A_KEY);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Buffer {
  return Buffer.from(Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)));
}

function nameOf(coefficients: Buffer): string {
  return createHash('sha256').update(coefficients).digest('base64url').slice(0, 16);
}
