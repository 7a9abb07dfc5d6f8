// The rate that the delay allows: more while no queue grows, less at once when one does
// (draft-ietf-rmcat-gcc-02 s5.5). Called by: SendSideEstimator. Allocates: nothing.

import type { Usage } from './delay-gradient.ts';

/** s5.5: beta. */
const DECREASE = 0.85;
/** s5.5: eta, a second, as long as no queue has grown. */
const INCREASE_A_SECOND = 1.08;
/** Nobody may send much more than what is known to arrive: 1.5 times, and room to begin with. */
const AHEAD_FACTOR = 1.5;
const AHEAD_BPS = 10_000;
/**
 * Once a queue has grown everybody adds the same, whatever his rate, and more the longer ago that was: so those who
 * share a link come to share it alike. Bits a second each second, and milliseconds after which it is twice as much.
 */
const STEP_BPS = 60_000;
const STEP_DOUBLES_MS = 3000;
/** After a decrease the queue empties first, and what arrives meanwhile says nothing of the new rate. */
const DECREASE_PAUSE_MS = 200;
/**
 * So long after a probe what arrives is still what was sent before it, and the first larger frames look like a queue:
 * less is taken from what the probe found, step by step.
 */
const PROBE_TRUST_MS = 1500;

export class RateControl {
  bps: number;
  readonly #minBps: number;
  readonly #maxBps: number;
  #state: 'hold' | 'increase' = 'increase';
  #updatedAt = Number.NaN;
  #probedAt = Number.NEGATIVE_INFINITY;
  #decreasedAt = Number.NEGATIVE_INFINITY;

  constructor(startBps: number, minBps: number, maxBps: number) {
    this.bps = startBps;
    this.#minBps = minBps;
    this.#maxBps = maxBps;
  }

  /**
   * @param acknowledgedBps what arrives; below zero where that is not known
   * @param isCarried whether that is what leaves a queue: it is what the way carries, whatever a probe has found
   * @param isLimited whether less is sent than might be: what arrives then says nothing of what could
   */
  update(
    usage: Usage,
    acknowledgedBps: number,
    isCarried: boolean,
    isLimited: boolean,
    rttMs: number,
    now: number,
  ): void {
    const elapsed = Number.isNaN(this.#updatedAt) ? 0 : Math.min(now - this.#updatedAt, 1000);
    this.#updatedAt = now;
    if (usage === 'over') this.#decrease(acknowledgedBps, isCarried, rttMs, now);
    else if (usage === 'under') this.#state = 'hold';
    else if (this.#state === 'hold') this.#state = 'increase';
    else if (!isLimited) this.#increase(acknowledgedBps, elapsed, now);
  }

  /** A probe has shown what the way carries. */
  probed(bps: number, now: number): void {
    this.bps = this.#bounded(bps);
    this.#probedAt = now;
  }

  #decrease(acknowledgedBps: number, isCarried: boolean, rttMs: number, now: number): void {
    this.#state = 'hold';
    if (now - this.#decreasedAt < Math.max(DECREASE_PAUSE_MS, rttMs)) return;
    const isNoProbe = isCarried || now - this.#probedAt >= PROBE_TRUST_MS;
    const isKnown = acknowledgedBps >= 0 && isNoProbe;
    const arrives = isKnown ? acknowledgedBps : this.bps;
    this.bps = this.#bounded(Math.min(arrives * DECREASE, this.bps));
    this.#decreasedAt = now;
  }

  #increase(acknowledgedBps: number, elapsed: number, now: number): void {
    const since = now - this.#decreasedAt;
    const step =
      since === Number.POSITIVE_INFINITY
        ? Math.max(1000, this.bps * (INCREASE_A_SECOND ** (elapsed / 1000) - 1))
        : STEP_BPS * (1 + since / STEP_DOUBLES_MS) * (elapsed / 1000);
    const ceiling =
      acknowledgedBps < 0 ? Number.POSITIVE_INFINITY : AHEAD_FACTOR * acknowledgedBps + AHEAD_BPS;
    if (this.bps < ceiling) this.bps = this.#bounded(Math.min(this.bps + step, ceiling));
  }

  #bounded(bps: number): number {
    return Math.min(this.#maxBps, Math.max(this.#minBps, bps));
  }
}
