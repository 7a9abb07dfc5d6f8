// How much one encoding of a publisher takes, as those who share out a network look at it: over half a second and more,
// smoothed, with what headers cost, and without what a key frame takes once. Called by: whoever measures publications.
// Allocates: nothing.

const WINDOW_MS = 500;
const SMOOTHING = 0.5;
/** RTP, its extensions and the tag of SRTP. */
const OVERHEAD_BYTES = 45;

export class SendRate {
  /** Bits a second; 0 until it is known. */
  bps = 0;
  #bytes = 0;
  #at = Number.NaN;
  /** The window before counted for nothing. */
  #skipped = false;

  /** It has begun anew: nothing of before counts. */
  restart(): void {
    this.bps = 0;
    this.#at = Number.NaN;
  }

  /**
   * @param bytes of payloads, in all, as `packets`
   * @param keyFrameAt when the last one came: for its sake nobody falls further. Many in a row count
   */
  look(bytes: number, packets: number, keyFrameAt: number, now: number): void {
    const elapsed = now - this.#at;
    if (elapsed < WINDOW_MS) return;
    // The first look has nothing before it.
    const total = bytes + packets * OVERHEAD_BYTES;
    this.#skipped = keyFrameAt >= this.#at && this.bps > 0 && !this.#skipped;
    if (elapsed >= WINDOW_MS && !this.#skipped) {
      const bps = ((total - this.#bytes) * 8000) / elapsed;
      this.bps = this.bps === 0 ? bps : this.bps + (bps - this.bps) * SMOOTHING;
    }
    this.#bytes = total;
    this.#at = now;
  }
}
