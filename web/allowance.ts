// How much of what others send is shown: a few at once, then some a second, of each sender. A token bucket for each;
// what is above is dropped. Pure.

const SENDERS_MAX = 512;

interface Bucket {
  left: number;
  at: number;
}

export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** False: that was too much. `now` in milliseconds. */
  take(sender: string, now: number): boolean {
    const bucket = this.#buckets.get(sender) ?? { left: this.#burst, at: now };
    const earned = (Math.max(0, now - bucket.at) / 1000) * this.#perSecond;
    bucket.left = Math.min(this.#burst, bucket.left + earned);
    bucket.at = now;
    // The one that was heard of longest ago makes room.
    this.#buckets.delete(sender);
    this.#buckets.set(sender, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > SENDERS_MAX && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
