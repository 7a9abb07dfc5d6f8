// One outgoing stream of a participant: it shows a publication, and another one later, and looks to its receiver like
// one sender all the time. Video begins at a key frame, audio at once. Called by: RoomRouter, ParticipantMedia.
// Allocates: nothing per packet.

import { Claim, PAUSED } from '../bandwidth/allocator.ts';
import { BitrateMeter } from '../feedback/bitrate-meter.ts';
import { SenderStatistics } from '../feedback/sender-statistics.ts';
import { OSN_BYTES, wrapRtx } from '../rtp/rtx.ts';
import type { SenderInfo } from '../rtp/rtcp-reports.ts';
import type { OutgoingStream } from '../sdp/negotiation.ts';
import { CodecMap } from './codec-map.ts';
import { DROP_CODEC, DROP_NOT_SENT } from './drop-reason.ts';
import type { IncomingStream } from './incoming-stream.ts';
import {
  CATCH_UP_MAX,
  CATCH_UP_MS,
  HISTORY_AUDIO,
  HISTORY_VIDEO,
  KEY_FRAME_WISH_MS,
} from './limits.ts';
import { MediaPacket } from './media-packet.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { Publication } from './publication.ts';
import { Redundancy } from './redundancy.ts';
import { writeCommon, writeElements } from './outgoing-elements.ts';
import { Rewriter } from './rewriter.ts';
import type { OutgoingSection } from './sections.ts';
import { NOT_AGAIN, SentPackets } from './sent-packets.ts';

/** RFC 3550 s5.1: no gap between two sources is shorter than a frame, of 33 ms or of 20 ms. */
const VIDEO_FRAME_TICKS = 3000;
const AUDIO_FRAME_TICKS = 960;
const SEQUENCE_MASK = 0xffff;
/** A receiver that misses the first packets still knows the rollover counter (RFC 3711 s3.3.1). */
const FIRST_SEQUENCE_BELOW = 0x8000;
/** What is asked for again sooner, or within a round trip, is on its way. */
const RESEND_INTERVAL_MS = 100;

/** What `layer` is where the slot shows the best encoding that is live, whatever its path carries. */
export const FOLLOWS = -2;

/** Of use within one call only. */
const packet = new MediaPacket();

export class Slot {
  readonly path: OutgoingPath;
  readonly outgoing: OutgoingStream;
  readonly statistics: SenderStatistics;
  section: OutgoingSection;
  /** The number that it was told to show, whether there is such a publication or not; 0 for none. */
  wanted = 0;
  publication: Publication | undefined = undefined;
  nacks = 0;
  resent = 0;
  keyFrameRequests = 0;
  readonly bitrate = new BitrateMeter();
  /** The encoding that it is to show; PAUSED for none. */
  layer = FOLLOWS;
  readonly claim = new Claim();
  /** It is forwarded however quiet it is. */
  isPinned = false;
  /** Undefined for video. */
  readonly redundancy: Redundancy | undefined;
  /** What it shows: a stream, as long as that is of this generation. */
  #source: IncomingStream | undefined = undefined;
  #generation = 0;
  /** The next packet is the first of its source. */
  #isFirst = false;
  /** Nothing more of its source is sent: it waits for a key frame. */
  #isHeld = false;
  readonly #rewriter: Rewriter;
  readonly #sent: SentPackets;
  #rtxSequence: number;
  /** By the publisher's payload type: what the subscriber decodes it with. */
  readonly #map = new CodecMap();
  readonly #codecs = this.#map.codecs;
  #wishedAt = Number.NEGATIVE_INFINITY;
  #reportedPackets = 0;

