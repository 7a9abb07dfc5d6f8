// A histogram of durations whose buckets grow with the value (as HdrHistogram's do): 16 to each power of two, so that a
// percentile is at most a sixteenth too high, from a microsecond to a minute, in 1.5 KiB.
// Called by: latency.ts. Allocates: nothing on `record`.

const PART_BITS = 4;
const PARTS = 1 << PART_BITS;
/** 67 seconds; what took longer counts as that. */
const VALUE_MAX = 2 ** 26 - 1;
const BUCKETS = bucketOf(VALUE_MAX) + 1;

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** The greatest value that was recorded. */
  get max(): number {
    return this.#max;
  }

  /** A whole number of microseconds. */
  record(us: number): void {
    const value = us > VALUE_MAX ? VALUE_MAX : us < 0 ? 0 : us;
    this.#counts[bucketOf(value)]!++;
    this.#count++;
    if (us > this.#max) this.#max = us;
  }

  /** The least value that no smaller part than `part` (0 to 1) is above; 0 when nothing was recorded. */
  percentile(part: number): number {
    let left = Math.max(1, Math.ceil(part * this.#count));
    if (this.#count === 0) return 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(highestIn(bucket), this.#max);
    }
    return this.#max;
  }

  add(other: LatencyHistogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#counts[bucket]! += other.#counts[bucket]!;
    }
    this.#count += other.#count;
    this.#max = Math.max(this.#max, other.#max);
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}

/** Values below 16 have a bucket each. */
function bucketOf(value: number): number {
  if (value < PARTS) return value;
  const shift = 31 - Math.clz32(value) - PART_BITS;
  return ((shift + 1) << PART_BITS) + ((value >>> shift) & (PARTS - 1));
}

function highestIn(bucket: number): number {
  if (bucket < PARTS) return bucket;
  const shift = (bucket >>> PART_BITS) - 1;
  return ((PARTS + (bucket & (PARTS - 1)) + 1) << shift) - 1;
}
