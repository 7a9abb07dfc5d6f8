// One RTP stream of a publication, such as one encoding of a camera: its packets in their order, what is missing and
// what a report says. Called by: Publication, ParticipantMedia. Allocates: when it is made; nothing per packet.

import { BitrateMeter } from '../feedback/bitrate-meter.ts';
import { KeyFrameRequests } from '../feedback/key-frame-requests.ts';
import { NackGenerator } from '../feedback/nack-generator.ts';
import { ReceiveStatistics } from '../feedback/receive-statistics.ts';
import { SendRate } from '../feedback/send-rate.ts';
import {
  SEQUENCE_LATE,
  SEQUENCE_STRAY,
  SequenceUnwrapper,
} from '../feedback/sequence-unwrapper.ts';
import type { SenderInfo } from '../rtp/rtcp-reports.ts';
import { DROP_DUPLICATE, DROP_NOT_STORED, DROP_STRAY } from './drop-reason.ts';
import { KeyFrameBytes } from './key-frame-bytes.ts';
import { HISTORY_AUDIO, HISTORY_VIDEO, PADDING_RUNS, SEQUENCE_AHEAD_MAX } from './limits.ts';
import { PacketHistory } from './packet-history.ts';
import type { PayloadPool } from './payload-pool.ts';
import { NOT_MAPPED, RemovedSequences } from './removed-sequences.ts';
import { ntpMs, type SenderClock } from './sender-clock.ts';
import type { IncomingSection, SectionCodec } from './sections.ts';
import type { StreamLayers } from './stream-layers.ts';

/**
 * What `take` gives for a packet that is to be forwarded, or a DROP_ reason; and for one that is not, and not missed.
 */
export const TAKEN = -1;
export const TAKEN_PADDING = -2;

/** Before anything has come. */
export const NEVER = Number.NEGATIVE_INFINITY;

export class IncomingStream {
  /** As 32 bits with a sign. */
  readonly ssrc: number;
  readonly kind: 'audio' | 'video';
  /** Its place among the encodings of the publication; the last one is the best. */
  readonly encoding: number;
  readonly since: number;
  /** By number without padding, as `newest` and `sequence`: 32 bits with a sign. */
  readonly history: PacketHistory;
  readonly statistics: ReceiveStatistics;
  readonly nacks: NackGenerator;
  readonly keyFrames: KeyFrameRequests;
  /** Of the packet that was taken last, and of the one that is ahead of all. */
  sequence = 0;
  newest = 0;
  /** Goes up when what comes does not continue what was: to subscribers it is another source then. */
  generation = 1;
  /** What its newest packet is. */
  codec: SectionCodec | undefined = undefined;
  /** When the last packet came. */
  lastAt = NEVER;
  /** Undefined for one that has none, as far as is known. */
  layers: StreamLayers | undefined = undefined;
  /** Where the newest key frame begins, and when it came. */
  keyFrameSequence = 0;
  keyFrameAt = NEVER;
  readonly keyFrameBytes = new KeyFrameBytes();
  /** Slots that show it, or did until a better encoding can be shown. */
  watchers = 0;
  /** Of whoever sends it. */
  readonly #clock: SenderClock;
  /** What its last sender report has said: which timestamp is of which time of theirs. */
  reportedMs = Number.NaN;
  reportedTimestamp = 0;
  nacked = 0;
  /** Packets that were taken from retransmissions. */
  recovered = 0;
  keyFrameRequests = 0;
  /** Of video: those whose last packet came, and key frames whose first one did. */
  frames = 0;
  keyFrameCount = 0;
  readonly bitrate = new BitrateMeter();
  /** As those look at it who share out a network. */
  readonly rate = new SendRate();
  readonly #ticksPerMs: number;
  readonly #unwrapper = new SequenceUnwrapper();
  readonly #removed = new RemovedSequences(PADDING_RUNS);
  /** The first number of this generation; of the first one, what came late counts too. */
  #beginsAt = NEVER;

