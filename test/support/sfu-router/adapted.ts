// A camera of three encodings and a subscriber behind a link whose rate a test sets: what the link lets through is
// told of by real feedback. Time is the world's.

import { ArrivalLog } from '../../../sfu/feedback/arrival-log.ts';
import { SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { TestDecoder } from './decoder.ts';
import { rtpPacket, vp8Payload } from './packets.ts';
import type { RouterWorld, SentPacket, TestTransport } from './router-world.ts';
import { readRtcp, writeRtcp } from './rtcp.ts';
import { IDS, VP8 } from './sections.ts';

const DELAY_MS = 20;
const QUEUE_MS = 300;

/** Between the server and a subscriber; all that it hears is of use to `TestTransport` alone. */
export class TestLink {
  /** Bits a second. */
  rate: number;
  /** All that was sent, whether it comes through or not. */
  readonly sent: SentPacket[] = [];
  readonly decoder = new TestDecoder();
  /** Milliseconds of the longest queue. */
  queueMs = QUEUE_MS;
  dropped = 0;
  /** Behind the next packet it stands still for so long, once. */
  stallMs = 0;
  /** What came through since the last `take`. */
  #arrived: SentPacket[] = [];
  readonly #transport: TestTransport;
  readonly #log = new ArrivalLog();
  #flights: { packet: SentPacket; at: number }[] = [];
  #freeAt = 0;

  constructor(transport: TestTransport, rate: number) {
    this.#transport = transport;
    this.rate = rate;
  }

  step(now: number): void {
    for (const packet of this.#transport.take()) {
      this.sent.push(packet);
      const begins = Math.max(now, this.#freeAt);
      if (begins - now > this.queueMs) {
        this.dropped++;
        continue;
      }
      this.#freeAt = begins + (packet.bytes.length * 8000) / this.rate;
      this.#flights.push({ packet, at: this.#freeAt + DELAY_MS });
      this.#freeAt += this.stallMs;
      this.stallMs = 0;
    }
    while (this.#flights.length > 0 && this.#flights[0]!.at <= now) {
      const { packet, at } = this.#flights.shift()!;
      const number = packet.rtp.extensionU16(IDS.transportCc);
      if (number >= 0) this.#log.received(number, packet.bytes.length, at);
      this.#arrived.push(packet);
      if (packet.rtp.payloadBytes > 0) this.decoder.receive(packet, at);
    }
    if (!this.#log.due(now)) return;
    this.#transport.sendRtcpPacket(
      writeRtcp((writer) => {
        this.#log.write(writer, 1, 2);
      }),
    );
  }

  take(): SentPacket[] {
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }
}

const PACKET_BYTES = 1000;
/** What libwebrtc is asked for meanwhile it does not do. */
const DEAF_MS = 300;
export const RIDS = ['q', 'h', 'f'] as const;

/** Frames of one size for each encoding; key frames when they are asked for. Every payload says which one it is. */
export class SimulcastCamera {
  /** Bits a second, by encoding; 0 for one that is not sent. */
  readonly rates = [150_000, 500_000, 1_500_000];
  /** Timestamps of the encodings have nothing in common. */
  readonly offsets = [5, 0x7fff_0000, 0xffff_ff00];
  /** How much later than the others an encoding is sent, in frames. */
  readonly late = [0, 0, 0];
  /** Of how many frames an encoding sends one. */
  readonly every = [1, 1, 1];
  readonly keyFrames = [0, 0, 0];
  /**
   * How much larger than others key frames are; and whether one that is asked for is made of all, and none again for a
   * while, as in Chromium.
   */
  keyFactor = 1;
  together = false;
  frameMs = 40;
  /** How long it takes to make a frame. */
  encodeMs = 0;
  readonly #transport: TestTransport;
  readonly #sequences = [1, 1000, 65_500];
  readonly #owed = [0, 0, 0];
  readonly #wantsKey = [true, true, true];
  #frame = 100;
  #nextAt: number;
  #deafUntil = 0;
  /** What was asked for, and when it was. */
  #asked: { media: number; at: number }[] = [];

  constructor(transport: TestTransport, now: number) {
    this.#transport = transport;
    this.#nextAt = now;
  }

  ssrc(encoding: number): number {
    return 100 + encoding;
  }

  /** The timestamp that an encoding has for a frame. */
  timestamp(encoding: number, frame: number): number {
    return (this.offsets[encoding]! + frame * this.frameMs * 90) >>> 0;
  }

  /** A sender report of each: frame 0 was captured at 1000 s. */
  report(): void {
    const seconds = 1000 + (this.#frame * this.frameMs) / 1000;
    for (const encoding of RIDS.keys()) {
      const info = new SenderInfo();
      info.ntpSeconds = Math.floor(seconds);
      info.ntpFraction = Math.floor((seconds % 1) * 2 ** 32);
      info.rtpTimestamp = this.timestamp(encoding, this.#frame);
      this.#transport.sendRtcpPacket(
        writeRtcp((writer) => {
          writer.senderReport(this.ssrc(encoding), info, [], 0);
        }),
      );
    }
  }

  step(now: number): void {
    for (const bytes of this.#transport.takeRtcp()) {
      for (const { type, media } of readRtcp(bytes)) {
        if (type === 'pli' && media >= 100 && media < 103) this.#asked.push({ media, at: now });
      }
    }
    const before = now - this.encodeMs;
    for (const { media, at } of this.#asked) if (at <= before) this.#ask(media, now);
    this.#asked = this.#asked.filter(({ at }) => at > before);
    if (now < this.#nextAt) return;
    this.#nextAt += this.frameMs;
    this.#frame++;
    for (const encoding of RIDS.keys()) {
      const every = this.every[encoding]!;
      const isSent = this.rates[encoding]! > 0 && this.#frame % every === 0;
      if (isSent) this.#send(encoding, this.#frame - this.late[encoding]!);
    }
  }

  #ask(media: number, now: number): void {
    if (this.together) {
      if (now < this.#deafUntil) return;
      this.#deafUntil = now + DEAF_MS;
      this.#wantsKey.fill(true);
    }
    this.#wantsKey[media - 100] = true;
  }

  #send(encoding: number, frame: number): void {
    this.#owed[encoding]! += (this.rates[encoding]! * this.frameMs) / 8000;
    const key = this.#wantsKey[encoding]!;
    this.#wantsKey[encoding] = false;
    if (key) {
      this.keyFrames[encoding]!++;
      this.#owed[encoding]! +=
        (this.keyFactor - 1) * ((this.rates[encoding]! * this.frameMs) / 8000);
    }
    for (let start = true; start || this.#owed[encoding]! > 0; start = false) {
      const bytes = Math.min(PACKET_BYTES, Math.max(100, this.#owed[encoding]!));
      this.#owed[encoding]! -= bytes;
      const marker = this.#owed[encoding]! <= 0;
      const body = Buffer.alloc(bytes);
      body.writeUInt32BE(encoding, 0);
      body.writeUInt32BE(frame, 4);
      this.#transport.sendOne(
        rtpPacket({
          ssrc: this.ssrc(encoding),
          sequenceNumber: this.#sequences[encoding]!++,
          timestamp: this.timestamp(encoding, frame),
          payloadType: VP8.payloadType,
          mid: '0',
          rid: RIDS[encoding]!,
          marker,
          payload: vp8Payload({ key, start, pictureId: frame & 0x7fff, body }),
        }),
      );
    }
  }
}

export function runFor(world: RouterWorld, ms: number, step: (now: number) => void): void {
  for (const end = world.now + ms; world.now < end;) {
    world.advance(4);
    step(world.now);
    world.turn();
  }
}
