// How fast one identity may join one room: a join is read, answered and told to everybody, and a token lets in for ever
// new connections. Called by: join.ts. Bounded: where there are too many, the one that was quiet longest starts anew.

import type { Clock } from '../shared/clock.ts';
import { LocalTier } from '../shared/cache/local-tier.ts';
import type { SignalingLimits } from './limits.ts';
import { TokenBucket } from '../shared/token-bucket.ts';

const IDENTITIES_MAX = 4096;

export class JoinRates {
  readonly #clock: Clock;
  readonly #limits: SignalingLimits['joins'];
  readonly #buckets: LocalTier<TokenBucket>;

  constructor(clock: Clock, limits: SignalingLimits['joins']) {
    this.#clock = clock;
    this.#limits = limits;
    this.#buckets = new LocalTier(IDENTITIES_MAX, clock);
  }

  /** Charges one join: 0, or the milliseconds to wait, and then nothing is charged. */
  charge(room: string, identity: string): number {
    const now = this.#clock.monotonic();
    const { perSecond, burst } = this.#limits;
    const key = JSON.stringify([room, identity]);
    const bucket = this.#buckets.get(key, now) ?? new TokenBucket(perSecond, burst);
    // Who has been quiet for so long has a full bucket.
    this.#buckets.set(key, bucket, (1000 * burst) / perSecond);
    const waitMs = bucket.waitMs(1, now);
    if (waitMs === 0) bucket.take(1);
    return waitMs;
  }
}
