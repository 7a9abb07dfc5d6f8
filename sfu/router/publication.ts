// One track that a participant publishes: its encodings and their layers, of which slots show what they are given.
// Called by: ParticipantMedia, RoomRouter. Allocates: for a new stream; nothing per packet.

import type { Arena } from '../../shared/native/arena.ts';
import type { Speaker } from '../feedback/speaker.ts';
import type { PipeOut } from '../pipe/pipe-out.ts';
import { audioLevel, hasVoice } from '../rtp/extension-kinds.ts';
import type { RtpReader } from '../rtp/rtp-reader.ts';
import { PacketDescriber } from './describe-packet.ts';
import { DROP_MUTED, DROP_NOT_STORED, DROP_PAYLOAD_TYPE, DROP_STRAY } from './drop-reason.ts';
import { IncomingStream, NEVER, TAKEN_PADDING } from './incoming-stream.ts';
import { ENCODING_QUIET_MS, ENCODINGS_MAX, PENDING_MAX } from './limits.ts';
import { ABSENT, MediaPacket } from './media-packet.ts';
import { RestingEncodings } from './resting.ts';
import type { RoomRouter } from './room-router.ts';
import type { IncomingSection, SectionCodec } from './sections.ts';
import type { SenderClock } from './sender-clock.ts';
import { FOLLOWS, type Slot } from './slot.ts';

/** In place of the number of a worker: this one. */
export const HERE = -1;

/** Whoever publishes. */
export interface Publisher {
  readonly clock: SenderClock;
  /** The worker that has its transport. */
  readonly home: number;
  /** Something of a publication may be due sooner than before. */
  wake(): void;
  /** The first slot shows the publication, or the last one does no more. */
  onWatched?(publication: Publication, isWatched: boolean): void;
}

const describer = new PacketDescriber();
/** Of use within one call only. */
const packet = new MediaPacket();

/** What packets of a publication wait for. */
export const WAITS_FOR_NOTHING = 0;
export const WAITS_FOR_FRAME = 1;
export const WAITS_FOR_TURN = 2;

export class Publication {
  readonly number: number;
  section: IncomingSection;
  /** A stream each, where one has been heard; the last one is the best. */
  readonly encodings: (IncomingStream | undefined)[] = [];
  /** The best one that is live, for slots that follow it. */
  selected: IncomingStream | undefined = undefined;
  readonly slots: Slot[] = [];
  /** Other workers that have subscribers of it: they get all that it sends, while it is not muted. */
  readonly pipes: PipeOut[] = [];
  /** Where it is heard whether somebody speaks; undefined for video. */
  speaker: Speaker<Publication> | undefined = undefined;
  /** One of those of which only the loudest are forwarded. */
  readonly isMicrophone: boolean;
  /** Packets that wait, and what for. */
  pendingCount = 0;
  waits: typeof WAITS_FOR_NOTHING | typeof WAITS_FOR_FRAME | typeof WAITS_FOR_TURN =
    WAITS_FOR_NOTHING;
  /** Its place among those that wait for a frame. */
  heldAt = 0;
  readonly pendingStreams: (IncomingStream | undefined)[] = [];
  readonly pendingSequences = new Int32Array(PENDING_MAX);
  readonly room: RoomRouter;
  readonly resting = new RestingEncodings();
  /** Slots that follow the best encoding, and for each encoding those that show it or wait for it. */
  #followers = 0;
  /** Slots that are sent it however quiet it is. */
  #pins = 0;
  /** What came last was not sent to the others. */
  #isHeldBack = false;
  readonly #waiting = new Int32Array(ENCODINGS_MAX);
  readonly #publisher: Publisher;
  #muted: boolean;
  #isLive = false;

  constructor(
    room: RoomRouter,
    publisher: Publisher,
    section: IncomingSection,
    number: number,
    muted: boolean,
    isMicrophone: boolean,
  ) {
    this.isMicrophone = isMicrophone;
    this.room = room;
    this.#publisher = publisher;
    this.section = section;
    this.number = number;
    this.#muted = muted;
    for (let i = 0; i < ENCODINGS_MAX; i++) this.encodings.push(undefined);
    for (let i = 0; i < PENDING_MAX; i++) this.pendingStreams.push(undefined);
  }

  get kind(): 'audio' | 'video' {
    return this.section.kind;
  }

  /** Whether it comes in several encodings; otherwise sizes are spatial layers of one. */
  get isSimulcast(): boolean {
    return this.section.rids.length > 1;
  }

  /** Whether there is anything to choose. */
  get isChoice(): boolean {
    return this.kind === 'video' && (this.isSimulcast || this.selected?.layers !== undefined);
  }

  /** The stream that has that size. */
  encodingOf(layer: number): IncomingStream | undefined {
    return layer < 0 ? undefined : this.encodings[this.isSimulcast ? layer : 0];
  }

  get home(): number {
    return this.#publisher.home;
  }

