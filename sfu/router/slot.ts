// One outgoing stream of a participant: it shows a publication, and another one later, and looks to its receiver like
// one sender all the time. Video begins at a key frame, audio at once. Called by: RoomRouter, ParticipantMedia.
// Allocates: nothing per packet.

import { Claim, PAUSED } from '../bandwidth/allocator.ts';
import type { SenderStatistics } from '../feedback/sender-statistics.ts';
import { SPATIAL_LAYERS_MAX, TEMPORAL_LAYERS_MAX } from '../rtp/packet-layers.ts';
import type { SenderInfo } from '../rtp/rtcp-reports.ts';
import type { OutgoingStream } from '../sdp/negotiation.ts';
import { DROP_CODEC } from './drop-reason.ts';
import type { IncomingStream } from './incoming-stream.ts';
import { CATCH_UP_MAX, CATCH_UP_MS, KEY_FRAME_WISH_MS } from './limits.ts';
import { MediaPacket } from './media-packet.ts';
import type { OutgoingPath } from './outgoing-path.ts';
import type { Publication } from './publication.ts';
import { measure } from './publication-rates.ts';
import type { Redundancy } from './redundancy.ts';
import type { OutgoingSection } from './sections.ts';
import { SlotOutput } from './slot-output.ts';

const TOP_SPATIAL = SPATIAL_LAYERS_MAX - 1;
const TOP_TEMPORAL = TEMPORAL_LAYERS_MAX - 1;

/** What `layer` is where the slot shows the best that is live, whatever its path carries. */
export const FOLLOWS = -2;

/** Of use within one call only. */
const packet = new MediaPacket();

export class Slot {
  readonly path: OutgoingPath;
  readonly outgoing: OutgoingStream;
  section: OutgoingSection;
  /** What leaves it. */
  readonly output: SlotOutput;
  /** The number that it was told to show, whether there is such a publication or not; 0 for none. */
  wanted = 0;
  publication: Publication | undefined = undefined;
  nacks = 0;
  keyFrameRequests = 0;
  /** The size that it is to show, an encoding or a spatial layer of one; PAUSED for none. And its temporal layer. */
  layer = FOLLOWS;
  temporal = TOP_TEMPORAL;
  readonly claim = new Claim();
  /** It is forwarded however quiet it is. */
  isPinned = false;
  /** What it shows: a stream, as long as that is of this generation. */
  #source: IncomingStream | undefined = undefined;
  #generation = 0;
  /** Nothing more of its source is sent: it waits for a key frame. */
  #isHeld = false;
  #wishedAt = Number.NEGATIVE_INFINITY;
  #reportedPackets = 0;

  constructor(path: OutgoingPath, section: OutgoingSection, outgoing: OutgoingStream) {
    this.path = path;
    this.section = section;
    this.outgoing = outgoing;
    this.output = new SlotOutput(path, section, outgoing);
  }

  get statistics(): SenderStatistics {
    return this.output.statistics;
  }

  /** Undefined for video. */
  get redundancy(): Redundancy | undefined {
    return this.output.redundancy;
  }

  /** Whether what the publication sends now can be shown here; true where nothing is known of it yet. */
  get canShow(): boolean {
    const stream = this.target ?? this.publication?.selected;
    return stream?.codec === undefined || this.output.codecOf(stream) !== undefined;
  }

  /** The stream that it is to show. */
  get target(): IncomingStream | undefined {
    const { layer, publication } = this;
    return layer === FOLLOWS ? publication?.selected : publication?.encodingOf(layer);
  }

  /** Whether what it shows is chosen for its path. */
  get adapts(): boolean {
    return this.layer !== FOLLOWS;
  }

