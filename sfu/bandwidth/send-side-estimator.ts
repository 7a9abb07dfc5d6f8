// How much a subscriber's network carries, estimated by the sender from transport-wide feedback
// (draft-ietf-rmcat-gcc-02): by delay, by loss, and by probes. No socket, no clock of its own.
// Called by: OutgoingPath. Allocates: nothing per packet.

import type { TransportCcReader } from '../rtp/transport-cc-reader.ts';
import { AcknowledgedRate } from './acknowledged-rate.ts';
import { DelayGradient, type Usage } from './delay-gradient.ts';
import { LossControl } from './loss-control.ts';
import { Probes } from './probes.ts';
import { QueueWatch, STANDING_MS } from './queue-watch.ts';
import { RateControl } from './rate-control.ts';
import { SentLog } from './sent-log.ts';

/** Enough for sound and the lowest layer, until more is known. */
export const START_BPS = 300_000;
export const MIN_BPS = 30_000;
export const MAX_BPS = 50_000_000;

const TICKS_PER_MS = 4;
/** Of what may be sent, what is sent: below this the sender is limited by what there is to send. */
const LIMITED_SHARE = 0.65;
const LIMITED_WINDOW_MS = 500;
/** One that is about to be sent counts as if it had been. */
const PACKET_BYTES = 1200;
/** So long after a sign of congestion, what is measured and what is lost may still be of it. */
const CONGESTED_MS = 500;
/** What a queue that overflows loses at least. */
const LOSING = 0.1;
const FULL_MS = 250;
/** And so long the way may not carry much more than is sent. */
const NARROW_MS = 10_000;
/** So many packets in a row are late: one alone may have been lost. */
const LATE_PACKETS = 3;
/** Nobody waits longer for feedback that tells more. */
const DOUBT_MS = 150;
/** Less than this of what it was: it fell, and did not swing. */
const FELL = 0.9;
/** Feedback names no more packets that were lost, so that what it costs is bounded. */
const LOST_MAX = 512;

export class SendSideEstimator {
  readonly probes = new Probes();
  /** Of the newest packet that feedback told of, milliseconds; its own delay is in it. */
  rttMs = 100;
  readonly #log = new SentLog();
  readonly #delay = new DelayGradient();
  readonly #acknowledged = new AcknowledgedRate();
  readonly #loss = new LossControl();
  readonly #queue = new QueueWatch();
  readonly #rate = new RateControl(START_BPS, MIN_BPS, MAX_BPS);
  /** The first number that no feedback has spoken of, unwrapped ticks of the receiver, and the last of them. */
  #nextSequence = -1;
  #lastTicks = 0;
  #arrivalAt = Number.NaN;
  #windowAt = Number.NaN;
  #windowBytes = 0;
  #isLimited = false;
  /** The last one that was sent, the last one before the rate fell, and when there was a sign of congestion. */
  #lastSequence = 0;
  #fellSequence = 0;
  #congestedAt = Number.NEGATIVE_INFINITY;
  /** Of a queue that is full, or soon will be. */
  #fullAt = Number.NEGATIVE_INFINITY;
  /** Since when what has not arrived says that the way may carry much less than was thought; NaN while it does not. */
  #doubtSince = Number.NaN;
  #bps = START_BPS;

  /** Bits a second, all headers included. */
  get bps(): number {
    return this.#bps;
  }

  /** What arrives, bits a second; below zero until that is known. */
  get acknowledgedBps(): number {
    return this.#acknowledged.bps;
  }

  /** 0 to 1. */
  get lossShare(): number {
    return this.#loss.lossShare;
  }

  get isApplicationLimited(): boolean {
    return this.#isLimited;
  }

  /** Bytes that no feedback has told of. */
  get inFlight(): number {
    return this.#log.inFlight;
  }

