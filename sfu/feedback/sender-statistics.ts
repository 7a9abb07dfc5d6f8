// What was sent of one outgoing source, for sender reports, and what its receiver says of it (RFC 3550 s6.4.1).
// Called by: subscriptions. Allocates: nothing but when made.

import type { ReportBlock, SenderInfo } from '../rtp/rtcp-reports.ts';

/** From 1900, when NTP begins, to 1970, when Unix time does (RFC 5905 s6). */
const NTP_UNIX_S = 2_208_988_800;
const WORD = 2 ** 32;
/** LSR and DLSR count 1/65536 s. */
const DELAY_UNITS_PER_MS = 65.536;
/** Sender reports that are remembered: receivers answer the last one, or one or two before it. */
const REPORTS = 8;
/** What is longer is a lie or a mistake. */
const RTT_MAX_MS = 10_000;
const JITTER_MAX_MS = 10_000;
/** A packet whose timestamp is behind by less came late; by more, the source jumped. */
const LATE_MAX_S = 5;

export class SenderStatistics {
  packets = 0;
  /** Of payloads, without headers and padding. */
  octets = 0;
  /** As the receiver said last: 0 to 1, since its report before. */
  fractionLost = 0;
  /** Never below zero, nor above what was sent. */
  cumulativeLost = 0;
  jitterMs = 0;
  /** NaN until it is known. */
  rttMs = Number.NaN;
  readonly #ssrc: number;
  readonly #clockRate: number;
  /** Of the frame that is furthest ahead, and when its first packet was sent. */
  #timestamp = 0xffff_ffff;
  #timestampAt = Number.NaN;
  /** The last reports: the middle of the NTP timestamp, and when it was sent. */
  readonly #middles = new Uint32Array(REPORTS);
  readonly #reportedAt = new Float64Array(REPORTS).fill(Number.NaN);
  #reports = 0;

  /** @param clockRate of the timestamps, in Hz */
  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** A packet was sent, with that much payload. */
  sent(timestamp: number, payloadBytes: number, now: number): void {
    const behind = (this.#timestamp - timestamp) | 0;
    const late = behind >= 0 && behind < LATE_MAX_S * this.#clockRate;
    if (this.packets === 0 || !late) {
      this.#timestamp = timestamp;
      this.#timestampAt = now;
    }
    this.packets++;
    this.octets += payloadBytes;
  }

  /**
   * Writes what a sender report says at this moment; it counts as sent then. False where nothing was sent yet.
   * @param wallMs Unix time
   */
  report(info: SenderInfo, wallMs: number, now: number): boolean {
    if (this.packets === 0) return false;
    const seconds = Math.floor(wallMs / 1000);
    const units = ((now - this.#timestampAt) * this.#clockRate) / 1000;
    info.ntpSeconds = (seconds + NTP_UNIX_S) >>> 0;
    info.ntpFraction = Math.floor((wallMs / 1000 - seconds) * WORD) >>> 0;
    info.rtpTimestamp = (this.#timestamp + Math.floor(units)) >>> 0;
    info.packetCount = this.packets >>> 0;
    info.octetCount = this.octets >>> 0;
    const slot = this.#reports++ % REPORTS;
    this.#middles[slot] = info.middle;
    this.#reportedAt[slot] = now;
    return true;
  }

  /** Takes what the receiver says; false where that is of another source. */
  reported(block: ReportBlock, now: number): boolean {
    if (block.ssrc !== this.#ssrc) return false;
    this.fractionLost = block.fractionLost / 256;
    this.cumulativeLost = Math.max(0, Math.min(this.packets, block.cumulativeLost));
    this.jitterMs = Math.min(JITTER_MAX_MS, (block.jitter * 1000) / this.#clockRate);
    if (block.lastSenderReport !== 0) {
      const sentAt = this.#sentAt(block.lastSenderReport);
      this.#measure(now - sentAt - block.delaySinceLastSenderReport / DELAY_UNITS_PER_MS);
    }
    return true;
  }

  /**
   * RFC 3550 s6.4.1 has the arrival on the same clock as LSR. Here LSR says which report it was, and the time since
   * is that of the monotonic clock: a wall clock that is set does no harm, and an LSR that was never sent none either.
   */
  #sentAt(middle: number): number {
    for (let i = 1; i <= REPORTS; i++) {
      const slot = (this.#reports + REPORTS - i) % REPORTS;
      if (this.#middles[slot] === middle) return this.#reportedAt[slot]!;
    }
    return Number.NaN;
  }

  /** The clocks of both may differ a little, so that less than nothing is nothing. */
  #measure(rttMs: number): void {
    if (rttMs <= RTT_MAX_MS) this.rttMs = Math.max(0, rttMs);
  }
}
