// The window that tells a mistake of a session from a habit.
// Called by: session.ts, conversation.ts. Allocates: nothing per call.

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
