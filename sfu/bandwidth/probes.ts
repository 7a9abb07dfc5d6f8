// Short bursts faster than the estimate, which show at once what growing step by step would find in many seconds.
// `Probes` decides when and how fast; whoever sends asks `due` what to send, and feedback says what came of it.
// Called by: SendSideEstimator. Allocates: nothing.

/** The first bursts last this long, and later ones twice as long; each has at least so many packets. */
const BURST_MS = 15;
const BURST_PACKETS_MIN = 5;
/** Of the start rate, one after the other, as soon as there is a way. */
const FIRST_FACTORS = [3, 6] as const;
const NEXT_FACTOR = 2;
/** A probe that finds this much of its rate is followed by another. */
const FOUND_ENOUGH = 0.7;
/** And only when that is more than what was known. */
const FOUND_NEW = 1.1;
/** While more is wanted than there is, milliseconds; twice as long after each that finds nothing new. */
const AGAIN_MS = 3000;
const AGAIN_MS_MAX = 6000;
/** One that finds more, and less than it was to find, is followed by the next after this. */
const MORE_MS = 1000;
/** One that could not be sent as fast as it should says nothing; the next one begins after this. */
const RETRY_MS = 300;
/** Of its rate, what it has to be sent with. */
const SENT_ENOUGH = 0.7;
/**
 * After a fall: a burst sees what the link carries and not how much of it others take, so who shares one grows step
 * by step.
 */
const AFTER_FALL_MS = 5000;
/** Nobody waits longer for feedback of a burst. */
const RESULT_MS_MAX = 1000;
/** Of a burst, what must have arrived for it to count, and of its time. */
const ARRIVED_SHARE = 0.5;
const ARRIVED_MIN = 4;
const SPREAD_MS_MAX = 1000;
/** s of libwebrtc: when it arrives slower than it was sent, a queue was filled, and it is a little less. */
const QUEUED = 0.9;
const QUEUED_SHARE = 0.95;
/** What arrives so much faster was held up and then let go: it says nothing. */
const RATIO_MAX = 2;

export class Probes {
  /** Of the burst that is being sent or waited for; 0 while there is none. */
  id = 0;
  #rateBps = 0;
  #burstMs = BURST_MS;
  #bytesLeft = 0;
  #packetsLeft = 0;
  #startedAt = 0;
  #lastId = 0;

  #sentBytes = 0;
  #sentPackets = 0;
  #arrivedBytes = 0;
  #arrivedPackets = 0;
  #firstSent = 0;
  #lastSent = 0;
  #lastSequence = 0;
  #lastSentBytes = 0;
  #firstArrival = 0;
  #firstArrivalBytes = 0;
  #lastArrival = 0;

  #firstsLeft = FIRST_FACTORS.length as number;
  #nextAt = 0;
  #pauseMs = AGAIN_MS;
  #followUpBps = 0;

