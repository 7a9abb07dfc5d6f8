// What came of one source, for reception reports (RFC 3550 s6.4.1, appendices A.3 and A.8).
// Called by: publications, for each packet but those that RTX brought, which count for the SSRC of RTX.
// Allocates: nothing.

import type { ReportBlock, SenderInfo } from '../rtp/rtcp-reports.ts';
import { SEQUENCE_CYCLE, SEQUENCE_RESTART_GAP } from './sequence-unwrapper.ts';

/** The field has 24 bits, signed (RFC 3550 s6.4.1). */
const LOST_MAX = 0x7f_ffff;
const LOST_MIN = -0x80_0000;
/** DLSR counts 1/65536 s. */
const DELAY_UNITS_PER_MS = 65.536;
/** Jitter is kept sixteen times as large (RFC 3550 appendix A.8). */
const JITTER_SHIFT = 4;
/** A timestamp that is off by more is that of a source that paused or lies, and says nothing of the network. */
const TIMESTAMP_JUMP_S = 5;
const NONE = -1;

export class ReceiveStatistics {
  /** In all, repeated packets too. */
  packets = 0;
  /** In all, as counted by the caller. */
  bytes = 0;
  readonly #ssrc: number;
  readonly #clockRate: number;
  /** Since the source began, or began anew: the first and highest extended sequence number, and how many came. */
  #base = NONE;
  #highest = NONE;
  #received = 0;
  /** What of these had been told with the last report. */
  #expectedBefore = 0;
  #receivedBefore = 0;
  /** Arrival less timestamp, of the last packet, in units of the timestamp, mod 2^32. */
  #transit = 0;
  #jitter = 0;
  #lastSenderReport = 0;
  #senderReportAt = Number.NaN;

  /** @param clockRate of the timestamps, in Hz */
  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** A packet came: its number as SequenceUnwrapper made it (no stray's), its timestamp, how long it is. */
  received(extended: number, timestamp: number, bytes: number, now: number): void {
    this.packets++;
    this.bytes += bytes;
    const transit = (Math.floor(now * (this.#clockRate / 1000)) - timestamp) | 0;
    if (this.#base === NONE || extended - this.#highest >= SEQUENCE_RESTART_GAP) {
      this.#begin(extended);
    } else {
      if (extended > this.#highest) this.#highest = extended;
      this.#received++;
      this.#takeTransit(transit);
    }
    this.#transit = transit;
  }

  /** A sender report of this source came. */
  senderReport(info: SenderInfo, now: number): void {
    this.#lastSenderReport = info.middle;
    this.#senderReportAt = now;
  }

  /** In units of the timestamp. */
  get jitter(): number {
    return this.#jitter >> JITTER_SHIFT;
  }

  /** Expected less received (RFC 3550 appendix A.3): below zero where packets were repeated. */
  get cumulativeLost(): number {
    return Math.max(LOST_MIN, Math.min(LOST_MAX, this.#expected - this.#received));
  }

  /**
   * Writes what came into a block, and begins another interval. False where nothing came since the last one: then
   * there is no block for this source (RFC 3550 s6.4).
   */
  report(block: ReportBlock, now: number): boolean {
    const receivedNow = this.#received - this.#receivedBefore;
    if (receivedNow === 0) return false;
    const expectedNow = this.#expected - this.#expectedBefore;
    const lostNow = expectedNow - receivedNow;
    this.#expectedBefore = this.#expected;
    this.#receivedBefore = this.#received;
    block.ssrc = this.#ssrc;
    block.fractionLost = lostNow > 0 ? Math.floor((256 * lostNow) / expectedNow) : 0;
    block.cumulativeLost = this.cumulativeLost;
    block.highestSequence = (this.#highest - SEQUENCE_CYCLE) >>> 0;
    block.jitter = this.jitter;
    block.lastSenderReport = this.#lastSenderReport;
    const waited = Math.max(0, now - this.#senderReportAt) * DELAY_UNITS_PER_MS;
    // No report yet: NaN, which is no delay.
    block.delaySinceLastSenderReport = Math.min(0xffff_ffff, waited) >>> 0;
    return true;
  }

  get #expected(): number {
    return this.#base === NONE ? 0 : this.#highest - this.#base + 1;
  }

  /** RFC 3550 appendix A.1, init_seq. */
  #begin(extended: number): void {
    this.#base = extended;
    this.#highest = extended;
    this.#received = 1;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
  }

  /** RFC 3550 appendix A.8, in integers. */
  #takeTransit(transit: number): void {
    const difference = Math.abs((transit - this.#transit) | 0);
    if (difference > TIMESTAMP_JUMP_S * this.#clockRate) return;
    this.#jitter += difference - ((this.#jitter + 8) >> JITTER_SHIFT);
  }
}
