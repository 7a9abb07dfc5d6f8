// One track of a publisher, or one encoding of it, packet by packet: VP8 frames at 30 a second in bursts (RFC 7741),
// or Opus frames of 20 ms (RFC 7587), as RTP (RFC 3550 s5.1). The pictures are noise, their headers are not: an SFU
// finds the key frames.
// Allocates: nothing per packet.

import type { Kind } from './shapes.ts';
import { Stamp } from './stamp.ts';

/** What the tracks are negotiated with. */
export const PAYLOAD_TYPES: Readonly<Record<Kind, number>> = { video: 96, audio: 111 };
const CLOCK_RATES: Readonly<Record<Kind, number>> = { video: 90_000, audio: 48_000 };
const FRAMES_PER_SECOND: Readonly<Record<Kind, number>> = { video: 30, audio: 50 };
const PAYLOAD_BYTES: Readonly<Record<Kind, number>> = { video: 1000, audio: 100 };

/** Packets of one frame after the other, as shares of their mean: 6, 4, 8, 5, 7 at 180 a second. */
const FRAME_SIZES = [1, 4 / 6, 8 / 6, 5 / 6, 7 / 6] as const;

const HEADER_BYTES = 12;
const VERSION_2 = 0x80;
const EXTENSION_BIT = 0x10;
const LAYER_SHIFT = 20;
const MARKER_BIT = 0x80;
/** RFC 7741 s4.2: X, and S; then I, and the picture ID's M. */
const EXTENDED_BIT = 0x80;
const START_BIT = 0x10;
const HAS_PICTURE_ID = 0x80;
const LONG_PICTURE_ID = 0x8000;
/** RFC 6386 s9.1: the frame tag of a frame that is shown, P = 0 for a key frame, then start code and 640 x 360. */
const KEY_FRAME_HEADER = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01] as const;
const INTER_FRAME_TAG = [0x11, 0x02, 0x00] as const;
/** RFC 6716 s3.1: one frame of 20 ms, hybrid, fullband, mono. */
const OPUS_TOC = 0x78;

/** What is not as usual. */
export interface FlowOptions {
  /** The encoding, from the lowest on. */
  readonly layer?: number;
  readonly framesPerSecond?: number;
  readonly payloadBytes?: number;
  /** RFC 3550 s5.3.1: the whole of it, the same in every packet. */
  readonly extension?: Uint8Array;
}

export class Flow {
  readonly kind: Kind;
  readonly publisher: number;
  readonly ssrc: number;
  readonly frameMs: number;
  /** Packets made so far. */
  packets = 0;
  octets = 0;
  keyFrames = 0;
  /** Of the next video frame, so that somebody may begin with it. */
  keyFrameWanted = true;
  readonly #perFrame: number;
  readonly #packet: Buffer;
  readonly #headerBytes: number;
  readonly #stamp = new Stamp();
  #frames = 0;
  /** Of all frames so far, before rounding. */
  #due = 0;
  #startedAt = Number.NaN;
  /** Packets are counted from the first of these, up to the second. */
  #countFrom = Infinity;
  #countTo = Infinity;

  constructor(kind: Kind, publisher: number, perSecond: number, options: FlowOptions = {}) {
    const {
      layer = 0,
      framesPerSecond = FRAMES_PER_SECOND[kind],
      payloadBytes = PAYLOAD_BYTES[kind],
      extension = new Uint8Array(0),
    } = options;
    this.kind = kind;
    this.publisher = publisher;
    this.ssrc = (kind === 'video' ? 0x1000_0000 : 0x2000_0000) + (layer << LAYER_SHIFT) + publisher;
    this.frameMs = 1000 / framesPerSecond;
    this.#perFrame = perSecond / framesPerSecond;
    this.#headerBytes = HEADER_BYTES + extension.length;
    this.#packet = Buffer.alloc(this.#headerBytes + payloadBytes, 0xa5);
    this.#packet[0] = VERSION_2 | (extension.length > 0 ? EXTENSION_BIT : 0);
    this.#packet.set(extension, HEADER_BYTES);
    this.#stamp.publisher = publisher;
    this.#stamp.layer = layer;
    this.#stamp.kind = kind;
  }

  /** Makes the packets of the next frame, and hands each to `send`, which must not keep it. */
  frame(send: (packet: Buffer) => void): void {
    const now = performance.now();
    if (this.#frames === 0) this.#startedAt = now;
    const share = this.kind === 'video' ? FRAME_SIZES[this.#frames % FRAME_SIZES.length]! : 1;
    const before = Math.round(this.#due);
    this.#due += share * this.#perFrame;
    const packets = Math.round(this.#due) - before;
    const keyFrame = this.kind === 'video' && this.keyFrameWanted;
    if (keyFrame) this.keyFrames++;
    this.keyFrameWanted = false;
    this.#stamp.keyFrame = keyFrame;
    const timestamp = Math.round(this.#frames * this.frameMs * this.#clockPerMs);
    this.#packet.writeUInt32BE(timestamp >>> 0, 4);
    for (let i = 0; i < packets; i++) {
      this.#head(i === packets - 1);
      if (this.kind === 'video') this.#video(i === 0, keyFrame);
      else this.#packet[this.#headerBytes] = OPUS_TOC;
      this.#stamp.counter = this.packets;
      this.#stamp.sentAt = performance.now();
      this.#stamp.write(this.#packet);
      this.packets++;
      this.octets += this.#packet.length - this.#headerBytes;
      send(this.#packet);
    }
    this.#frames++;
  }

  /** The RTP timestamp of a moment, for sender reports. */
  timestampAt(now: number): number {
    return Math.round((now - this.#startedAt) * this.#clockPerMs) >>> 0;
  }

  startCounting(): void {
    this.#countFrom = this.packets;
    this.#countTo = Infinity;
  }

  stopCounting(): void {
    this.#countTo = this.packets;
  }

  /** Of those that are counted. */
  get counted(): number {
    return this.#countTo - this.#countFrom;
  }

  isCounted(counter: number): boolean {
    return counter >= this.#countFrom && counter < this.#countTo;
  }

  get #clockPerMs(): number {
    return CLOCK_RATES[this.kind] / 1000;
  }

  #head(last: boolean): void {
    const packet = this.#packet;
    const marker = this.kind === 'video' && last ? MARKER_BIT : 0;
    packet[1] = marker | PAYLOAD_TYPES[this.kind];
    packet.writeUInt16BE(this.packets & 0xffff, 2);
    packet.writeUInt32BE(this.ssrc, 8);
  }

  #video(first: boolean, keyFrame: boolean): void {
    const packet = this.#packet;
    let at = this.#headerBytes;
    packet[at++] = EXTENDED_BIT | (first ? START_BIT : 0);
    packet[at++] = HAS_PICTURE_ID;
    packet.writeUInt16BE(LONG_PICTURE_ID | (this.#frames & 0x7fff), at);
    at += 2;
    if (first)
      for (const byte of keyFrame ? KEY_FRAME_HEADER : INTER_FRAME_TAG) packet[at++] = byte;
  }
}