  /**
   * Begins a burst where one is wanted.
   * @param wantedBps what would be sent if it could; nobody probes for more than that
   */
  plan(estimateBps: number, wantedBps: number, now: number): void {
    if (this.id !== 0) {
      if (now - this.#startedAt < RESULT_MS_MAX) return;
      this.#end();
    }
    if (wantedBps <= estimateBps) return;
    let rate = 0;
    if (this.#firstsLeft > 0) {
      rate = estimateBps * FIRST_FACTORS[FIRST_FACTORS.length - this.#firstsLeft]!;
      this.#firstsLeft--;
    } else if (this.#followUpBps > 0) {
      rate = this.#followUpBps;
      this.#followUpBps = 0;
    } else if (now >= this.#nextAt) {
      rate = estimateBps * NEXT_FACTOR;
      this.#burstMs = 2 * BURST_MS;
      this.#nextAt = now + this.#pauseMs;
      this.#pauseMs = Math.min(AGAIN_MS_MAX, this.#pauseMs * 2);
    }
    if (rate > 0) this.#begin(Math.min(rate, wantedBps * 1.2), now);
  }

  /** The rate fell: what is there now may soon be more. */
  fell(now: number): void {
    this.#pauseMs = AGAIN_MS;
    this.#nextAt = now + AFTER_FALL_MS;
    this.#followUpBps = 0;
    this.#firstsLeft = 0;
  }

  /** Bytes that the burst is behind, of which whoever sends sends as much as it can now; 0 while there is none. */
  due(now: number): number {
    if (this.#bytesLeft <= 0 && this.#packetsLeft <= 0) return 0;
    const elapsed = now - this.#startedAt + 1;
    const should = (this.#rateBps * Math.min(elapsed, this.#burstMs)) / 8000;
    return Math.max(0, should - this.#sentBytes);
  }

  /** Whether the burst goes on. */
  get isSending(): boolean {
    return this.#bytesLeft > 0 || this.#packetsLeft > 0;
  }

  /** A packet was sent; returns the burst that it is part of, or 0. */
  sent(sequence: number, bytes: number, now: number): number {
    if (!this.isSending) return 0;
    this.#lastSequence = sequence;
    if (this.#sentPackets === 0) this.#firstSent = now;
    this.#sentBytes += bytes;
    this.#sentPackets++;
    this.#lastSent = now;
    this.#lastSentBytes = bytes;
    this.#bytesLeft -= bytes;
    this.#packetsLeft--;
    return this.id;
  }

  /** A packet of the burst arrived. */
  arrived(id: number, bytes: number, arrivalAt: number): void {
    if (id !== this.id) return;
    if (this.#arrivedPackets === 0) {
      this.#firstArrival = arrivalAt;
      this.#firstArrivalBytes = bytes;
    }
    this.#arrivedPackets++;
    this.#arrivedBytes += bytes;
    this.#lastArrival = Math.max(this.#lastArrival, arrivalAt);
  }

  /**
   * Feedback has told of all up to that packet; returns what the way carries, bits a second, or -1 where that is not
   * known by now.
   */
  told(sequence: number, estimateBps: number): number {
    if (this.id === 0 || this.isSending) return -1;
    if (((sequence - this.#lastSequence) & 0xffff) >= 0x8000) return -1;
    const needed = Math.max(ARRIVED_MIN, this.#sentPackets * ARRIVED_SHARE);
    const result = this.#arrivedPackets < needed ? -1 : this.#result();
    const isNew = result > FOUND_NEW * estimateBps;
    if (isNew && result > FOUND_ENOUGH * this.#rateBps) this.#followUpBps = result * NEXT_FACTOR;
    else this.#firstsLeft = 0;
    if (isNew) this.#nextAt = this.#startedAt + MORE_MS;
    if (result > estimateBps) this.#pauseMs = AGAIN_MS;
    if (this.#sentBps < SENT_ENOUGH * this.#rateBps) this.#nextAt = this.#startedAt + RETRY_MS;
    this.#end();
    return result;
  }

  /** So many intervals are one packet less than there are: at the end of sending, at the beginning of arriving. */
  get #sentBps(): number {
    const elapsed = Math.max(1, this.#lastSent - this.#firstSent);
    return ((this.#sentBytes - this.#lastSentBytes) * 8000) / elapsed;
  }

  #result(): number {
    const sentMs = this.#lastSent - this.#firstSent;
    const arrivalMs = this.#lastArrival - this.#firstArrival;
    if (sentMs <= 0 || arrivalMs <= 0 || sentMs > SPREAD_MS_MAX || arrivalMs > SPREAD_MS_MAX) {
      return -1;
    }
    const sentBps = this.#sentBps;
    const arrivalBps = ((this.#arrivedBytes - this.#firstArrivalBytes) * 8000) / arrivalMs;
    if (arrivalBps > RATIO_MAX * sentBps) return -1;
    return arrivalBps < QUEUED * sentBps
      ? QUEUED_SHARE * arrivalBps
      : Math.min(sentBps, arrivalBps);
  }

  #begin(rateBps: number, now: number): void {
    this.#lastId = (this.#lastId % 0xffff) + 1;
    this.id = this.#lastId;
    this.#rateBps = rateBps;
    this.#bytesLeft = (rateBps * this.#burstMs) / 8000;
    this.#packetsLeft = BURST_PACKETS_MIN;
    this.#startedAt = now;
    this.#sentBytes = 0;
    this.#sentPackets = 0;
    this.#arrivedBytes = 0;
    this.#arrivedPackets = 0;
    this.#lastArrival = Number.NEGATIVE_INFINITY;
  }

  #end(): void {
    this.id = 0;
    this.#bytesLeft = 0;
    this.#packetsLeft = 0;
  }
}
