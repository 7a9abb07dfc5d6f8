// Who a bearer belongs to, remembered for a few minutes by the whole field, so that a server that asks often is judged
// once. What is remembered ends with the token, and all of it when a key is revoked.
// Called by: the gate. Allocates: nothing for a bearer that is known.

import { LocalTier } from '../shared/cache/local-tier.ts';
import type { Clock } from '../shared/clock.ts';
import { bearerIn, missingBearer } from './bearer.ts';
import type { Caller } from './caller.ts';
import { GatewayProblem } from './problem.ts';

/** Of bearers that are good; others are nobody's to remember here. */
const KNOWN_MAX = 4096;
const KNOWN_MS = 300_000;

export interface Verdict {
  readonly caller: Caller;
  /** Unix time, milliseconds. */
  readonly expiresAt: number;
  /** Asked each time; left out where nothing but a change of keys ends it. */
  readonly isRevoked?: () => boolean;
}

export interface Judge {
  /** Whose it is: a token, or `key:secret`; or why it counts for nothing. Never throws. */
  judge(bearer: string): Verdict | GatewayProblem;
  /** From then on nothing that was judged before counts. */
  onChange?(listener: () => void): void;
}

export class Authenticator {
  readonly #judge: Judge;
  readonly #clock: Clock;
  readonly #known: LocalTier<Verdict>;

  constructor(judge: Judge, clock: Clock) {
    this.#judge = judge;
    this.#clock = clock;
    this.#known = new LocalTier(KNOWN_MAX, clock);
    judge.onChange?.(() => this.#known.clear());
  }

  /** Undefined where it has to be judged. `now` is monotonic. */
  known(authorization: string, now: number): Caller | undefined {
    const verdict = this.#known.get(authorization, now);
    if (verdict === undefined || verdict.isRevoked?.() === true) return undefined;
    return verdict.caller;
  }

  judge(authorization: string): Caller | GatewayProblem {
    const bearer = bearerIn(authorization);
    if (bearer === undefined) return missingBearer();
    const verdict = this.#judge.judge(bearer);
    if (verdict instanceof GatewayProblem) return verdict;
    const leftMs = verdict.expiresAt - this.#clock.wall();
    this.#known.set(authorization, verdict, Math.min(leftMs, KNOWN_MS));
    return verdict.caller;
  }
}