  get clock(): SenderClock {
    return this.#publisher.clock;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Others are louder: who has not pinned it is sent nothing of it. */
  get isQuiet(): boolean {
    return this.isMicrophone && this.speaker?.isAudible === false && this.room.host.loudest > 0;
  }

  /** Whether that slot is sent nothing because others are louder. */
  isQuietFor(slot: Slot): boolean {
    return this.isQuiet && !slot.isPinned;
  }

  /** What was muted is gone for good: nothing of before is sent again afterwards, and a decoder begins anew. */
  setMuted(muted: boolean, now: number): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    this.room.onMuted(this, now);
    this.pendingCount = 0;
    for (const stream of this.encodings) stream?.endHere();
    if (this.#followers > 0) this.wishKeyFrame(now);
    for (const stream of this.encodings) {
      if (stream !== undefined && this.#waiting[stream.encoding]! > 0)
        this.wishKeyFrame(now, stream);
    }
  }

  /** A later description of the same section. */
  describe(section: IncomingSection): void {
    this.section = section;
    for (const slot of this.slots) slot.mapCodecs();
  }

  /** Another SSRC has the place of that encoding from now on: to subscribers it is another source. */
  start(ssrc: number, encoding: number, now: number): void {
    const before = this.encodings[encoding];
    const stream = new IncomingStream(
      this.room.host.pool,
      this.#publisher.clock,
      this.section,
      ssrc,
      encoding,
      now,
    );
    this.encodings[encoding] = stream;
    before?.endHere();
    if (this.selected === undefined || this.selected === before) this.#select(stream, now);
  }

  /**
   * A packet of one of its streams; `isRtx` where it was unwrapped from a retransmission. What it says is good until
   * the call returns.
   */
  receive(
    stream: IncomingStream,
    arena: Arena,
    reader: RtpReader,
    isRtx: boolean,
    now: number,
  ): void {
    const { counters } = this.room.host;
    const codec = this.section.codec(reader.payloadType);
    if (codec === undefined) return counters.drop(DROP_PAYLOAD_TYPE);
    const outcome = stream.take(reader.sequenceNumber, reader.payloadBytes === 0);
    if (outcome !== DROP_STRAY) this.#account(stream, reader, isRtx, now);
    if (outcome >= 0) return counters.drop(outcome);
    if (this.pipes.length > 0 && !this.#muted) this.#pipe(stream, reader, isRtx);
    if (outcome === TAKEN_PADDING) return;
    if (isRtx) stream.recovered++;
    if (this.#muted) return counters.drop(DROP_MUTED);
    if (!continues(stream, codec)) return counters.drop(DROP_PAYLOAD_TYPE);
    const hadLayers = stream.layers !== undefined;
    describer.describe(packet, stream, arena, reader, this.section.ids, codec.codec, now);
    if (!hadLayers && stream.layers !== undefined) this.#onLayers(now);
    if (!stream.history.add(stream.sequence, packet, now)) return counters.drop(DROP_NOT_STORED);
    stream.lastAt = now;
    if (stream.kind === 'video') {
      if (packet.marker) stream.frames++;
      stream.keyFrameBytes.take(packet);
    }
    if (packet.keyFrame) this.#onKeyFrame(stream, now);
    if (packet.audioLevel !== ABSENT) this.#hear(packet.audioLevel, now);
    this.#forward(stream, now);
  }

  /** Somebody who is shown this cannot go on without a key frame. */
  wishKeyFrame(now: number, stream: IncomingStream | undefined = this.selected): void {
    const { pli, fir } = this.section.feedback;
    if (stream === undefined || stream.kind === 'audio' || this.#muted || !(pli || fir)) return;
    stream.keyFrames.wish(now);
    this.#publisher.wake();
  }

  /** That worker gets what is sent from now on, or nothing more. Idempotent. */
  pipe(pipe: PipeOut, isOpen: boolean): void {
    const at = this.pipes.indexOf(pipe);
    if (isOpen && at < 0) {
      this.pipes.push(pipe);
      for (const stream of this.encodings) if (stream !== undefined) this.#pipeReport(pipe, stream);
    } else if (!isOpen && at >= 0) this.pipes.splice(at, 1);
  }

  /** A sender report of that stream has come. */
  reported(stream: IncomingStream): void {
    for (let i = 0; i < this.pipes.length; i++) this.#pipeReport(this.pipes[i]!, stream);
  }

  add(slot: Slot): void {
    if (this.slots.push(slot) === 1) this.#publisher.onWatched?.(this, true);
    this.watch(slot.layer, 1);
    if (slot.isPinned) this.#pins++;
  }

  /** A slot that shows it, or is to, is pinned, and what was held back begins anew there; or it is not any more. */
  pinned(slot: Slot): void {
    this.#pins += slot.isPinned ? 1 : -1;
    if (slot.isPinned && this.#isHeldBack) slot.pause();
  }

  /** So many slots more, or less, want that encoding. */
  watch(layer: number, count: number): void {
    if (layer === FOLLOWS) this.#followers += count;
    else if (layer >= 0) this.#waiting[this.isSimulcast ? layer : 0]! += count;
  }

  remove(slot: Slot): void {
    const at = this.slots.indexOf(slot);
    if (at < 0) return;
    this.watch(slot.layer, -1);
    if (slot.isPinned) this.#pins--;
    const last = this.slots.pop()!;
    if (last !== slot) this.slots[at] = last;
    if (this.slots.length === 0) this.#publisher.onWatched?.(this, false);
  }

  /** Slots have to be told apart. Gives the memory of what was kept back. */
  close(): void {
    for (const stream of this.encodings) stream?.endHere();
    this.selected = undefined;
    this.pendingCount = 0;
  }

  /** A stream turns out to have layers, so that there is something to choose. */
  #onLayers(now: number): void {
    for (const slot of this.slots) {
      slot.mapCodecs();
      slot.path.touch(now);
    }
  }

  /** As it came, padding and all: the other workers number what follows as this one does. */
  #pipe({ encoding }: IncomingStream, reader: RtpReader, isRepaired: boolean): void {
    for (let i = 0; i < this.pipes.length; i++) {
      this.pipes[i]!.packet(this.number, encoding, reader, isRepaired);
    }
  }

  #pipeReport(pipe: PipeOut, stream: IncomingStream): void {
    pipe.report(this.number, stream, this.clock);
  }

  #account(stream: IncomingStream, reader: RtpReader, isRtx: boolean, now: number): void {
    const { extended } = stream;
    if (!isRtx) {
      stream.statistics.received(extended, reader.timestamp | 0, reader.payloadBytes, now);
    }
    if (!this.section.feedback.nack) return;
    if (stream.nacks.received(extended, now)) this.wishKeyFrame(now);
    if (stream.nacks.missing > 0) this.#publisher.wake();
  }

  #onKeyFrame(stream: IncomingStream, now: number): void {
    if (stream.isAhead || stream.keyFrameAt === NEVER) {
      stream.keyFrameSequence = stream.sequence;
      stream.keyFrameAt = now;
    }
    stream.keyFrameCount++;
    stream.keyFrames.keyFrameStarted();
    stream.nacks.keyFrameStarted(stream.extended);
  }

  #hear(value: number, now: number): void {
    const { speaker } = this;
    if (speaker?.received(audioLevel(value), hasVoice(value), now) === true) {
      if (!speaker.isAudible && this.isMicrophone) this.room.onSpeech(speaker, now);
    }
  }

