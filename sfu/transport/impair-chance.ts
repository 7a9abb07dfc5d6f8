// Numbers that a seed repeats, so that a bad network is the same bad network each time. Not for secrets.
// Called by: ImpairedLink. Allocates: nothing once it is made.

/** Mulberry32: uniform from 0 to 1, without 1. */
export class ImpairChance {
  readonly #state = new Int32Array(1);

  constructor(seed: number) {
    this.#state[0] = seed;
  }

  next(): number {
    const state = (this.#state[0]! + 0x6d2b79f5) | 0;
    this.#state[0] = state;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
