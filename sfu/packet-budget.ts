// How much one peer may send: a bucket of whole units that fills with time. What comes on top is dropped before it
// costs anything dear. Called by: IceLite, MediaTransport. Allocates: nothing but when it is made.

export class PacketBudget {
  readonly #perMs: number;
  readonly #atOnce: number;
  #left: number;
  /** Until when it was filled. */
  #at = 0;

  /** @param atOnce what it holds when it is full, as it is at the beginning */
  constructor(perSecond: number, atOnce: number) {
    this.#perMs = perSecond / 1000;
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  /** Whether there are so many units left, which are spent then. A clock that stands or goes back fills nothing. */
  spend(units: number, now: number): boolean {
    const gained = Math.floor((now - this.#at) * this.#perMs);
    if (gained > 0) {
      this.#at += gained / this.#perMs;
      this.#left = Math.min(this.#atOnce, this.#left + gained);
    }
    if (units > this.#left) return false;
    this.#left -= units;
    return true;
  }
}
