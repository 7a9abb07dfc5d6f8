// Whether a service that has failed some times in a row may be asked: not for a while, and then by one who probes.
// Called by: RedisLink. Time is an argument. Allocates: nothing.

export type BreakerState = 'closed' | 'open' | 'probing';

export class CircuitBreaker {
  readonly #failuresMax: number;
  readonly #openMs: number;
  #state: BreakerState = 'closed';
  #failures = 0;
  #until = 0;
  #opened = 0;

  /** Opens for `openMs` after `failuresMax` failures in a row, and again after a probe that fails. */
  constructor(failuresMax: number, openMs: number) {
    this.#failuresMax = failuresMax;
    this.#openMs = openMs;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** How often it opened after it had been closed. */
  get opened(): number {
    return this.#opened;
  }

  /** Whether to ask now. Who is told yes while it is not closed is the one who probes. */
  allows(now: number): boolean {
    if (this.#state === 'closed') return true;
    // A probe of which nobody hears again must not keep it open for good: another one follows.
    if (now < this.#until) return false;
    this.#state = 'probing';
    this.#until = now + this.#openMs;
    return true;
  }

  succeed(): void {
    this.#state = 'closed';
    this.#failures = 0;
  }

  fail(now: number): void {
    this.#failures++;
    if (this.#state === 'closed') {
      if (this.#failures < this.#failuresMax) return;
      this.#opened++;
    } else if (this.#state === 'open') {
      // Asked before it opened: nothing new.
      return;
    }
    this.#state = 'open';
    this.#until = now + this.#openMs;
  }
}