  constructor(path: OutgoingPath, section: OutgoingSection, outgoing: OutgoingStream) {
    const { host } = path;
    const { clockRate } = section;
    const isVideo = section.kind === 'video';
    const frameTicks = isVideo ? VIDEO_FRAME_TICKS : AUDIO_FRAME_TICKS;
    this.path = path;
    this.section = section;
    this.outgoing = outgoing;
    this.statistics = new SenderStatistics(outgoing.ssrc, clockRate);
    const first = Math.floor(host.random() * FIRST_SEQUENCE_BELOW);
    this.#rewriter = new Rewriter(
      first,
      Math.floor(host.random() * 2 ** 32),
      clockRate,
      frameTicks,
    );
    this.redundancy = isVideo ? undefined : new Redundancy(host, this.#map);
    this.#rtxSequence = Math.floor(host.random() * FIRST_SEQUENCE_BELOW);
    this.#sent = new SentPackets(isVideo ? HISTORY_VIDEO : HISTORY_AUDIO);
  }

  /** Whether what the publication sends now can be shown here; true where nothing is known of it yet. */
  get canShow(): boolean {
    const codec = (this.target ?? this.publication?.selected)?.codec;
    return codec === undefined || this.#codecs[codec.payloadType] !== undefined;
  }

  /** The stream that it is to show. */
  get target(): IncomingStream | undefined {
    const { layer, publication } = this;
    return layer === FOLLOWS ? publication?.selected : publication?.encodings[layer];
  }

  /** Whether its encoding is chosen for its path. */
  get adapts(): boolean {
    return this.layer !== FOLLOWS;
  }

  /** Whether `pad` can send something. */
  get canPad(): boolean {
    const codec = this.isShowing ? this.#source?.codec : undefined;
    const rtx = codec && this.#codecs[codec.payloadType]?.rtxPayloadType;
    return (
      this.section.kind === 'video' && this.section.isNumbered && rtx !== undefined && rtx >= 0
    );
  }

  /** Whether it has begun with what the publication sends now. */
  get isShowing(): boolean {
    return this.#source !== undefined && this.#source.generation === this.#generation;
  }

