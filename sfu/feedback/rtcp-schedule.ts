// When a transport sends its next regular compound of reports (RFC 3550 s6.2, s6.3).
// Called by: the media transport. Allocates: nothing.

/**
 * RFC 3550 s6.2 would have 5 s, or less at high bandwidth, and RFC 4585 s3.4 no minimum at all where there is no
 * more to it than two ends. A second is what browsers take. Feedback that cannot wait goes out by itself and leaves
 * this schedule as it is.
 */
const INTERVAL_MS = 1000;

/** How much before its time a compound may go, where media goes anyway: that costs next to nothing. */
const EARLY_MS = 200;

export class RtcpSchedule {
  /** Infinity before the start. */
  nextDeadline = Number.POSITIVE_INFINITY;
  /** From when on a compound may go along with media. */
  earliest = Number.POSITIVE_INFINITY;
  readonly #random: () => number;

  /** @param random from 0 to 1, so that transports do not report all at once */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The transport is connected. Its first compound comes after half the time (RFC 3550 s6.2). */
  start(now: number): void {
    this.nextDeadline = now + this.#interval() / 2;
    this.earliest = this.nextDeadline;
  }

  /** Whether to send a compound now; the next one is due an interval after this one, however late it is. */
  due(now: number): boolean {
    return now >= this.nextDeadline && this.#next(now);
  }

  /** As `due`, at a moment when media is sent: no sooner than RFC 3550 s6.3.1 lets the shortest interval end. */
  goesAlong(now: number): boolean {
    return now >= this.earliest && this.#next(now);
  }

  #next(now: number): true {
    const interval = this.#interval();
    this.nextDeadline = now + interval;
    this.earliest = now + Math.max(INTERVAL_MS / 2, interval - EARLY_MS);
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
