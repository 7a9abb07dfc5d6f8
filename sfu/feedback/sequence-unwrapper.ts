// Sequence numbers that do not wrap, made of those of 16 bits (RFC 3550 appendix A.1).
// Called by: publications, ArrivalLog. Allocates: nothing.

/**
 * Numbers begin in the second cycle, so that what was sent before the first packet that came has one, too, and
 * none is ever below zero. Those of RFC 3550 s6.4.1 are less by one cycle.
 */
export const SEQUENCE_CYCLE = 0x1_0000;
/** A number that is ahead by so many or more belongs to a source that began anew. */
export const SEQUENCE_RESTART_GAP = 0x8000;

/** Ahead of all before it; what it leaves out is missing. */
export const SEQUENCE_NEW = 1;
/** Behind the highest one, or that one again: reordered, repeated, or brought by RTX. */
export const SEQUENCE_LATE = 2;
/** Too far from the others to be one of them: dropped, unless the next one follows it. */
export const SEQUENCE_STRAY = 3;
/** The second in a row far from the others: the source began anew. Its number is ahead by half a cycle or more. */
export const SEQUENCE_RESTART = 4;

/** Of RFC 3550's 100 (MAX_MISORDER) more, since what is asked for again comes round trips later. */
const LATE_MAX = 4096;
const NONE = -1;

export class SequenceUnwrapper {
  /** Of the packet that was unwrapped last, unless it was a stray. Its low 16 bits are what it was made of. */
  extended = NONE;
  /** The highest so far; -1 before the first. */
  highest = NONE;
  /** What would follow the stray that came last (bad_seq). */
  #suspect = NONE;

  /** Takes a number of 16 bits, sets `extended`, and says which of SEQUENCE_* it is. The first is new. */
  unwrap(
    sequenceNumber: number,
  ): typeof SEQUENCE_NEW | typeof SEQUENCE_LATE | typeof SEQUENCE_STRAY | typeof SEQUENCE_RESTART {
    if (this.highest < 0) {
      this.#advance(SEQUENCE_CYCLE + sequenceNumber);
      return SEQUENCE_NEW;
    }
    const ahead = (sequenceNumber - this.highest) & 0xffff;
    if (ahead > 0 && ahead < SEQUENCE_RESTART_GAP) {
      this.#advance(this.highest + ahead);
      return SEQUENCE_NEW;
    }
    const behind = -ahead & 0xffff;
    if (behind <= LATE_MAX) {
      this.extended = this.highest - behind;
      return SEQUENCE_LATE;
    }
    if (sequenceNumber !== this.#suspect) {
      this.#suspect = (sequenceNumber + 1) & 0xffff;
      return SEQUENCE_STRAY;
    }
    this.#advance(this.highest + ahead);
    return SEQUENCE_RESTART;
  }

  #advance(extended: number): void {
    this.highest = extended;
    this.extended = extended;
    this.#suspect = NONE;
  }
}
