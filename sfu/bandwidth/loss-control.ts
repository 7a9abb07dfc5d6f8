// The rate that losses allow (draft-ietf-rmcat-gcc-02 s6), told apart from losses that have nothing to do with the
// rate, as those of a radio link: a cut is an experiment. What is lost as before at the lower rate is the link's own
// share, and the cut is taken back. Called by: SendSideEstimator. Allocates: nothing.

/** So many packets, and so long, are one observation. */
const WINDOW_MS = 250;
const PACKETS_MIN = 20;
/** s6: below it there is room, above it a queue overflows; of what is not the link's own share. */
const LOW = 0.02;
const HIGH = 0.1;
/** s6: at most half of the share that was lost. */
const CUT = 0.5;
const INCREASE_A_SECOND = 1.08;
/** From the cut until what was sent after it has been told of: a round trip and this. */
const SETTLE_MS = 500;
/** Had the rate been the cause, less would be lost now: a share below this of what it was. */
const SAME = 0.75;
/** More than that no link loses by itself and is worth a call. */
const OWN_MAX = 0.35;
/** The link's own share is forgotten when less is lost, each observation so much of the difference. */
const FORGET = 0.1;

export class LossControl {
  /** Bits a second; Infinity while losses allow anything. */
  bps = Number.POSITIVE_INFINITY;
  /** Of the last observation, 0 to 1. */
  lossShare = 0;
  /** What is lost whatever the rate. */
  #own = 0;
  #packets = 0;
  #received = 0;
  #lost = 0;
  #since = Number.NaN;
  #cutAt = Number.NaN;
  #cutShare = 0;
  #cutFrom = 0;

  /** @param targetBps what is sent at most, until now */
  update(received: number, lost: number, targetBps: number, rttMs: number, now: number): void {
    if (Number.isNaN(this.#since)) this.#since = now;
    this.#received += received;
    this.#lost += lost;
    const packets = this.#received + this.#lost;
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS || packets < PACKETS_MIN) return;
    this.lossShare = this.#lost / packets;
    this.#packets = packets;
    this.#received = 0;
    this.#lost = 0;
    this.#since = now;
    this.#judge(this.lossShare, targetBps, rttMs, now, elapsed);
  }

  /** A probe got through at that rate. */
  probed(bps: number): void {
    if (this.lossShare - this.#own < HIGH) this.bps = Math.max(this.bps, bps);
  }

  #judge(share: number, targetBps: number, rttMs: number, now: number, elapsed: number): void {
    const isTrying = !Number.isNaN(this.#cutAt);
    if (isTrying && now - this.#cutAt < rttMs + SETTLE_MS) return;
    if (isTrying) {
      this.#cutAt = Number.NaN;
      if (share > this.#cutShare * SAME && share < OWN_MAX) {
        this.#own = share;
        this.bps = this.#cutFrom;
        return;
      }
    }
    if (share < this.#own) this.#own += FORGET * (share - this.#own);
    const excess = share - this.#own;
    // Of few packets, many may be lost by chance.
    const chance = 2 * Math.sqrt((this.#own * (1 - this.#own)) / this.#packets);
    if (excess > HIGH + chance) {
      this.#cutAt = now;
      this.#cutShare = share;
      this.#cutFrom = targetBps;
      this.bps = targetBps * (1 - CUT * excess);
    } else if (excess < LOW + chance && this.bps !== Number.POSITIVE_INFINITY) {
      this.bps *= INCREASE_A_SECOND ** (elapsed / 1000);
      // Far above what anybody sends it holds nobody back, and would have to come down a long way.
      if (this.bps > 2 * targetBps) this.bps = Number.POSITIVE_INFINITY;
    }
  }
}
