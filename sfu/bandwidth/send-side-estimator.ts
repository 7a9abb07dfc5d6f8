// How much a subscriber's network carries, estimated by the sender from transport-wide feedback
// (draft-ietf-rmcat-gcc-02): by delay, by loss, and by probes. No socket, no clock of its own.
// Called by: OutgoingPath. Allocates: nothing per packet.

import type { TransportCcReader } from '../rtp/transport-cc-reader.ts';
import { AcknowledgedRate } from './acknowledged-rate.ts';
import { DelayGradient, type Usage } from './delay-gradient.ts';
import { LossControl } from './loss-control.ts';
import { Probes } from './probes.ts';
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
/** A queue that is longer than this for so long is there to stay, unless less is sent. */
const STANDING_MS = 100;
const STANDING_FOR_MS = 150;
/** How long the least delay is remembered, and as long again. */
const LEAST_DELAY_MS = 15_000;
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
  readonly #rate = new RateControl(START_BPS, MIN_BPS, MAX_BPS);
  /** The first number that no feedback has spoken of, unwrapped ticks of the receiver, and the last of them. */
  #nextSequence = -1;
  #lastTicks = 0;
  #arrivalAt = Number.NaN;
  #windowAt = Number.NaN;
  #windowBytes = 0;
  #isLimited = false;
  #queueMs = 0;
  #leastDelayMs = Number.POSITIVE_INFINITY;
  /** Of the present span alone. */
  #leastNextMs = Number.POSITIVE_INFINITY;
  #leastSince = Number.NEGATIVE_INFINITY;
  #standingSince = Number.NaN;
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
    if (this.#nextSequence < 0) this.#nextSequence = sequence;
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
    let delayMs = Number.POSITIVE_INFINITY;
    while (reader.next()) {
      const { sequenceNumber } = reader;
      if (!this.#log.find(sequenceNumber)) continue;
      const arrivalAt = this.#arrived(reader.arrivalTicks);
      const { sentAt, bytes, probe } = this.#log;
      lost += this.#lostBefore(sequenceNumber);
      received++;
      newestSentAt = sentAt;
      newestSequence = sequenceNumber;
      delayMs = Math.min(delayMs, arrivalAt - sentAt);
      this.#delay.arrived(sentAt, arrivalAt);
      this.#acknowledged.arrived(bytes, arrivalAt);
      if (probe !== 0) this.probes.arrived(probe, bytes, arrivalAt);
    }
    if (received === 0) return;
    this.rttMs = Math.max(1, now - newestSentAt);
    this.#measureQueue(delayMs, now);
    const before = this.#bps;
    const probedBps = this.probes.told(newestSequence, before);
    this.#loss.update(received, lost, before, this.rttMs, now);
    this.#rate.update(this.#usage(now), this.#arrivesBps, this.#isLimited, this.rttMs, now);
    if (probedBps > before && this.#delay.usage !== 'over') {
      this.#rate.probed(probedBps, now);
      this.#loss.probed(probedBps);
    }
    this.#bps = Math.max(MIN_BPS, Math.min(this.#rate.bps, this.#loss.bps));
    if (this.#bps < 0.9 * before) this.probes.fell(now);
  }

  /** Whether the queue on the way is short enough to try for more. */
  get hasShortQueue(): boolean {
    return this.#queueMs < STANDING_MS / 2;
  }

  /** Another way through the network, as after an ICE restart: what was measured is of the old one. */
  reroute(): void {
    this.#log.clear();
    this.#delay.reset();
    this.#leastDelayMs = Number.POSITIVE_INFINITY;
    this.#leastNextMs = Number.POSITIVE_INFINITY;
    this.#nextSequence = -1;
  }

  /** While a queue is long what arrives is what the way carries, and what arrived before it was is of no interest. */
  get #arrivesBps(): number {
    const { bps, lastBps } = this.#acknowledged;
    return this.#queueMs < STANDING_MS ? bps : Math.min(bps, lastBps);
  }

  /** A full queue grows no more and is too long all the same: the delay itself tells of it, not its gradient. */
  #usage(now: number): Usage {
    const { usage } = this.#delay;
    if (this.#queueMs < STANDING_MS) this.#standingSince = Number.NaN;
    else if (Number.isNaN(this.#standingSince)) this.#standingSince = now;
    const stands = now - this.#standingSince >= STANDING_FOR_MS;
    return usage === 'normal' && stands ? 'over' : usage;
  }

  /**
   * The least of a while is what the way takes with no queue. The clocks have nothing in common, so that the delay
   * itself says nothing, and feedback that takes its time makes no difference.
   */
  #measureQueue(delayMs: number, now: number): void {
    if (now - this.#leastSince >= LEAST_DELAY_MS) {
      this.#leastDelayMs = this.#leastNextMs;
      this.#leastNextMs = delayMs;
      this.#leastSince = now;
    }
    this.#leastNextMs = Math.min(this.#leastNextMs, delayMs);
    this.#leastDelayMs = Math.min(this.#leastDelayMs, delayMs);
    this.#queueMs = delayMs - this.#leastDelayMs;
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
    return Math.min(ahead, LOST_MAX);
  }
}