  /** A packet left with that transport-wide number. */
  sent(sequence: number, bytes: number, now: number): void {
    if (this.#nextSequence < 0) {
      this.#nextSequence = sequence;
      this.#fellSequence = sequence;
    }
    this.#lastSequence = sequence;
    this.#log.sent(sequence, bytes, this.probes.sent(sequence, bytes, now), now);
    if (Number.isNaN(this.#windowAt)) this.#windowAt = now;
    const elapsed = now - this.#windowAt;
    if (elapsed >= LIMITED_WINDOW_MS) {
      const sent = this.#windowBytes + PACKET_BYTES;
      this.#isLimited = (sent * 8000) / elapsed < LIMITED_SHARE * this.#bps;
      this.#windowAt = now;
      this.#windowBytes = 0;
    }
    this.#windowBytes += bytes;
  }

  /**
   * Feedback that `reader` has begun with. It is hostile: what was never sent, or is told twice, counts for nothing.
   */
  feedback(reader: TransportCcReader, now: number): void {
    let received = 0;
    let lost = 0;
    let newestSentAt = Number.NaN;
    let newestSequence = 0;
    while (reader.next()) {
      const { sequenceNumber } = reader;
      if (!this.#log.find(sequenceNumber)) continue;
      const arrivalAt = this.#arrived(reader.arrivalTicks);
      const { sentAt, bytes, probe } = this.#log;
      lost += this.#lostBefore(sequenceNumber);
      received++;
      newestSentAt = sentAt;
      newestSequence = sequenceNumber;
      this.#queue.arrived(sentAt, arrivalAt, bytes);
      this.#delay.arrived(sentAt, arrivalAt);
      this.#acknowledged.arrived(bytes, arrivalAt);
      if (probe !== 0) this.probes.arrived(probe, bytes, arrivalAt);
    }
    if (received === 0) return;
    this.rttMs = Math.max(1, now - newestSentAt);
    this.#queue.told(this.rttMs, now);
    const before = this.#bps;
    const probedBps = this.probes.told(newestSequence, before);
    this.#loss.update(received, lost, before, this.rttMs, now);
    const overflows = this.#queue.overflowsAt(before);
    this.#doubt(newestSequence, before, now);
    const usage = this.#usage(overflows, now);
    const isCarried = this.#queue.carriedBps >= 0;
    this.#rate.update(usage, this.#arrivesBps, isCarried, this.#isLimited, this.rttMs, now);
    if (probedBps > before && this.#delay.usage !== 'over') {
      this.#rate.probed(probedBps, now);
      this.#loss.probed(probedBps);
    }
    this.#bps = Math.max(MIN_BPS, Math.min(this.#rate.bps, this.#loss.bps));
    const overuses = this.#bps < before || usage === 'over';
    if (overflows || !this.hasShortQueue || (overuses && lost > LOSING * received)) {
      this.#fullAt = now;
    }
    if (overuses || this.isFull(now)) this.#congestedAt = now;
    if (this.#bps < FELL * before) {
      this.#fellSequence = this.#lastSequence;
      this.probes.fell(now);
    }
  }

  /** Whether the queue on the way is short enough to try for more. */
  get hasShortQueue(): boolean {
    return this.#queue.queueMs < STANDING_MS / 2;
  }

  /** Whether there was a sign of it lately: a queue, or losses that the way does not have by itself. */
  isCongested(now: number): boolean {
    return now - this.#congestedAt < CONGESTED_MS;
  }

  /** Whether it was so not long ago, and what is known of the way is about what it carries. */
  wasCongested(now: number): boolean {
    return now - this.#congestedAt < NARROW_MS;
  }

  /** Whether much of what is sent now would be lost, or come too late to be of use. */
  isFull(now: number): boolean {
    return now - this.#fullAt < FULL_MS;
  }

  /**
   * Whether what was sent before is late, so that more of it would only make a queue longer if the way has become
   * narrow: the next feedback tells, and comes soon.
   */
  isInDoubt(now: number): boolean {
    return now - this.#doubtSince < DOUBT_MS;
  }

  /** Another way through the network, as after an ICE restart: what was measured is of the old one. */
  reroute(): void {
    this.#log.clear();
    this.#delay.reset();
    this.#queue.reset();
    this.#nextSequence = -1;
    this.#doubtSince = Number.NaN;
  }

  /** What leaves a queue is what the way carries, and what arrived before there was one is of no interest. */
  get #arrivesBps(): number {
    const { bps, lastBps } = this.#acknowledged;
    const { queueMs, carriedBps } = this.#queue;
    if (carriedBps >= 0) return carriedBps;
    return queueMs < STANDING_MS ? bps : Math.min(bps, lastBps);
  }

  /** A queue may be too long without growing: the delay itself tells of it then, and not its gradient. */
  #usage(overflows: boolean, now: number): Usage {
    const { usage } = this.#delay;
    return overflows || (usage === 'normal' && this.#queue.stands(now)) ? 'over' : usage;
  }

  /** Of what was sent after the last packet that feedback told of. */
  #doubt(newest: number, bps: number, now: number): void {
    const isLate =
      this.#log.look((newest + LATE_PACKETS) & 0xffff) &&
      this.#queue.isLate(this.#log.sentAt, now) &&
      this.#log.look((newest + 1) & 0xffff) &&
      this.#queue.holdsUp(this.#log.sentAt, this.#log.bytes, bps, now);
    if (!isLate) this.#doubtSince = Number.NaN;
    else if (Number.isNaN(this.#doubtSince)) this.#doubtSince = now;
  }

  /** Ticks of 250 us that wrap, as milliseconds that do not. */
  #arrived(ticks: number): number {
    if (Number.isNaN(this.#arrivalAt)) this.#arrivalAt = 0;
    else this.#arrivalAt += ((ticks - this.#lastTicks) | 0) / TICKS_PER_MS;
    this.#lastTicks = ticks;
    return this.#arrivalAt;
  }

  /** How many were passed over; what comes later all the same was reordered, and stays lost here. */
  #lostBefore(sequence: number): number {
    const ahead = (sequence - this.#nextSequence) & 0xffff;
    if (ahead >= 0x8000) return 0;
    this.#nextSequence = (sequence + 1) & 0xffff;
    // What was sent before the rate fell was lost because of the rate that it fell from.
    const since = (sequence - this.#fellSequence) & 0xffff;
    if (since >= 0x8000) return 0;
    this.#fellSequence = sequence;
    return Math.min(ahead, since, LOST_MAX);
  }
}
