// How fast each remote address may send requests to the WHIP and WHEP endpoints (RFC 9725 s5); with IPv6 a whole /64 is
// one address. Called by: whip-endpoint.ts, before anything of a request is read.
// Bounded: where there are too many addresses, the one that was quiet longest starts anew.

import { addressKey } from '../../shared/net/address-key.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';

export interface RequestRateLimits {
  readonly perSecond: number;
  readonly burst: number;
  readonly addresses: number;
}

/** A browser that trickles sends one request a candidate, and a whole class may sit behind one address. */
export const REQUEST_RATE_LIMITS: RequestRateLimits = {
  perSecond: 50,
  burst: 200,
  addresses: 10_000,
};

export class RequestRates {
  readonly #limits: RequestRateLimits;
  /** The quietest first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limits: RequestRateLimits = REQUEST_RATE_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Charges one request: 0, or the milliseconds to wait, and then nothing is charged. `now` is monotonic. */
  waitMs(remoteAddress: string, now: number): number {
    const { perSecond, burst, addresses } = this.#limits;
    const key = addressKey(remoteAddress);
    const known = this.#buckets.get(key);
    const bucket = known ?? new TokenBucket(perSecond, burst);
    if (known !== undefined) this.#buckets.delete(key);
    else if (this.#buckets.size >= addresses) this.#dropQuietest();
    this.#buckets.set(key, bucket);
    const waitMs = bucket.waitMs(1, now);
    if (waitMs === 0) bucket.take(1);
    return waitMs;
  }

  #dropQuietest(): void {
    const quietest = this.#buckets.keys().next();
    if (quietest.done !== true) this.#buckets.delete(quietest.value);
  }
}
