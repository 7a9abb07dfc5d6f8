// An encoder of VP8 as a publisher has it: frames of some packets, key frames when it is asked for one, all its numbers
// about to wrap. Each packet says in its payload which one it is.

import { FMT_PLI, RTCP_PSFB } from '../../../sfu/rtp/rtcp-reader.ts';
import { rtpPacket, vp8Payload } from './packets.ts';
import type { TestTransport } from './router-world.ts';
import { VP8 } from './sections.ts';

/** What a packet says of itself. */
export interface PacketTag {
  camera: number;
  /** Goes up when what comes is another source to subscribers. */
  incarnation: number;
  /** Of this incarnation, from 0, padding included. */
  index: number;
  timestamp: number;
  pictureId: number;
  tl0PicIdx: number;
  keyIdx: number;
  /** The first packet of a key frame. */
  startsKey: boolean;
  isPadding: boolean;
}

export interface CameraPacket {
  readonly tag: PacketTag;
  readonly bytes: Buffer;
}

const TAG = 'TAG:';

export function tagOf(payload: Buffer): PacketTag | undefined {
  const at = payload.indexOf(TAG);
  if (at < 0) return undefined;
  return JSON.parse(payload.subarray(at + TAG.length).toString()) as PacketTag;
}

export class Camera {
  readonly number: number;
  readonly transport: TestTransport;
  incarnation = 0;
  readonly #below: (bound: number) => number;
  readonly #long: boolean;
  #ssrc: number;
  #sequence: number;
  #index = 0;
  #timestamp: number;
  #pictureId: number;
  #tl0PicIdx: number;
  #keyIdx: number;
  #wantsKey = true;

  constructor(number: number, transport: TestTransport, below: (bound: number) => number) {
    this.number = number;
    this.transport = transport;
    this.#below = below;
    this.#long = below(4) > 0;
    this.#ssrc = 0x8000_0000 + below(0x7fff_ffff);
    this.#sequence = 0x1_0000 - below(60);
    this.#timestamp = 2 ** 32 - below(200_000);
    this.#pictureId = 0x8000 - below(40);
    this.#tl0PicIdx = below(256);
    this.#keyIdx = below(32);
  }

  /** It is started anew: another SSRC, and nothing goes on. */
  restart(): void {
    const below = this.#below;
    this.#ssrc = (this.#ssrc + 1 + below(1000)) >>> 0;
    this.#sequence = below(0x1_0000);
    this.#timestamp = below(2 ** 31) * 2;
    this.#pictureId = below(0x8000);
    this.#tl0PicIdx = below(256);
    this.#begin();
  }

  /** It goes on far ahead, as after a long time without a network. */
  jump(): void {
    this.#sequence += 1001 + this.#below(30_000);
    this.#begin();
  }

  /** What it has been told by RTCP. */
  listen(): void {
    for (const bytes of this.transport.takeRtcp()) {
      for (let at = 0; at + 4 <= bytes.length; at += 4 * (bytes.readUInt16BE(at + 2) + 1)) {
        const isPli = bytes[at + 1] === RTCP_PSFB && (bytes[at]! & 31) === FMT_PLI;
        if (isPli && bytes.readUInt32BE(at + 8) === this.#ssrc) this.#wantsKey = true;
      }
    }
  }

  padding(): CameraPacket {
    return this.#packet({ startsKey: false, isPadding: true }, Buffer.alloc(0), false);
  }

  /** The packets of the next frame, `ms` after the one before. */
  frame(ms: number): CameraPacket[] {
    const key = this.#wantsKey || this.#below(40) === 0;
    this.#wantsKey = false;
    this.#timestamp += 90 * ms;
    this.#pictureId++;
    if (key || this.#below(2) === 0) this.#tl0PicIdx++;
    if (key) this.#keyIdx++;
    const count = 1 + this.#below(3);
    return Array.from({ length: count }, (_, i) => {
      const fields = {
        key,
        start: i === 0,
        pictureId: this.#pictureId & (this.#long ? 0x7fff : 0x7f),
        tl0PicIdx: this.#tl0PicIdx & 0xff,
        keyIdx: this.#keyIdx & 0x1f,
        long: this.#long,
      };
      const tag = { startsKey: key && i === 0, isPadding: false };
      return this.#packet(tag, vp8Payload(fields), i === count - 1);
    });
  }

  #begin(): void {
    this.incarnation++;
    this.#index = 0;
    this.#wantsKey = this.#below(2) === 0;
  }

  #packet(
    kind: Pick<PacketTag, 'startsKey' | 'isPadding'>,
    head: Buffer,
    marker: boolean,
  ): CameraPacket {
    const tag: PacketTag = {
      camera: this.number,
      incarnation: this.incarnation,
      index: this.#index++,
      timestamp: this.#timestamp >>> 0,
      pictureId: this.#pictureId & (this.#long ? 0x7fff : 0x7f),
      tl0PicIdx: this.#tl0PicIdx & 0xff,
      keyIdx: this.#keyIdx & 0x1f,
      ...kind,
    };
    const bytes = rtpPacket({
      ssrc: this.#ssrc,
      sequenceNumber: this.#sequence++,
      timestamp: this.#timestamp,
      payloadType: VP8.payloadType,
      mid: '0',
      marker,
      payload: kind.isPadding
        ? head
        : Buffer.concat([head, Buffer.from(TAG + JSON.stringify(tag))]),
      padding: kind.isPadding ? 50 : 0,
    });
    return { tag, bytes };
  }
}
