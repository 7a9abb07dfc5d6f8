// Makes one outgoing stream of whatever a slot shows: sequence numbers and timestamps (RFC 3550 s5.1) and the numbers
// inside of payloads go on from one source to the next. Inside of a source the distance to its own numbers is fixed,
// so what was lost before is lost here too, and what comes late has its place. Called by: Slot. Allocates: nothing.

import { CODEC_VP8, CODEC_VP9 } from '../rtp/key-frame.ts';
import { VP8_LONG_PICTURE_ID_MASK, Vp8Descriptor } from '../rtp/vp8.ts';
import { Vp9Descriptor } from '../rtp/vp9.ts';
import { put16 } from '../rtp/words.ts';
import { ABSENT, type MediaPacket } from './media-packet.ts';
import { Numbering } from './numbering.ts';

/** Further ahead a receiver may take for behind. */
const TICKS_MAX = 2 ** 30;
/** Encodings of one frame come within so much of each other. */
const ENCODING_APART_MS_MAX = 1000;
const TL0_PIC_IDX_MASK = 0xff;
/** RFC 7741 s4.2: five bits. */
const KEY_IDX_MASK = 0x1f;
const FRAME_NUMBER_MASK = 0xffff;

const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();

export class Rewriter {
  /** The highest that was sent. */
  sequence: number;
  timestamp: number;
  /** Of the source: the number of the packet that it began with. */
  first = 0;
  readonly #ticksPerMs: number;
  /** Of one frame, at least. */
  readonly #frameTicks: number;
  #sent = false;
  #timestampAt = 0;
  /** What is added to the numbers of the source. */
  #sequenceOffset = 0;
  #timestampOffset = 0;
  /** How much later the source is shown than what was shown before it would be. */
  #late = 0;
  readonly #pictureIds = new Numbering(VP8_LONG_PICTURE_ID_MASK);
  readonly #tl0PicIdxs = new Numbering(TL0_PIC_IDX_MASK);
  readonly #keyIdxs = new Numbering(KEY_IDX_MASK);
  readonly #frameNumbers = new Numbering(FRAME_NUMBER_MASK);

  /**
   * @param sequence the first one will be the next; below 2^15, so that its receiver knows the rollover counter (RFC
   *   3711 s3.3.1)
   */
  constructor(sequence: number, timestamp: number, clockRate: number, frameTicks: number) {
    this.sequence = sequence;
    this.timestamp = timestamp | 0;
    this.#ticksPerMs = clockRate / 1000;
    this.#frameTicks = frameTicks;
  }

  /** The packet is the first of another source. */
  begin(sequence: number, packet: MediaPacket, now: number): void {
    const elapsed = this.#sent ? Math.round((now - this.#timestampAt) * this.#ticksPerMs) : 0;
    const ticks = Math.min(TICKS_MAX, Math.max(this.#frameTicks, elapsed));
    this.#late = 0;
    this.first = sequence;
    this.#sequenceOffset = (this.sequence + 1 - sequence) | 0;
    this.#timestampOffset = (this.timestamp + ticks - packet.timestamp) | 0;
    this.#pictureIds.restart();
    this.#tl0PicIdxs.restart();
    this.#keyIdxs.restart();
    this.#frameNumbers.restart();
  }

  /**
   * The packet is the first of another encoding of the same track; `timestamp` is the one of its capture in what was
   * sent so far. What comes of an earlier time than what was sent last follows right behind that.
   */
  beginEncoding(sequence: number, packet: MediaPacket, timestamp: number, now: number): void {
    const late = this.#late;
    this.begin(sequence, packet, now);
    const ahead = (timestamp - late - this.timestamp) | 0;
    const elapsed = (now - this.#timestampAt) * this.#ticksPerMs;
    // What sender reports say is not to be believed where it is far from what time says.
    if (!(Math.abs(ahead - elapsed) <= ENCODING_APART_MS_MAX * this.#ticksPerMs)) return;
    const ticks = Math.max(1, ahead);
    this.#late = ticks - ahead;
    this.#timestampOffset = (this.timestamp + ticks - packet.timestamp) | 0;
  }

  /** Whether a packet of the source lies before the one that was the first. */
  isBefore(sequence: number): boolean {
    return ((sequence - this.first) | 0) < 0;
  }

  /** The number of a packet of the source, as 32 bits with a sign. */
  sequenceOf(sequence: number): number {
    return (sequence + this.#sequenceOffset) | 0;
  }

  /** The timestamp for one of the source, as 32 bits with a sign. */
  timestampOf(timestamp: number): number {
    return (timestamp + this.#timestampOffset) | 0;
  }

  /** A packet is sent for the first time. */
  advance(sequence: number, timestamp: number, now: number): void {
    if (!this.#sent || ((sequence - this.sequence) | 0) > 0) this.sequence = sequence;
    if (this.#sent && ((timestamp - this.timestamp) | 0) <= 0) return;
    this.#sent = true;
    this.timestamp = timestamp;
    this.#timestampAt = now;
  }

  /** Writes the numbers inside of the payload and the dependency descriptor over those of the last subscriber. */
  renumber(packet: MediaPacket, codec: number): void {
    const { arena, payloadOffset, payloadBytes } = packet;
    if (arena === undefined) return;
    if (packet.frameNumber !== ABSENT) {
      const frame = this.#frameNumbers.map(packet.frameNumber, FRAME_NUMBER_MASK);
      put16(arena.bytes, packet.descriptorOffset + 1, frame);
    }
    if (codec === CODEC_VP8) this.#renumberVp8(packet, arena.bytes, payloadOffset, payloadBytes);
    else if (codec === CODEC_VP9 && packet.pictureId !== ABSENT) {
      vp9.read(arena.bytes, payloadOffset, payloadBytes);
      vp9.writePictureId(this.#pictureIds.map(packet.pictureId, vp9.pictureIdMask));
    }
  }

  #renumberVp8(packet: MediaPacket, bytes: Uint8Array, offset: number, length: number): void {
    const { pictureId, tl0PicIdx, keyIdx } = packet;
    if (pictureId === ABSENT && tl0PicIdx === ABSENT && keyIdx === ABSENT) return;
    vp8.read(bytes, offset, length);
    if (pictureId !== ABSENT) {
      vp8.writePictureId(this.#pictureIds.map(pictureId, vp8.pictureIdMask));
    }
    if (tl0PicIdx !== ABSENT) vp8.writeTl0PicIdx(this.#tl0PicIdxs.map(tl0PicIdx, TL0_PIC_IDX_MASK));
    if (keyIdx !== ABSENT) vp8.writeKeyIdx(this.#keyIdxs.map(keyIdx, KEY_IDX_MASK));
  }
}
