// When a transport sends its next regular compound of reports (RFC 3550 s6.2, s6.3).
// Called by: the media transport. Allocates: nothing.

/**
 * RFC 3550 s6.2 would have 5 s, or less at high bandwidth, and RFC 4585 s3.4 no minimum at all where there is no
 * more to it than two ends. A second is what browsers take. Feedback that cannot wait goes out by itself and leaves
 * this schedule as it is.
 */
const INTERVAL_MS = 1000;

export class RtcpSchedule {
  /** Infinity before the start. */
  nextDeadline = Number.POSITIVE_INFINITY;
  readonly #random: () => number;

  /** @param random from 0 to 1, so that transports do not report all at once */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The transport is connected. Its first compound comes after half the time (RFC 3550 s6.2). */
  start(now: number): void {
    this.nextDeadline = now + this.#interval() / 2;
  }

  /** Whether to send a compound now; the next one is due an interval after this one, however late it is. */
  due(now: number): boolean {
    if (!(now >= this.nextDeadline)) return false;
    this.nextDeadline = now + this.#interval();
    return true;
  }

  /**
   * Half to one and a half times (RFC 3550 s6.3.1). Both ends know each other from the start, so that there is
   * nothing to reconsider (s6.3.3), and nothing to compensate for that.
   */
  #interval(): number {
    return INTERVAL_MS * (0.5 + this.#random());
  }
}