  /** Of what it shows; empty while that is nothing. */
  get codecName(): string {
    return (this.canShow && this.#source?.codec?.name) || '';
  }

  /** Shows another publication from now on, or none. What was pending for the slot has been sent before. */
  bind(publication: Publication | undefined, now: number): void {
    if (publication === this.publication) return;
    this.pause();
    this.publication?.remove(this);
    this.layer = FOLLOWS;
    this.claim.reset();
    this.publication = publication?.kind === this.section.kind ? publication : undefined;
    this.publication?.add(this);
    this.mapCodecs();
    this.resume(now);
    this.path.touch(now);
  }

  pin(isPinned: boolean): void {
    if (isPinned === this.isPinned) return;
    this.isPinned = isPinned;
    this.publication?.pinned(this);
  }

  /**
   * Which encoding it shows from its next key frame on; until that comes it goes on with what it shows. PAUSED:
   * nothing, at once.
   */
  show(layer: number, now: number): void {
    if (layer === this.layer) return;
    this.#choose(layer);
    if (layer === PAUSED) this.pause();
    else if (this.#source === undefined) this.resume(now);
    else if (this.#source !== this.target || this.#isHeld) this.#wish(now);
  }

  /** Who is about to show less sends no more: the queue is full of it. */
  hold(): void {
    if (this.layer >= 0) this.#isHeld ||= this.layer < (this.#source?.encoding ?? 0);
  }

  /** A later description of the same outgoing stream. */
  describe(section: OutgoingSection): void {
    this.section = section;
    this.mapCodecs();
  }

  /** After a description of either side. */
  mapCodecs(): void {
    this.#map.map(this.publication?.section, this.section);
    const { kind, rids } = this.publication?.section ?? {};
    const adapts = kind === 'video' && rids!.length > 1 && this.path.estimator !== undefined;
    this.claim.layers = rids?.length ?? 0;
    if (adapts !== this.adapts) this.#choose(adapts ? 0 : FOLLOWS);
  }

  /** Nothing is sent until `resume`, and nothing of before is sent again. */
  pause(): void {
    if (this.#source !== undefined) this.#source.watchers--;
    this.#source = undefined;
    this.#isHeld = false;
    this.#sent.clear();
    this.#wishedAt = Number.NEGATIVE_INFINITY;
  }

  /** Begins with a key frame that has just been there, or asks for one. */
  resume(now: number): void {
    const stream = this.target;
    if (stream === undefined || stream.kind === 'audio') return;
    const isRecent = now - stream.keyFrameAt < CATCH_UP_MS;
    if (isRecent && this.path.isUp) this.forward(stream, stream.keyFrameSequence, now);
    if (this.#source !== undefined || !this.canShow) return;
    // For who is about to connect it is asked for ahead, so that it comes while ICE and DTLS go on.
    if (this.path.isUp || (this.path.isNew && !isRecent)) this.#wish(now);
  }

  /** A packet of the publication, in the order in which they came. */
  forward(stream: IncomingStream, sequence: number, now: number): void {
    const isShown = stream === this.#source && stream.generation === this.#generation;
    if (isShown && !this.#isHeld) {
      if (stream.history.read(sequence, packet)) this.#send(sequence, now);
      return;
    }
    if (!this.#begins(stream, sequence, now)) return;
    this.#send(sequence, now);
    if (this.path.pacer.isHolding) return;
    // A key frame that begins with a late packet: what follows has been here already.
    for (let next = (sequence + 1) | 0; ((stream.newest - next) | 0) >= 0; next = (next + 1) | 0) {
      if (stream.history.read(next, packet)) this.#send(next, now);
    }
  }

  /**
   * The receiver misses a packet (RFC 4585 s6.2.1): it is sent again as RFC 4588 has it, where that was negotiated.
   */
  resend(sequenceNumber: number, now: number): void {
    this.nacks++;
    const stream = this.#source;
    const { path } = this;
    if (stream === undefined || stream.generation !== this.#generation) return;
    // It is about to show less, and what is lost of more is of no use any more.
    if (this.layer >= 0 && this.layer < stream.encoding) return;
    const interval = Math.min(RESEND_INTERVAL_MS, path.rttMs);
    const sequence = this.#sent.resend(sequenceNumber, now, interval);
    if (sequence === NOT_AGAIN || !stream.history.read(sequence, packet)) return;
    const codec = this.#codecs[packet.payloadType];
    if (codec === undefined || codec.rtxPayloadType < 0) return;
    if (this.#map.strips[packet.payloadType] === 1 || !path.spend(packet.payloadBytes)) return;
    this.#rewriter.renumber(packet, codec.codec);
    const bytes = packet.arena!.bytes;
    packet.payloadOffset = wrapRtx(bytes, packet.payloadOffset, sequenceNumber);
    packet.payloadBytes += OSN_BYTES;
    const { writer } = path;
    writer.marker = packet.marker;
    writer.payloadType = codec.rtxPayloadType;
    writer.sequenceNumber = this.#rtxSequence;
    writer.timestamp = this.#rewriter.timestampOf(packet.timestamp);
    writer.ssrc = this.outgoing.rtxSsrc;
    writeElements(this.path, this.section, packet, now);
    if (path.send(packet, this.section.isNumbered, now) === 0)
      return path.host.counters.drop(DROP_NOT_SENT);
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff;
    this.resent++;
    path.host.counters.resent++;
  }

  /** The receiver cannot go on without a key frame (RFC 4585 s6.3.1, RFC 5104 s4.3.1). */
  requestKeyFrame(now: number): void {
    this.keyFrameRequests++;
    const stream = (this.#isHeld ? undefined : this.#source) ?? this.target;
    if (stream !== undefined) this.publication?.wishKeyFrame(now, stream);
  }

  /** Sends padding alone, as a retransmission of nothing: what a probe is made of. Returns the bytes; 0 for none. */
  pad(paddingBytes: number, now: number): number {
    const codec = this.#source?.codec;
    const rtx = codec && this.#codecs[codec.payloadType]?.rtxPayloadType;
    if (rtx === undefined || rtx < 0) return 0;
    const { writer } = this.path;
    writer.marker = false;
    writer.payloadType = rtx;
    writer.sequenceNumber = this.#rtxSequence;
    writer.timestamp = this.#rewriter.timestamp;
    writer.ssrc = this.outgoing.rtxSsrc;
    writeCommon(this.path, this.section, now);
    const bytes = this.path.pad(paddingBytes, now);
    if (bytes > 0) this.#rtxSequence = (this.#rtxSequence + 1) & SEQUENCE_MASK;
    return bytes;
  }

  /**
   * Writes a sender report (RFC 3550 s6.4.1); false where nothing was sent since the last one. What one publisher sends
   * is played in step by the timestamps that its own reports would have now, once there are any.
   */
  report(info: SenderInfo, wallMs: number, now: number): boolean {
    const { packets } = this.statistics;
    if (packets === this.#reportedPackets) return false;
    this.#reportedPackets = packets;
    if (!this.statistics.report(info, wallMs, now)) return false;
    const timestamp = this.#source?.timestampAt(now) ?? Number.NaN;
    if (!Number.isNaN(timestamp)) info.rtpTimestamp = this.#rewriter.timestampOf(timestamp) >>> 0;
    return true;
  }

  /** Whether the slot can begin to show the stream with that packet; it does then. */
  #begins(stream: IncomingStream, sequence: number, now: number): boolean {
    if (stream !== this.target || !stream.history.read(sequence, packet)) return false;
    if (this.#codecs[packet.payloadType] === undefined) {
      this.path.host.counters.drop(DROP_CODEC);
      return false;
    }
    const isTooLate = ((stream.newest - sequence) | 0) > CATCH_UP_MAX;
    if (isTooLate || (stream.kind === 'video' && !packet.keyFrame)) {
      if (now - this.#wishedAt >= KEY_FRAME_WISH_MS) this.#wish(now);
      return false;
    }
    const before = this.isShowing ? this.#source : undefined;
    if (this.#source !== undefined) this.#source.watchers--;
    stream.watchers++;
    this.#source = stream;
    this.#generation = stream.generation;
    this.#isFirst = true;
    this.#isHeld = false;
    // Whoever is shown no longer is not shown again.
    this.#sent.clear();
    // Encodings of one camera: each frame keeps its time.
    const timestamp = before?.timestampOf(stream, packet.timestamp) ?? Number.NaN;
    if (Number.isNaN(timestamp)) this.#rewriter.begin(sequence, packet, now);
    else {
      const shown = this.#rewriter.timestampOf(timestamp);
      this.#rewriter.beginEncoding(sequence, packet, shown, now);
    }
    return true;
  }

  /** Sends the packet that was read, unless it was sent before. */
  #send(source: number, now: number): void {
    const rewriter = this.#rewriter;
    const sequence = rewriter.sequenceOf(source);
    if (rewriter.isBefore(source) || this.#sent.has(sequence)) return;
    const { path } = this;
    const { payloadType } = packet;
    let codec = this.#codecs[payloadType];
    if (codec === undefined) return path.host.counters.drop(DROP_CODEC);
    rewriter.renumber(packet, codec.codec);
    codec = this.redundancy?.shape(packet, source, this.#source!.history, rewriter) ?? codec;
    const timestamp = rewriter.timestampOf(packet.timestamp);
    const { writer } = path;
    // RFC 3551 s4.1: of audio, the first packet after a silence.
    writer.marker = packet.marker || (this.#isFirst && this.section.kind === 'audio');
    writer.payloadType = codec.payloadType;
    writer.sequenceNumber = sequence & SEQUENCE_MASK;
    writer.timestamp = timestamp;
    writer.ssrc = this.outgoing.ssrc;
    writeElements(this.path, this.section, packet, now);
    const bytes = path.send(packet, this.section.isNumbered, now);
    this.#isFirst = false;
    this.#sent.add(sequence, source);
    rewriter.advance(sequence, timestamp, now);
    // It counts as lost: the receiver may ask for it.
    if (bytes === 0) return path.host.counters.drop(DROP_NOT_SENT);
    this.statistics.sent(timestamp, packet.payloadBytes, now);
    path.allow(bytes);
  }

  #wish(now: number): void {
    const stream = this.target;
    if (stream === undefined) return;
    this.#wishedAt = now;
    this.publication?.wishKeyFrame(now, stream);
  }

  #choose(layer: number): void {
    this.publication?.watch(this.layer, -1);
    this.layer = layer;
    this.publication?.watch(layer, 1);
  }
}
