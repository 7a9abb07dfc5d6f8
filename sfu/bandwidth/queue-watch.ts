// How long the queue on the way is, by the delay itself and not by how it changes; and while there is one, what leaves
// it, which is what the way carries. Called by: SendSideEstimator. Allocates: nothing.

import { RecentLeast } from './recent-least.ts';

/** Clocks and feedback are no finer: what waited for less than that found no queue. */
const IDLE_QUEUE_MS = 2;
/** What leaves a queue is looked at over so long; of less time or fewer packets it says nothing. */
const WINDOW_MS = 300;
const SPAN_MS_MIN = 50;
const PACKETS_MIN = 4;
/** Nothing arrived for so long: the way has stood still, which says nothing of what it carries. */
const STILL_MS = 250;
/** A queue that is longer than this for so long is there to stay, unless less is sent. */
export const STANDING_MS = 100;
const STANDING_FOR_MS = 150;
/** One that has not become shorter in this time, however little was sent, is somebody else's: it is part of the way. */
const OTHERS_AFTER_MS = 2000;
const SHORTER = 0.9;
/** Every packet of a message of feedback has met so much of it, and it carries so little of what was thought. */
const OVERFLOW_MS = 35;
const OVERFLOW_SHARE = 0.7;
/** What has not arrived this long after it could have says something of what the way carries. */
const LATE_MS = 25;

export class QueueWatch {
  /** What every packet that the last feedback told of has waited for. */
  queueMs = 0;
  /** What leaves the queue, bits a second; -1 while there is none, or too short. */
  carriedBps = -1;
  #delayMs = Number.POSITIVE_INFINITY;
  readonly #least = new RecentLeast();
  /** From sending to hearing of it. */
  readonly #leastRtt = new RecentLeast();
  #standingSince = Number.NaN;
  /** How long it was at most since it was last looked at whether it becomes shorter, and when that was. */
  #longestMs = 0;
  #lookedAt = 0;
  /** Of the queue's window: the first arrival, and what came after it. */
  #windowAt = Number.NaN;
  #lastArrival = 0;
  #bytes = 0;
  #packets = 0;
  /** When that first one could have arrived, and its bytes. */
  #headAt = Number.NaN;
  #headBytes = 0;

  /**
   * A packet that arrived, in the order of sending; milliseconds of two clocks. They have nothing in common, so that
   * the delay itself says nothing: the least of a while is what the way takes with no queue.
   */
  arrived(sentAt: number, arrivalAt: number, bytes: number): void {
    const delayMs = arrivalAt - sentAt;
    this.#delayMs = Math.min(this.#delayMs, delayMs);
    const couldArriveAt = sentAt + this.#least.value;
    if (!this.#findsQueue(couldArriveAt) || arrivalAt - this.#lastArrival > STILL_MS) {
      this.carriedBps = -1;
      this.#begin(arrivalAt, couldArriveAt, bytes);
      return;
    }
    this.#lastArrival = Math.max(this.#lastArrival, arrivalAt);
    this.#bytes += bytes;
    this.#packets++;
    const elapsed = arrivalAt - this.#windowAt;
    if (this.#packets < PACKETS_MIN || !(elapsed >= SPAN_MS_MIN)) return;
    this.carriedBps = (this.#bytes * 8000) / elapsed;
    if (elapsed >= WINDOW_MS) this.#begin(arrivalAt, arrivalAt, 0);
  }

  /** Feedback has told of all that `arrived` was called for. @param rttMs since the last of it was sent */
  told(rttMs: number, now: number): void {
    this.#least.take(this.#delayMs, now);
    this.#leastRtt.take(rttMs, now);
    this.queueMs = this.#delayMs - this.#least.value;
    this.#delayMs = Number.POSITIVE_INFINITY;
    if (this.queueMs < STANDING_MS) this.#standingSince = Number.NaN;
    else if (Number.isNaN(this.#standingSince)) {
      this.#standingSince = now;
      this.#look(now);
    } else {
      this.#longestMs = Math.max(this.#longestMs, this.queueMs);
      if (now - this.#lookedAt < OTHERS_AFTER_MS) return;
      if (this.queueMs > SHORTER * this.#longestMs) this.#accept();
      this.#look(now);
    }
  }

  /** A full queue grows no more and is too long all the same. */
  stands(now: number): boolean {
    return now - this.#standingSince >= STANDING_FOR_MS;
  }

  /**
   * Whether the way carries much less than that, which its queue has shown: nobody waits until it is full. A burst on
   * a way that is as wide as was thought makes a queue, too, but leaves it fast.
   */
  overflowsAt(bps: number): boolean {
    return (
      this.queueMs >= OVERFLOW_MS && this.carriedBps >= 0 && this.carriedBps < OVERFLOW_SHARE * bps
    );
  }

  /** Whether the feedback that has just come should have told of a packet that was sent then. */
  isLate(sentAt: number, now: number): boolean {
    return now - this.#leastRtt.value - sentAt >= LATE_MS;
  }

  /**
   * Whether a packet that is late shows that the way carries much less than `bps`: even with it, what came since its
   * queue began to form would be that little.
   */
  holdsUp(sentAt: number, bytes: number, bps: number, now: number): boolean {
    const couldArriveAt = sentAt + this.#least.value;
    const finds = this.#findsQueue(couldArriveAt);
    const toldAt = now + this.#least.value - this.#leastRtt.value;
    const elapsed = toldAt - (finds ? this.#headAt : couldArriveAt);
    const carried = bytes + (finds ? this.#headBytes + this.#bytes : 0);
    return elapsed >= LATE_MS && (carried * 8000) / elapsed < OVERFLOW_SHARE * bps;
  }

  /** Another way: what was measured is of the old one. */
  reset(): void {
    this.queueMs = 0;
    this.carriedBps = -1;
    this.#least.reset();
    this.#leastRtt.reset();
    this.#standingSince = Number.NaN;
    this.#windowAt = Number.NaN;
    this.#headAt = Number.NaN;
  }

  /** Whether something that was sent before was still in the queue when that packet came to it. */
  #findsQueue(couldArriveAt: number): boolean {
    return couldArriveAt + IDLE_QUEUE_MS < this.#lastArrival;
  }

  #look(now: number): void {
    this.#longestMs = this.queueMs;
    this.#lookedAt = now;
  }

  #accept(): void {
    this.#least.raise(this.queueMs);
    this.#leastRtt.raise(this.queueMs);
    this.queueMs = 0;
    this.#standingSince = Number.NaN;
  }

  #begin(arrivalAt: number, headAt: number, headBytes: number): void {
    this.#windowAt = arrivalAt;
    this.#lastArrival = arrivalAt;
    this.#bytes = 0;
    this.#packets = 0;
    this.#headAt = headAt;
    this.#headBytes = headBytes;
  }
}
