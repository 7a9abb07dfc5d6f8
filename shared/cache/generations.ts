// Which cached values are still true, for all threads of the process at once: a number for each bucket of keys, which
// goes up when one of them is invalidated. What was loaded under another number is no more.
// Called by: the tiered cache, on each hit. Allocates: nothing.

import type { KeyHash } from './key-hash.ts';

const BUCKETS_LOG2 = 12;

export class Generations {
  readonly #numbers: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new Int32Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 << BUCKETS_LOG2);
  }

  /** The bucket of the key that was hashed last. Keys that share one are invalidated together, and loaded again. */
  static bucketOf(key: KeyHash): number {
    return key.second >>> (32 - BUCKETS_LOG2);
  }

  /**
   * A plain read: `Atomics.load` would be 10 ns of a hit's 27. It sees what another thread has changed as soon as the
   * processor does, and at the latest what was changed before a message that says so.
   */
  current(bucket: number): number {
    return this.#numbers[bucket]!;
  }

  invalidate(bucket: number): void {
    Atomics.add(this.#numbers, bucket, 1);
  }

  invalidateAll(): void {
    for (let bucket = 0; bucket < this.#numbers.length; bucket++) this.invalidate(bucket);
  }
}
