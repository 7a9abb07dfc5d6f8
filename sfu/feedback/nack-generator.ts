// Which packets of one incoming source are missing, and when each is asked for again (RFC 4585 s6.2.1).
// Called by: publications. Allocates: nothing but when made. Sequence numbers are those of SequenceUnwrapper.

/** Beyond so many a key frame is the shorter way; libwebrtc and mediasoup have the same number. */
const MISSING_MAX = 1000;
/** Each is asked for so often at most, as in libwebrtc and mediasoup. */
const TRIES_MAX = 10;
/** What the network only reordered comes by itself within that time. */
const REORDER_MS = 5;
/** Nothing is asked for again sooner than a round trip, whatever the RTT is said to be. */
const RTT_MIN_MS = 20;
const RTT_MAX_MS = 1000;
/** Before anybody has measured it; libwebrtc begins with the same. */
const RTT_UNKNOWN_MS = 100;
const NONE = -1;
const NEVER = Number.POSITIVE_INFINITY;

export class NackGenerator {
  /** When `due` may have something to ask for, or nothing any more; Infinity while nothing is missing. */
  nextDeadline = NEVER;
  readonly #historyPackets: number;
  /** The missing numbers, ascending; when each is due, and how often it was asked for. */
  readonly #missing: Float64Array;
  readonly #dueAt: Float64Array;
  readonly #tries: Uint8Array;
  #count = 0;
  #highest = NONE;

  /** @param historyPackets how far behind the highest number a packet is still of use */
  constructor(historyPackets: number) {
    this.#historyPackets = historyPackets;
    const most = Math.min(MISSING_MAX, historyPackets);
    this.#missing = new Float64Array(most);
    this.#dueAt = new Float64Array(most);
    this.#tries = new Uint8Array(most);
  }

  /** How many are missing. */
  get missing(): number {
    return this.#count;
  }

  /**
   * A packet came, itself or in RTX. True where more is missing, or for longer, than asking again can mend: all of
   * it is given up, and the publisher is to be asked for a key frame.
   */
  received(extended: number, now: number): boolean {
    const highest = this.#highest;
    if (extended <= highest) {
      this.#found(extended);
      return false;
    }
    this.#highest = extended;
    if (highest === NONE) return false;
    const gap = extended - highest - 1;
    const oldest = this.#count > 0 ? this.#missing[0]! : highest + 1;
    if (gap + this.#count > this.#missing.length || extended - oldest > this.#historyPackets) {
      this.#forget(0, this.#count);
      return true;
    }
    if (gap > 0) this.#miss(highest + 1, gap, now);
    return false;
  }

  /** A key frame begins with that number: decoders need nothing of what was before it. Before or after `received`. */
  keyFrameStarted(extended: number): void {
    this.#forget(0, this.#indexOf(extended));
    if (extended > this.#highest) this.#highest = extended - 1;
  }

  /**
   * Writes the numbers that are to be asked for now, ascending and of 16 bits, into `out`; returns how many. They
   * count as asked for; what `out` has no place for stays due. 250 of them fit into a NACK of 1012 bytes, however
   * far they are apart.
   * @param rttMs to the publisher; 0 or NaN where it is not known
   */
  due(now: number, rttMs: number, out: Uint16Array): number {
    if (!(now >= this.nextDeadline)) return 0;
    // Written out here, since a function that returns a fraction allocates it.
    const known = rttMs > 0 ? rttMs : RTT_UNKNOWN_MS;
    const again = now + Math.max(RTT_MIN_MS, Math.min(RTT_MAX_MS, known));
    let asked = 0;
    let kept = 0;
    let deadline = NEVER;
    for (let i = 0; i < this.#count; i++) {
      let dueAt = this.#dueAt[i]!;
      let tries = this.#tries[i]!;
      if (now >= dueAt) {
        if (tries === TRIES_MAX) continue;
        if (asked < out.length) {
          out[asked++] = this.#missing[i]!;
          tries++;
          dueAt = again;
        }
      }
      this.#missing[kept] = this.#missing[i]!;
      this.#dueAt[kept] = dueAt;
      this.#tries[kept++] = tries;
      if (dueAt < deadline) deadline = dueAt;
    }
    this.#count = kept;
    this.nextDeadline = deadline;
    return asked;
  }

  #miss(first: number, gap: number, now: number): void {
    const dueAt = now + REORDER_MS;
    for (let i = 0; i < gap; i++) {
      this.#missing[this.#count] = first + i;
      this.#dueAt[this.#count] = dueAt;
      this.#tries[this.#count++] = 0;
    }
    if (dueAt < this.nextDeadline) this.nextDeadline = dueAt;
  }

  #found(extended: number): void {
    const at = this.#indexOf(extended);
    if (at < this.#count && this.#missing[at] === extended) this.#forget(at, 1);
  }

  #forget(at: number, count: number): void {
    this.#missing.copyWithin(at, at + count, this.#count);
    this.#dueAt.copyWithin(at, at + count, this.#count);
    this.#tries.copyWithin(at, at + count, this.#count);
    this.#count -= count;
    if (this.#count === 0) this.nextDeadline = NEVER;
  }

  /** Of the first one that is not below that number. */
  #indexOf(extended: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#missing[middle]! < extended) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