  constructor(
    pool: PayloadPool,
    clock: SenderClock,
    section: IncomingSection,
    ssrc: number,
    encoding: number,
    now: number,
  ) {
    this.#clock = clock;
    this.#ticksPerMs = section.clockRate / 1000;
    const capacity = section.kind === 'video' ? HISTORY_VIDEO : HISTORY_AUDIO;
    this.ssrc = ssrc;
    this.kind = section.kind;
    this.encoding = encoding;
    this.since = now;
    this.history = new PacketHistory(pool, capacity);
    this.statistics = new ReceiveStatistics(ssrc, section.clockRate);
    this.nacks = new NackGenerator(capacity);
    this.keyFrames = new KeyFrameRequests(!section.feedback.pli);
  }

  /** Of the packet that was taken last, without an end: as feedback counts. */
  get extended(): number {
    return this.#unwrapper.extended;
  }

  /** Whether the packet that was taken last is ahead of all. */
  get isAhead(): boolean {
    return this.#unwrapper.extended === this.#unwrapper.highest;
  }

  /**
   * Gives a packet its number. Returns TAKEN or a reason to drop it. Padding that comes in its order is left out of
   * the numbers; what comes late has a number already, and is TAKEN as a packet without a payload.
   */
  take(sequenceNumber: number, isPadding: boolean): number {
    const before = this.#unwrapper.highest;
    const kind = this.#unwrapper.unwrap(sequenceNumber);
    if (kind === SEQUENCE_STRAY) return DROP_STRAY;
    const { extended } = this.#unwrapper;
    if (kind === SEQUENCE_LATE) {
      if (extended === before) return DROP_DUPLICATE;
      if (extended < this.#beginsAt) return DROP_NOT_STORED;
    } else {
      if (before >= 0 && extended - before > SEQUENCE_AHEAD_MAX) this.#beginAt(extended);
      if (isPadding) {
        this.#removed.remove(extended | 0);
        return TAKEN_PADDING;
      }
    }
    const sequence = this.#removed.map(extended | 0);
    if (sequence === NOT_MAPPED || this.history.has(sequence)) return DROP_DUPLICATE;
    this.sequence = sequence;
    if (kind !== SEQUENCE_LATE) this.newest = sequence;
    return TAKEN;
  }

  /** A sender report of this stream (RFC 3550 s6.4.1). */
  reported(info: SenderInfo, now: number): void {
    this.statistics.senderReport(info, now);
    this.#clock.reported(info, now);
    this.reportedMs = ntpMs(info);
    this.reportedTimestamp = info.rtpTimestamp | 0;
  }

  /** The timestamp of what is captured now, after the publisher's clock; NaN where that is not known. */
  timestampAt(now: number): number {
    const ms = this.#clock.at(now) - this.reportedMs;
    return this.reportedTimestamp + Math.round(ms * this.#ticksPerMs);
  }

  /**
   * The timestamp that this stream has for what the other one, of the same publisher, has at `timestamp`; NaN where
   * one of them was never reported.
   */
  timestampOf(other: IncomingStream, timestamp: number): number {
    const since = ((timestamp - other.reportedTimestamp) | 0) / other.#ticksPerMs;
    const ms = other.reportedMs + since - this.reportedMs;
    return this.reportedTimestamp + Math.round(ms * this.#ticksPerMs);
  }

  /** What comes from now on is another source; the packet that was taken last belongs to it if it is ahead. */
  beginAnew(): void {
    this.#beginAt(this.#unwrapper.highest);
  }

  /** The same, and the packet that was taken last does not. */
  endHere(): void {
    this.#beginAt(this.#unwrapper.highest + 1);
  }

  #beginAt(extended: number): void {
    this.#beginsAt = extended;
    this.generation++;
    this.history.clear();
    this.layers = undefined;
    this.keyFrameAt = NEVER;
  }
}
