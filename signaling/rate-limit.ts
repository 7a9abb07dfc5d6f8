// Token buckets for what a session sends, and the window that tells a mistake from a habit.
// Called by: session.ts, conversation.ts. Allocates: nothing per call.

/** Far below a unit: sums of fractions must not turn a wait that was told into one more millisecond. */
const ROUNDING = 1e-6;

/** `perSecond` units a second, up to `burst` at once. Time is monotonic milliseconds, handed in. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#level = burst;
    this.#at = now;
  }

  /** 0, or the milliseconds until `amount` is there. More than the burst counts as the burst. */
  waitMs(amount: number, now: number): number {
    if (now > this.#at) {
      this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMs);
      this.#at = now;
    }
    const missing = Math.min(amount, this.#burst) - this.#level - ROUNDING;
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** Takes what `waitMs` has just found to be there. */
  take(amount: number): void {
    this.#level -= Math.min(amount, this.#burst);
  }
}

/** The times of the last violations; full within one window means that the sender keeps at it. */
export class Violations {
  readonly #times: Float64Array;
  readonly #windowMs: number;
  #at = 0;

  constructor(max: number, windowMs: number) {
    this.#times = new Float64Array(max).fill(-Infinity);
    this.#windowMs = windowMs;
  }

  /** Counts one; true when `max` of them now lie within the window. */
  add(now: number): boolean {
    this.#times[this.#at] = now;
    this.#at = (this.#at + 1) % this.#times.length;
    return now - this.#times[this.#at]! < this.#windowMs;
  }
}
