// Keeps this client below the server's message and byte rates (`joined.limits`), with a bucket for each.
// Time is an argument. The server's buckets belong to the session, so they are not refilled by a resume.

import { RATE_SHARE } from './limits.ts';

export interface Rates {
  readonly ratePerSecond: number;
  readonly rateBurst: number;
  readonly rateBytesPerSecond: number;
  readonly rateBytesBurst: number;
}

class Bucket {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = (Math.max(perSecond, 1) * RATE_SHARE) / 1000;
    this.#burst = Math.max(burst * RATE_SHARE, 1);
    this.#level = this.#burst;
    this.#atMs = nowMs;
  }

  /** 0, or the milliseconds until `amount` is there; more than the burst counts as the burst. */
  waitMs(amount: number, nowMs: number): number {
    const elapsedMs = Math.max(nowMs - this.#atMs, 0);
    this.#level = Math.min(this.#burst, this.#level + elapsedMs * this.#perMs);
    this.#atMs = nowMs;
    const missing = Math.min(amount, this.#burst) - this.#level;
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  take(amount: number): void {
    this.#level -= Math.min(amount, this.#burst);
  }
}

export class SendPacer {
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  #pausedUntilMs = 0;

  /** Starts full, as the buckets of a new session do. */
  constructor(rates: Rates, nowMs: number) {
    this.#messages = new Bucket(rates.ratePerSecond, rates.rateBurst, nowMs);
    this.#bytes = new Bucket(rates.rateBytesPerSecond, rates.rateBytesBurst, nowMs);
  }

  /** 0 and a message of `bytes` is charged, or the milliseconds until it may go. */
  take(bytes: number, nowMs: number): number {
    const waitMs = Math.max(
      this.#messages.waitMs(1, nowMs),
      this.#bytes.waitMs(bytes, nowMs),
      Math.ceil(this.#pausedUntilMs - nowMs),
    );
    if (waitMs > 0) return waitMs;
    this.#messages.take(1);
    this.#bytes.take(bytes);
    return 0;
  }

  /** The server said RATE_LIMITED: nothing goes out for `forMs`. */
  pause(forMs: number, nowMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + forMs);
  }
}
