// How long the queue on the way is, by the delay itself and not by how it changes; and while there is one, what leaves
// it, which is what the way carries. Called by: SendSideEstimator. Allocates: nothing.

/** How long the least delay is remembered, and as long again. */
const LEAST_DELAY_MS = 15_000;
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

export class QueueWatch {
  /** What every packet that the last feedback told of has waited for. */
  queueMs = 0;
  /** What leaves the queue, bits a second; -1 while there is none, or too short. */
  carriedBps = -1;
  #delayMs = Number.POSITIVE_INFINITY;
  #leastMs = Number.POSITIVE_INFINITY;
  /** Of the present span alone. */
  #leastNextMs = Number.POSITIVE_INFINITY;
  #leastSince = Number.NEGATIVE_INFINITY;
  #standingSince = Number.NaN;
  /** How long it was at most since it was last looked at whether it becomes shorter, and when that was. */
  #longestMs = 0;
  #lookedAt = 0;
  /** Of the queue's window: the first arrival, and what came after it. */
  #windowAt = Number.NaN;
  #lastArrival = 0;
  #bytes = 0;
  #packets = 0;

  /**
   * A packet that arrived, in the order of sending; milliseconds of two clocks. They have nothing in common, so that
   * the delay itself says nothing: the least of a while is what the way takes with no queue.
   */
  arrived(sentAt: number, arrivalAt: number, bytes: number): void {
    const delayMs = arrivalAt - sentAt;
    this.#delayMs = Math.min(this.#delayMs, delayMs);
    // Whether all that was sent before had left the queue when this came to it.
    const wasEmpty = sentAt + this.#leastMs + IDLE_QUEUE_MS >= this.#lastArrival;
    if (wasEmpty || arrivalAt - this.#lastArrival > STILL_MS) {
      this.carriedBps = -1;
      this.#begin(arrivalAt);
      return;
    }
    this.#lastArrival = Math.max(this.#lastArrival, arrivalAt);
    this.#bytes += bytes;
    this.#packets++;
    const elapsed = arrivalAt - this.#windowAt;
    if (this.#packets < PACKETS_MIN || !(elapsed >= SPAN_MS_MIN)) return;
    this.carriedBps = (this.#bytes * 8000) / elapsed;
    if (elapsed >= WINDOW_MS) this.#begin(arrivalAt);
  }

  /** Feedback has told of all that `arrived` was called for. */
  told(now: number): void {
    const delayMs = this.#delayMs;
    this.#delayMs = Number.POSITIVE_INFINITY;
    if (now - this.#leastSince >= LEAST_DELAY_MS) {
      this.#leastMs = this.#leastNextMs;
      this.#leastNextMs = delayMs;
      this.#leastSince = now;
    }
    this.#leastNextMs = Math.min(this.#leastNextMs, delayMs);
    this.#leastMs = Math.min(this.#leastMs, delayMs);
    this.queueMs = delayMs - this.#leastMs;
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

  /** Another way: what was measured is of the old one. */
  reset(): void {
    this.queueMs = 0;
    this.carriedBps = -1;
    this.#leastMs = Number.POSITIVE_INFINITY;
    this.#leastNextMs = Number.POSITIVE_INFINITY;
    this.#standingSince = Number.NaN;
    this.#windowAt = Number.NaN;
  }

  #look(now: number): void {
    this.#longestMs = this.queueMs;
    this.#lookedAt = now;
  }

  #accept(): void {
    this.#leastMs += this.queueMs;
    this.#leastNextMs = this.#leastMs;
    this.queueMs = 0;
    this.#standingSince = Number.NaN;
  }

  #begin(arrivalAt: number): void {
    this.#windowAt = arrivalAt;
    this.#lastArrival = arrivalAt;
    this.#bytes = 0;
    this.#packets = 0;
  }
}
