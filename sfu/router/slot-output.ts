// What leaves a slot: the packets of whatever it shows as one stream of one sender, with its own numbers, header
// extensions and retransmissions, and of a stream with layers those alone that it is given. Called by: Slot, its owner.
// Allocates: nothing per packet; what tells layers apart when a stream with layers is shown for the first time.

import { BitrateMeter } from '../feedback/bitrate-meter.ts';
import { SenderStatistics } from '../feedback/sender-statistics.ts';
import {
  absSendTime,
  EXTENSION_ABS_SEND_TIME,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_MID,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_TRANSPORT_CC,
  EXTENSION_VIDEO_ORIENTATION,
} from '../rtp/extension-kinds.ts';
import { CODEC_AV1 } from '../rtp/key-frame.ts';
import { NO_LAYERS, SPATIAL_LAYERS_MAX, TEMPORAL_LAYERS_MAX } from '../rtp/packet-layers.ts';
import { OSN_BYTES, wrapRtx } from '../rtp/rtx.ts';
import type { OutgoingStream } from '../sdp/negotiation.ts';
import { CodecMap } from './codec-map.ts';
import { DROP_CODEC, DROP_NOT_SENT } from './drop-reason.ts';
import type { IncomingStream } from './incoming-stream.ts';
import { LayerFilter, LEFT_A_GAP, PASSES } from './layer-filter.ts';
import { HISTORY_AUDIO, HISTORY_VIDEO } from './limits.ts';
import { ABSENT, MediaPacket } from './media-packet.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import { Redundancy } from './redundancy.ts';
import { NOT_MAPPED } from './removed-sequences.ts';
import { Rewriter } from './rewriter.ts';
import type { OutgoingSection, SectionCodec } from './sections.ts';
import { NOT_AGAIN, SentPackets } from './sent-packets.ts';

/** RFC 3550 s5.1: no gap between two sources is shorter than a frame, of 33 ms or of 20 ms. */
const VIDEO_FRAME_TICKS = 3000;
const AUDIO_FRAME_TICKS = 960;
const SEQUENCE_MASK = 0xffff;
/** A receiver that misses the first packets still knows the rollover counter (RFC 3711 s3.3.1). */
const FIRST_SEQUENCE_BELOW = 0x8000;
/** What is asked for again sooner, or within a round trip, is on its way. */
const RESEND_INTERVAL_MS = 100;

/** Of use within one call only. */
const packet = new MediaPacket();

export class SlotOutput {
  readonly statistics: SenderStatistics;
  readonly bitrate = new BitrateMeter();
  section: OutgoingSection;
  resent = 0;
  /** By the publisher's payload type: what the subscriber decodes it with. */
  readonly map = new CodecMap();
  /** Undefined for video. */
  readonly redundancy: Redundancy | undefined;
  /** Undefined until a stream with layers is shown. */
  filter: LayerFilter | undefined = undefined;
  readonly #codecs = this.map.codecs;
  readonly #path: OutgoingPath;
  readonly #outgoing: OutgoingStream;
  readonly #rewriter: Rewriter;
  readonly #sent: SentPackets;
  #rtxSequence: number;
  /** The next packet is the first of its source. */
  #isFirst = false;
  #spatial = SPATIAL_LAYERS_MAX - 1;
  #temporal = TEMPORAL_LAYERS_MAX - 1;