  #forward(stream: IncomingStream, now: number): void {
    if (!this.#isLive) {
      this.#isLive = true;
      this.room.host.emit({ type: 'sfu.live', publication: this.number });
    }
    if (stream !== this.selected && this.#isBetter(stream, now)) this.#select(stream, now);
    if (this.isQuiet) {
      this.holdBack();
      this.room.host.counters.quietPackets++;
      if (this.#pins === 0) return;
    } else if (this.#isHeldBack) this.#resume();
    if (!this.#isWanted(stream)) return;
    const at = this.pendingCount++;
    this.pendingStreams[at] = stream;
    this.pendingSequences[at] = stream.sequence;
    // What comes late is waited for already.
    const isWhole = stream.kind === 'audio' || packet.marker || !stream.isAhead;
    if (isWhole) this.room.pend(this);
    else this.room.hold(this, now);
    if (this.pendingCount === PENDING_MAX) this.room.flush(now);
  }

  /** Something of it is not sent to who has not pinned it. */
  holdBack(): void {
    this.#isHeldBack = true;
  }

  /** It is loud enough again: who was sent nothing of it begins anew. */
  #resume(): void {
    this.#isHeldBack = false;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (!slot.isPinned) slot.pause();
    }
  }

  #isWanted(stream: IncomingStream): boolean {
    if (stream === this.selected && this.#followers > 0) return true;
    return stream.watchers > 0 || this.#waiting[stream.encoding]! > 0;
  }

  /** The best encoding that is live: the last of the description, among those that send. */
  #isBetter(stream: IncomingStream, now: number): boolean {
    const { selected } = this;
    if (selected === undefined || stream.encoding > selected.encoding) return true;
    return now - selected.lastAt > ENCODING_QUIET_MS;
  }

  #select(stream: IncomingStream, now: number): void {
    this.selected = stream;
    if (this.#followers > 0) this.wishKeyFrame(now);
  }
}

/** Whether a packet is of the codec that the stream has, or of another one from here on. */
function continues(stream: IncomingStream, codec: SectionCodec): boolean {
  const before = stream.codec;
  if (before === codec) return true;
  if (before !== undefined && stream.kind === 'video' && before.format !== codec.format) {
    if (!stream.isAhead) return false;
    stream.beginAnew();
  }
  stream.codec = codec;
  return true;
}
