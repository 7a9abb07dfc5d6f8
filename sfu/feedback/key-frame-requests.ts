// When the publisher of one video stream is asked for a key frame, however many want one (RFC 4585 s6.3.1,
// RFC 5104 s4.3.1). Called by: publications. Allocates: nothing.

import type { RtcpWriter } from '../rtp/rtcp-writer.ts';

/** LiveKit merges within 500 ms to 1 s, mediasoup within 1 s, Galene within 500 ms, Jitsi within 200 ms. */
const MERGE_MS = 500;
/** Some round trips; mediasoup repeats after the same time. No sooner than the bucket gains one. */
const REPEAT_MS = 1000;
/** A publisher that answered none of these cannot, or will not: the next wish begins anew. */
const REPEATS_MAX = 5;
/**
 * A bucket of 5 requests that gains one each second: 15 in any 10 s at most, repeats and all. Each second one still
 * goes out, so that whoever joins among a crowd does not wait longer.
 */
const BURST = 5;
const REFILL_MS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

export class KeyFrameRequests {
  /** When the next request is due; Infinity while nobody waits for a key frame. */
  nextDeadline = NEVER;
  readonly #fir: boolean;
  #sentAt = -NEVER;
  /** When the bucket is full again. */
  #fullAt = -NEVER;
  #repeats = 0;
  /** Since the last request somebody wished for another: it is not a repetition. */
  #wished = false;
  /** Counts wishes; eight bits of it are sent. */
  #command = -1;

  /** @param fir whether PLI was not negotiated, and FIR has to do */
  constructor(fir: boolean) {
    this.#fir = fir;
  }

  /** Somebody cannot go on without a key frame. */
  wish(now: number): void {
    this.#wished = true;
    const allowedAt = this.#fullAt - (BURST - 1) * REFILL_MS;
    this.nextDeadline = Math.max(now, this.#sentAt + MERGE_MS, allowedAt);
  }

  /** A key frame began, or nobody waits for one any more. */
  keyFrameStarted(): void {
    this.#wished = false;
    this.nextDeadline = NEVER;
  }

  /** Whether to send a request now, which then counts as sent. */
  due(now: number): boolean {
    if (!(now >= this.nextDeadline)) return false;
    this.#repeats = this.#wished ? 0 : this.#repeats + 1;
    // RFC 5104 s4.3.1.1: a repetition has the number of what it repeats.
    if (this.#wished) this.#command++;
    this.#wished = false;
    this.#sentAt = now;
    this.#fullAt = Math.max(now, this.#fullAt) + REFILL_MS;
    this.nextDeadline = this.#repeats < REPEATS_MAX ? now + REPEAT_MS : NEVER;
    return true;
  }

  /** Writes the request that was due last; false where there is no room. */
  write(rtcp: RtcpWriter, senderSsrc: number, mediaSsrc: number): boolean {
    return this.#fir
      ? rtcp.fullIntraRequest(senderSsrc, mediaSsrc, this.#command)
      : rtcp.pictureLoss(senderSsrc, mediaSsrc);
  }
}
