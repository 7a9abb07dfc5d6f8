// How much somebody may ask for: a bucket of units that time fills, and that what is asked for empties.
// Called by: sessions, joins and WHIP requests, ICE sessions and media transports, TURN allocations. Allocates: nothing
// but when it is made.

/** Far below a unit: sums of fractions must not turn a wait that was told into one more millisecond. */
const ROUNDING = 1e-6;

/** What changes, in an array: a number in a field of an object would be a new one on the heap each time it is set. */
const LEVEL = 0;
/** Until when the bucket was filled. A new one is full, so that no earlier time counts. */
const AT = 1;

/** `perSecond` units a second, up to `burst` at once. Time is monotonic milliseconds, handed in. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #state = new Float64Array(2);

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#state[LEVEL] = burst;
  }

  /** 0, or the milliseconds until `amount` is there. More than the burst counts as the burst. */
  waitMs(amount: number, now: number): number {
    this.#fill(now);
    const missing = Math.min(amount, this.#burst) - this.#state[LEVEL]! - ROUNDING;
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** Takes what `waitMs` has just found to be there. */
  take(amount: number): void {
    this.#state[LEVEL]! -= Math.min(amount, this.#burst);
  }

  /** Takes all of `amount` at once, or nothing: more than the burst is never there. */
  spend(amount: number, now: number): boolean {
    this.#fill(now);
    if (amount > this.#state[LEVEL]! + ROUNDING) return false;
    this.#state[LEVEL]! -= amount;
    return true;
  }

  /** A clock that stands or goes back fills nothing. */
  #fill(now: number): void {
    const state = this.#state;
    if (now <= state[AT]!) return;
    state[LEVEL] = Math.min(this.#burst, state[LEVEL]! + (now - state[AT]!) * this.#perMs);
    state[AT] = now;
  }
}
