// A histogram of latencies, in steps of 5 us up to a second. Allocates: nothing per latency.

const STEP_US = 5;
const STEPS = 200_000;

export class Latencies {
  readonly #counts = new Uint32Array(STEPS);
  #count = 0;

  note(ms: number): void {
    const step = Math.floor((1000 * ms) / STEP_US);
    this.#counts[Math.max(0, Math.min(STEPS - 1, step))]!++;
    this.#count++;
  }

  /** Microseconds, the middle of a step; 0 where nothing was noted. */
  percentile(fraction: number): number {
    let left = Math.ceil(this.#count * fraction);
    if (left === 0) return 0;
    for (let step = 0; step < STEPS; step++) {
      left -= this.#counts[step]!;
      if (left <= 0) return (step + 0.5) * STEP_US;
    }
    return STEPS * STEP_US;
  }
}