  constructor(path: OutgoingPath, section: OutgoingSection, outgoing: OutgoingStream) {
    const { host } = path;
    const { clockRate } = section;
    const isVideo = section.kind === 'video';
    const frameTicks = isVideo ? VIDEO_FRAME_TICKS : AUDIO_FRAME_TICKS;
    this.#path = path;
    this.section = section;
    this.#outgoing = outgoing;
    this.statistics = new SenderStatistics(outgoing.ssrc, clockRate);
    const first = Math.floor(host.random() * FIRST_SEQUENCE_BELOW);
    this.#rewriter = new Rewriter(
      first,
      Math.floor(host.random() * 2 ** 32),
      clockRate,
      frameTicks,
    );
    this.redundancy = isVideo ? undefined : new Redundancy(host, this.map);
    this.#rtxSequence = Math.floor(host.random() * FIRST_SEQUENCE_BELOW);
    this.#sent = new SentPackets(isVideo ? HISTORY_VIDEO : HISTORY_AUDIO);
  }

  /** What the subscriber decodes what that stream sends with. */
  codecOf(stream: IncomingStream | undefined): SectionCodec | undefined {
    return stream?.codec && this.#codecs[stream.codec.payloadType];
  }

  /** Nothing of before is sent again. */
  clear(): void {
    this.#sent.clear();
  }

  /**
   * Whether spatial layers of that stream are of use here. Those of AV1 cannot be told apart without the dependency
   * descriptor, and browsers that have not negotiated it decode the lowest one alone.
   */
  takesSizes({ layers, codec }: IncomingStream): boolean {
    if (layers === undefined) return false;
    return codec?.codec !== CODEC_AV1 || this.section.ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR) > 0;
  }

  /** Of a stream with layers, which of them are to be sent. */
  aim(spatial: number, temporal: number): void {
    this.#spatial = spatial;
    this.#temporal = temporal;
    this.filter?.aim(spatial, temporal);
  }

  /** The timestamp for one of what is shown. */
  timestampOf(timestamp: number): number {
    return this.#rewriter.timestampOf(timestamp);
  }

  /**
   * What comes from that packet of the stream on is shown.
   * @param before another encoding of the same camera, where one is shown
   */
  begin(
    stream: IncomingStream,
    sequence: number,
    first: MediaPacket,
    before: IncomingStream | undefined,
    now: number,
  ): void {
    this.#isFirst = true;
    this.filter?.end();
    // Whoever is shown no longer is not shown again.
    this.#sent.clear();
    // Encodings of one camera: each frame keeps its time.
    const timestamp = before?.timestampOf(stream, first.timestamp) ?? Number.NaN;
    if (Number.isNaN(timestamp)) this.#rewriter.begin(sequence, first, now);
    else {
      const shown = this.#rewriter.timestampOf(timestamp);
      this.#rewriter.beginEncoding(sequence, first, shown, now);
    }
  }

  /** Sends a packet of what is shown, unless it was sent before or is of a layer that is not. */
  send(stream: IncomingStream, source: number, now: number): void {
    if (!stream.history.read(source, packet)) return;
    const rewriter = this.#rewriter;
    if (rewriter.isBefore(source)) return;
    let number = source;
    if (packet.layers !== NO_LAYERS || this.filter?.isActive === true) {
      number = this.#choose(stream, source, now);
      if (number === NOT_MAPPED) return;
    }
    const sequence = rewriter.sequenceOf(number);
    if (this.#sent.has(sequence)) return;
    const path = this.#path;
    const { payloadType } = packet;
    let codec = this.#codecs[payloadType];
    if (codec === undefined) return path.host.counters.drop(DROP_CODEC);
    rewriter.renumber(packet, codec.codec);
    codec = this.redundancy?.shape(packet, source, stream.history, rewriter) ?? codec;
    const timestamp = rewriter.timestampOf(packet.timestamp);
    const { writer } = path;
    // RFC 3551 s4.1: of audio, the first packet after a silence.
    writer.marker = packet.marker || (this.#isFirst && this.section.kind === 'audio');
    writer.payloadType = codec.payloadType;
    writer.sequenceNumber = sequence & SEQUENCE_MASK;
    writer.timestamp = timestamp;
    writer.ssrc = this.#outgoing.ssrc;
    this.#writeElements(now);
    const bytes = path.send(packet, this.section.isNumbered, now);
    this.#isFirst = false;
    this.#sent.add(sequence, source);
    rewriter.advance(sequence, timestamp, now);
    // It counts as lost: the receiver may ask for it.
    if (bytes === 0) return path.host.counters.drop(DROP_NOT_SENT);
    this.statistics.sent(timestamp, packet.payloadBytes, now);
    path.allow(bytes);
  }

  /** A packet that the receiver misses is sent again (RFC 4588), where that was negotiated. */
  resend(stream: IncomingStream, sequenceNumber: number, now: number): void {
    const path = this.#path;
    const interval = Math.min(RESEND_INTERVAL_MS, path.rttMs);
    const source = this.#sent.resend(sequenceNumber, now, interval);
    if (source === NOT_AGAIN || !stream.history.read(source, packet)) return;
    const { filter } = this;
    if (filter?.isPast(packet.layers) === true) return;
    const codec = this.#codecs[packet.payloadType];
    if (codec === undefined || codec.rtxPayloadType < 0) return;
    if (this.map.strips[packet.payloadType] === 1 || !path.spend(packet.payloadBytes)) return;
    if (filter?.isActive === true) this.#asDecided(filter, source);
    this.#rewriter.renumber(packet, codec.codec);
    const bytes = packet.arena!.bytes;
    packet.payloadOffset = wrapRtx(bytes, packet.payloadOffset, sequenceNumber);
    packet.payloadBytes += OSN_BYTES;
    const { writer } = path;
    writer.marker = packet.marker;
    writer.payloadType = codec.rtxPayloadType;
    writer.sequenceNumber = this.#rtxSequence;
    writer.timestamp = this.#rewriter.timestampOf(packet.timestamp);
    writer.ssrc = this.#outgoing.rtxSsrc;
    this.#writeElements(now);
    if (path.send(packet, this.section.isNumbered, now) === 0)
      return path.host.counters.drop(DROP_NOT_SENT);
    this.#rtxSequence = (this.#rtxSequence + 1) & SEQUENCE_MASK;
    this.resent++;
    path.host.counters.resent++;
  }

  /** Sends padding alone, as a retransmission of nothing: what a probe is made of. Returns the bytes; 0 for none. */
  pad(stream: IncomingStream | undefined, paddingBytes: number, now: number): number {
    const rtx = this.codecOf(stream)?.rtxPayloadType;
    if (rtx === undefined || rtx < 0) return 0;
    const { writer } = this.#path;
    writer.marker = false;
    writer.payloadType = rtx;
    writer.sequenceNumber = this.#rtxSequence;
    writer.timestamp = this.#rewriter.timestamp;
    writer.ssrc = this.#outgoing.rtxSsrc;
    this.#writeCommon(now);
    const bytes = this.#path.pad(paddingBytes, this.section.isNumbered, now);
    if (bytes > 0) this.#rtxSequence = (this.#rtxSequence + 1) & SEQUENCE_MASK;
    return bytes;
  }

  /** Decides about a packet of a stream with layers. Its number among those that are sent; NOT_MAPPED for none. */
  #choose(stream: IncomingStream, source: number, now: number): number {
    const filter = this.filter ?? this.#newFilter();
    const top = this.takesSizes(stream) ? stream.layers!.top : 0;
    if (!filter.isActive) filter.begin(source, packet, top);
    const outcome = filter.take(source, packet, top);
    if (outcome === PASSES) this.#asDecided(filter, source);
    else if (outcome !== LEFT_A_GAP) return NOT_MAPPED;
    const number = filter.map(source);
    if (outcome === PASSES || number === NOT_MAPPED) return number;
    this.#fillGap(number, source, now);
    return NOT_MAPPED;
  }

  #newFilter(): LayerFilter {
    this.filter = new LayerFilter();
    this.filter.aim(this.#spatial, this.#temporal);
    return this.filter;
  }

  /** What is different where layers above or frames before are left out; all of it where the packet is. */
  #asDecided(filter: LayerFilter, source: number): void {
    const { layers } = packet;
    if (!filter.passes(source, layers)) {
      packet.payloadBytes = 0;
      packet.pictureId = ABSENT;
      packet.tl0PicIdx = ABSENT;
      packet.keyIdx = ABSENT;
      packet.descriptorBytes = 0;
      packet.frameNumber = ABSENT;
      return;
    }
    packet.pictureId = filter.pictureOf(packet);
    packet.marker ||= filter.endsPicture(source, layers);
  }

  /** The receiver would ask for the number for ever: padding alone goes out under it (RFC 3550 s5.1). */
  #fillGap(number: number, source: number, now: number): void {
    const sequence = this.#rewriter.sequenceOf(number);
    const codec = this.#codecs[packet.payloadType];
    if (codec === undefined || this.#sent.has(sequence)) return;
    const { writer } = this.#path;
    writer.marker = false;
    writer.payloadType = codec.payloadType;
    writer.sequenceNumber = sequence & SEQUENCE_MASK;
    writer.timestamp = this.#rewriter.timestampOf(packet.timestamp);
    writer.ssrc = this.#outgoing.ssrc;
    this.#writeCommon(now);
    this.#path.pad(1, this.section.isNumbered, now);
    this.#sent.add(sequence, source);
    // What follows may have been left out, too.
    this.#rewriter.advance(sequence, writer.timestamp, now);
  }

  /** What was not negotiated has the identifier 0, and the writer leaves it out. */
  #writeCommon(now: number): void {
    const { ids, midBytes } = this.section;
    const { writer, transportSequence } = this.#path;
    writer
      .clear()
      .element(ids.id(EXTENSION_MID), midBytes, 0, midBytes.length)
      .elementU24(ids.id(EXTENSION_ABS_SEND_TIME), absSendTime(now))
      .elementU16(ids.id(EXTENSION_TRANSPORT_CC), transportSequence);
  }

  #writeElements(now: number): void {
    const { ids } = this.section;
    const { writer } = this.#path;
    this.#writeCommon(now);
    if (packet.audioLevel !== ABSENT) {
      writer.elementU8(ids.id(EXTENSION_AUDIO_LEVEL), packet.audioLevel);
    }
    if (packet.videoOrientation !== ABSENT) {
      writer.elementU8(ids.id(EXTENSION_VIDEO_ORIENTATION), packet.videoOrientation);
    }
    if (packet.playoutDelay !== ABSENT) {
      writer.elementU24(ids.id(EXTENSION_PLAYOUT_DELAY), packet.playoutDelay);
    }
    const { descriptorBytes, descriptorOffset, arena } = packet;
    if (descriptorBytes === 0 || arena === undefined) return;
    const id = ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR);
    writer.element(id, arena.bytes, descriptorOffset, descriptorBytes);
  }
}
