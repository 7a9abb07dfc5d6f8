// The last durations of something, for percentiles in statistics.
// Called by: service.ts. Allocates: nothing per duration, a sorted copy per question.

export interface DurationStats {
  /** Of all time; the percentiles are of the last ones only. */
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class Durations {
  readonly #last: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#last = new Float64Array(size);
  }

  add(ms: number): void {
    this.#last[this.#count++ % this.#last.length] = ms;
  }

  stats(): DurationStats {
    const sorted = this.#last.slice(0, Math.min(this.#count, this.#last.length)).toSorted();
    const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
    return { count: this.#count, p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}
