// A rate that all threads keep together without a lock: a virtual clock (GCRA) of two shared words, which runs ahead of
// time by what was taken, and so far and no further.
// Called by: SourceCap, SharedBandwidth, TcpMeter. Allocates: nothing per call.

/**
 * Ticks of a virtual clock in a second. 32 bits of them are 32 s, and a clock stays within 16 s of time; at a million
 * units a second one is 134 ticks, so that rounding changes the rate by less than 0.8 %.
 */
export const TICKS_PER_SECOND: number = 2 ** 27;

/** Words of a clock: where it stands, and the second it was moved in. */
const CLOCK = 0;
const SECOND = 1;
export const CLOCK_WORDS = 2;

/** What `attempt` says. */
export const TAKEN = 1;
export const REFUSED = 0;
/** Another thread was quicker, or the clock had to be set first: try again. */
export const AGAIN = -1;

/** Threads that move the same clock make each other try again. */
const ATTEMPTS_MAX = 64;

/** A second that no time is near to. */
const NEVER = -(2 ** 30);

export function tickOf(now: number): number {
  return ((now / 1000) * TICKS_PER_SECOND) | 0;
}

export function secondOf(now: number): number {
  return (now / 1000) | 0;
}

export class SharedRate {
  readonly #words: Int32Array;
  readonly #ahead: number;
  /** A clock that nobody has moved for so many whole seconds says nothing. */
  readonly #staleSeconds: number;

  /** @param ahead how far a clock may be ahead of time, in ticks: at most 8 s of them */
  constructor(words: Int32Array, ahead: number) {
    this.#words = words;
    this.#ahead = ahead;
    this.#staleSeconds = Math.ceil(ahead / TICKS_PER_SECOND) + 1;
  }

  /** Moves the clock at `at` on by that many ticks, or leaves it where it would get too far ahead. */
  attempt(at: number, cost: number, tick: number, second: number): number {
    const words = this.#words;
    // Read before SECOND, which is written before it: a clock that looks fresh is never an old one.
    const clock = Atomics.load(words, at + CLOCK);
    const moved = Atomics.load(words, at + SECOND);
    if (this.#isStale(moved, second)) {
      this.restart(at, clock, tick, second);
      return AGAIN;
    }
    const ahead = Math.max(0, (clock - tick) | 0) + cost;
    if (ahead > this.#ahead) return REFUSED;
    if (((second - moved) | 0) > 0) Atomics.compareExchange(words, at + SECOND, moved, second);
    const next = (tick + ahead) | 0;
    return Atomics.compareExchange(words, at + CLOCK, clock, next) === clock ? TAKEN : AGAIN;
  }

  /** As `attempt`, again until it is said. */
  take(at: number, cost: number, tick: number, second: number): boolean {
    for (let n = 0; n < ATTEMPTS_MAX; n++) {
      const outcome = this.attempt(at, cost, tick, second);
      if (outcome !== AGAIN) return outcome === TAKEN;
    }
    return false;
  }

  /** Gives back what was just taken. */
  giveBack(at: number, cost: number): void {
    Atomics.sub(this.#words, at + CLOCK, cost);
  }

  /** How far the clock is ahead, in ticks; -1 for one that says nothing any more. */
  aheadOf(at: number, tick: number, second: number): number {
    const words = this.#words;
    if (this.#isStale(Atomics.load(words, at + SECOND), second)) return -1;
    return Math.max(0, (Atomics.load(words, at + CLOCK) - tick) | 0);
  }

  /** Where the clock stands, for `restart`. */
  read(at: number): number {
    return Atomics.load(this.#words, at + CLOCK);
  }

  /** Sets the clock to now, unless another thread has moved it from `clock`; then SECOND, so that it counts. */
  restart(at: number, clock: number, tick: number, second: number): void {
    if (Atomics.compareExchange(this.#words, at + CLOCK, clock, tick) === clock) {
      Atomics.store(this.#words, at + SECOND, second);
    }
  }

  /** Makes a clock that says nothing yet. */
  clear(at: number): void {
    Atomics.store(this.#words, at + SECOND, NEVER);
  }

  #isStale(moved: number, second: number): boolean {
    return ((second - moved) | 0) >= this.#staleSeconds;
  }
}