  /** Whether `pad` can send something. */
  get canPad(): boolean {
    const codec = this.isShowing ? this.output.codecOf(this.#source) : undefined;
    return (
      this.section.kind === 'video' &&
      this.section.isNumbered &&
      codec !== undefined &&
      codec.rtxPayloadType >= 0
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
    this.temporal = TOP_TEMPORAL;
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
   * Which size it shows from its next key frame on, or sooner where that can be; until then it goes on with what it
   * shows, of which less is sent at once where the other one is smaller. PAUSED: nothing, at once.
   */
  show(layer: number, temporal: number, now: number): void {
    if (layer === this.layer && temporal === this.temporal) return;
    const isOther = layer !== this.layer;
    this.temporal = temporal;
    this.#choose(layer);
    if (!isOther) return;
    if (layer === PAUSED) this.pause();
    else if (this.#source === undefined) this.resume(now);
    else if (this.#source !== this.target || this.#isHeld) this.#change(now);
  }

  /** Who is about to show less sends no more: the queue is full of it. */
  hold(now: number): void {
    const { target } = this;
    if (this.layer < 0 || target === undefined) return;
    if (target === this.#source) {
      if (this.output.filter?.hold() === true) this.#wishAgain(now);
    } else this.#isHeld ||= target.encoding < (this.#source?.encoding ?? 0);
  }

  /** Tells its claim what each operating point takes that is of use here. */
  measure(now: number): void {
    const { publication, claim } = this;
    if (publication === undefined) return;
    measure(publication, claim, now);
    const stream = publication.selected;
    if (publication.isSimulcast || stream === undefined || this.output.takesSizes(stream)) return;
    claim.sizes = 1;
    claim.bps.fill(0, TEMPORAL_LAYERS_MAX);
  }

  /** A later description of the same outgoing stream. */
  describe(section: OutgoingSection): void {
    this.section = section;
    this.output.section = section;
    this.mapCodecs();
  }

  /** After a description of either side, and when it turns out that there is a choice. */
  mapCodecs(): void {
    const { publication } = this;
    this.output.map.map(publication?.section, this.section);
    const adapts = publication?.isChoice === true && this.path.estimator !== undefined;
    if (adapts === this.adapts) return;
    this.temporal = TOP_TEMPORAL;
    this.#choose(adapts ? 0 : FOLLOWS);
  }

  /** Nothing is sent until `resume`, and nothing of before is sent again. */
  pause(): void {
    if (this.#source !== undefined) this.#source.watchers--;
    this.#source = undefined;
    this.#isHeld = false;
    this.output.clear();
    this.#wishedAt = Number.NEGATIVE_INFINITY;
  }

  /** Begins with a key frame that has just been there, or asks for one. */
  resume(now: number): void {
    const stream = this.target;
    if (stream === undefined || stream.kind === 'audio') return;
    const isRecent = now - stream.keyFrameAt < CATCH_UP_MS;
    if (isRecent && this.path.isUp) this.#catchUp(stream, now);
    if (this.#source !== undefined || !this.canShow || this.#waits(stream)) return;
    // For who is about to connect it is asked for ahead, so that it comes while ICE and DTLS go on.
    if (this.path.isUp || (this.path.isNew && !isRecent)) this.#wish(now);
  }

  /** A packet of the publication, in the order in which they came. */
  forward(stream: IncomingStream, sequence: number, now: number): void {
    const { output } = this;
    const isShown = stream === this.#source && stream.generation === this.#generation;
    if (isShown && !this.#isHeld) {
      output.send(stream, sequence, now);
      if (output.filter?.awaitsKeyFrame === true) this.#wishAgain(now);
      // What was wished for is here: the next wish is another one, and does not wait.
      else if (stream === this.target) this.#wishedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    if (!this.#begins(stream, sequence, now)) return;
    output.send(stream, sequence, now);
    // What follows a late key frame, or one of before, has been here already, but for what waits.
    const end = this.path.pacer.firstOf(this, stream, (stream.newest + 1) | 0);
    for (let next = (sequence + 1) | 0; ((end - next) | 0) > 0; next = (next + 1) | 0) {
      output.send(stream, next, now);
    }
  }

  /** The receiver misses a packet (RFC 4585 s6.2.1). */
  resend(sequenceNumber: number, now: number): void {
    this.nacks++;
    const stream = this.#source;
    if (stream === undefined || stream.generation !== this.#generation) return;
    // It is about to show less, and what is lost of more is of no use any more.
    const isSmaller = (this.target?.encoding ?? stream.encoding) < stream.encoding;
    if (this.layer >= 0 && isSmaller) return;
    this.output.resend(stream, sequenceNumber, now);
  }

  /** The receiver cannot go on without a key frame (RFC 4585 s6.3.1, RFC 5104 s4.3.1). */
  requestKeyFrame(now: number): void {
    this.keyFrameRequests++;
    const stream = (this.#isHeld ? undefined : this.#source) ?? this.target;
    if (stream !== undefined) this.publication?.wishKeyFrame(now, stream);
  }

  /** Sends padding alone, of which probes are made. Returns the bytes; 0 for none. */
  pad(paddingBytes: number, now: number): number {
    return this.output.pad(this.#source, paddingBytes, now);
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
    if (!Number.isNaN(timestamp)) info.rtpTimestamp = this.output.timestampOf(timestamp) >>> 0;
    return true;
  }

  /** Whether the slot can begin to show the stream with that packet; it does then. */
  #begins(stream: IncomingStream, sequence: number, now: number): boolean {
    if (stream !== this.target || !stream.history.read(sequence, packet)) return false;
    if (this.output.map.codecs[packet.payloadType] === undefined) {
      this.path.host.counters.drop(DROP_CODEC);
      return false;
    }
    const isTooLate = ((stream.newest - sequence) | 0) > CATCH_UP_MAX;
    if (isTooLate || (stream.kind === 'video' && !packet.keyFrame)) {
      this.#wishAgain(now);
      return false;
    }
    const before = this.isShowing ? this.#source : undefined;
    if (this.#source !== undefined) this.#source.watchers--;
    stream.watchers++;
    this.#source = stream;
    this.#generation = stream.generation;
    this.#isHeld = false;
    this.output.begin(stream, sequence, packet, before, now);
    this.#aim();
    return true;
  }

  /** Goes on with the next key frame of another stream; with its last one where less is to be sent at once. */
  #change(now: number): void {
    const { target, path } = this;
    const isFresh = target !== undefined && now - target.keyFrameAt < CATCH_UP_MS;
    if (!isFresh || !path.isUp || target.encoding >= (this.#source?.encoding ?? 0)) {
      this.#wish(now);
      return;
    }
    this.#catchUp(target, now);
  }

  /** What was there from its last key frame on, bit by bit where the network is congested. */
  #catchUp(stream: IncomingStream, now: number): void {
    const { pacer } = this.path;
    const first = stream.keyFrameSequence;
    if (!pacer.isNeeded(now)) return this.forward(stream, first, now);
    pacer.add(this, stream, first, Math.min((stream.newest + 1 - first) | 0, CATCH_UP_MAX), now);
    pacer.start(now);
  }

  #waits(stream: IncomingStream): boolean {
    const { newest } = stream;
    return this.path.pacer.firstOf(this, stream, (newest + 1) | 0) !== ((newest + 1) | 0);
  }

  #wishAgain(now: number): void {
    if (now - this.#wishedAt >= KEY_FRAME_WISH_MS) this.#wish(now);
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
    this.#aim();
  }

  /** Which layers inside of what it shows are sent, and which until another size can be. */
  #aim(): void {
    const stream = this.#source;
    if (stream === undefined) return;
    const { layer, temporal, publication, output } = this;
    const isSize = layer >= 0 && publication?.isSimulcast === false;
    const spatial = isSize ? layer : TOP_SPATIAL;
    const encoding = this.target?.encoding ?? stream.encoding;
    // A key frame may be long in coming, and the queue of a narrow network grows until it has.
    if (encoding < stream.encoding) output.aim(spatial, 0);
    else if (encoding > stream.encoding) output.aim(spatial, TOP_TEMPORAL);
    else output.aim(spatial, temporal);
  }
}
