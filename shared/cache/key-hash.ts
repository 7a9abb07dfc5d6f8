// Where a key belongs in a table that all threads share: two multilinear sums with secret random coefficients, so that
// nobody who chooses keys can choose which ones meet. It costs less than half of what the fastest hash of node:crypto
// does, and needs no memory.
// Called by: the shared tier, generations and window counters. Allocates: nothing on `hash`.

import { randomBytes } from 'node:crypto';

/** A pair of coefficients for the length, and one for each code unit. */
const PAIR = 2;

/** For keys of at most `unitsMax` UTF-16 code units. Threads that share a table share its coefficients. */
export function randomCoefficients(unitsMax: number): Int32Array {
  const bytes = randomBytes(4 * PAIR * (1 + unitsMax));
  const coefficients = new Int32Array(PAIR * (1 + unitsMax));
  new Uint8Array(coefficients.buffer).set(bytes);
  return coefficients;
}

/**
 * Two different keys have the same `first` with a probability of 2^-17 at most, whatever code units they are of, and of
 * 2^-25 where these are ASCII; `second` is independent of it. The upper bits are the better ones.
 */
export class KeyHash {
  /** The code units of the last key, two a word, the earlier one in the lower half; an odd last one has 0 above it. */
  readonly words: Int32Array;
  wordCount = 0;
  unitCount = 0;
  /** Of the last key, signed 32 bits each. */
  first = 0;
  second = 0;
  readonly #coefficients: Int32Array;
  readonly #unitsMax: number;

  constructor(coefficients: Int32Array) {
    this.#coefficients = coefficients;
    this.#unitsMax = coefficients.length / PAIR - 1;
    this.words = new Int32Array((this.#unitsMax + 1) >> 1);
  }

  /** False for a key that is too long: then nothing is known of it. */
  hash(key: string): boolean {
    const { length } = key;
    if (length > this.#unitsMax) return false;
    const k = this.#coefficients;
    const words = this.words;
    let one = Math.imul(k[0]!, length);
    let two = Math.imul(k[1]!, length);
    let count = 0;
    for (let i = 0; i < length; i += 2) {
      const at = PAIR * (1 + i);
      const lower = key.charCodeAt(i);
      const upper = i + 1 < length ? key.charCodeAt(i + 1) : 0;
      one = (one + Math.imul(k[at]!, lower)) | 0;
      two = (two + Math.imul(k[at + 1]!, lower)) | 0;
      if (i + 1 < length) {
        one = (one + Math.imul(k[at + 2]!, upper)) | 0;
        two = (two + Math.imul(k[at + 3]!, upper)) | 0;
      }
      words[count++] = lower | (upper << 16);
    }
    this.wordCount = count;
    this.unitCount = length;
    this.first = one;
    this.second = two;
    return true;
  }
}
