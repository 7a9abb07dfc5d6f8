// The least of a quantity of a while: what lasts longer than that is no exception but what it is now.
// Called by: QueueWatch. Allocates: nothing.

/** How long it is remembered, milliseconds, and as long again. */
const SPAN_MS = 15_000;

export class RecentLeast {
  value = Number.POSITIVE_INFINITY;
  /** Of the present span alone. */
  #next = Number.POSITIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;

  take(value: number, now: number): void {
    if (now - this.#since >= SPAN_MS) {
      this.value = this.#next;
      this.#next = value;
      this.#since = now;
    }
    this.#next = Math.min(this.#next, value);
    this.value = Math.min(this.value, value);
  }

  /** So much more is part of it from now on. */
  raise(by: number): void {
    this.value += by;
    this.#next = this.value;
  }

  reset(): void {
    this.value = Number.POSITIVE_INFINITY;
    this.#next = Number.POSITIVE_INFINITY;
  }
}
