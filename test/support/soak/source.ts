// One section in which a guest of the soak sends: frames of a packet or two in each of its encodings, of which some may
// rest. Every payload says whose it is and of what.

import { rtpPacket, vp8Payload } from '../sfu-router/packets.ts';
import { OPUS, VP8 } from '../sfu-router/sections.ts';
import { RIDS, type SourceName } from './description.ts';

const MAGIC = 0x50_4b_41_01;
const STAMP_BYTES = 8;
/** As many as are kept to be sent again. */
const HISTORY = 256;
const FRAME_TICKS = 3600;
const SAMPLES = 1920;
/** Bytes of a frame of each encoding. */
const FRAME_BYTES = [300, 700, 1600] as const;
const PACKET_BYTES = 900;

export interface Stamp {
  readonly guest: number;
  readonly source: number;
  readonly encoding: number;
  readonly keyFrame: boolean;
}

/** Undefined for what no guest has made, such as padding. */
export function stampOf(packet: Buffer): Stamp | undefined {
  const at = packet.length - STAMP_BYTES;
  if (at < 12 || packet.readUInt32BE(at) !== MAGIC) return undefined;
  return {
    guest: packet.readUInt16BE(at + 4),
    source: packet[at + 6]! >> 4,
    encoding: packet[at + 6]! & 15,
    keyFrame: packet[at + 7] === 1,
  };
}

class Encoding {
  readonly ssrc: number;
  readonly rid: string | undefined;
  live = true;
  wantsKey = true;
  sequence: number;
  readonly #sealed: (Buffer | undefined)[] = [];

  constructor(ssrc: number, rid: string | undefined, sequence: number) {
    this.ssrc = ssrc;
    this.rid = rid;
    this.sequence = sequence;
  }

  keep(sequence: number, sealed: Buffer): void {
    this.#sealed[sequence % HISTORY] = sealed;
  }

  /** As it went out, where that is not too long ago. */
  sent(sequence: number): Buffer | undefined {
    const sealed = this.#sealed[sequence % HISTORY];
    return sealed?.readUInt16BE(2) === sequence ? sealed : undefined;
  }

  /** Under other keys from now on. */
  restart(): void {
    this.wantsKey = true;
    this.#sealed.length = 0;
  }
}

export class Source {
  readonly name: SourceName;
  readonly index: number;
  readonly isVideo: boolean;
  readonly encodings: readonly Encoding[];
  /** What the server calls it; empty while it is not published. */
  sid = '';
  /** Whether it is to be published. */
  wanted: boolean;
  muted = false;
  /** When it began to be there for others as it is now: published, not muted. */
  since = Number.POSITIVE_INFINITY;
  /** When its lowest encoding began to rest, last. */
  loweredAt = Number.NEGATIVE_INFINITY;
  readonly #guest: number;
  #frames = 0;

  /** `ssrc`: the first one that is free. */
  constructor(guest: number, index: number, name: SourceName, ssrc: number) {
    this.#guest = guest;
    this.index = index;
    this.name = name;
    this.isVideo = name !== 'microphone';
    this.wanted = name !== 'screen';
    const rids = name === 'camera' ? RIDS : [undefined];
    this.encodings = rids.map((rid, i) => new Encoding(ssrc + i, rid, 65_500 - 100 * i));
  }

  /** Whether others are to get something of it. */
  get isSeen(): boolean {
    return this.sid !== '' && this.wanted && !this.muted;
  }

  /** Over another connection from now on. */
  restart(): void {
    for (const encoding of this.encodings) encoding.restart();
  }

  /** `send` gets what `seal` makes of each packet. */
  frame(seal: (packet: Buffer) => Buffer, send: (sealed: Buffer) => void): void {
    this.#frames++;
    for (const [i, encoding] of this.encodings.entries()) {
      if (!encoding.live) continue;
      const bytes = this.isVideo ? FRAME_BYTES[this.name === 'screen' ? 1 : i]! : 60;
      const packets = Math.ceil(bytes / PACKET_BYTES);
      for (let n = 0; n < packets; n++) {
        const sequence = encoding.sequence++ & 0xffff;
        const packet = this.#packet(encoding, sequence, n, packets, Math.ceil(bytes / packets));
        const sealed = seal(packet);
        encoding.keep(sequence, sealed);
        send(sealed);
      }
      encoding.wantsKey = false;
    }
  }

  #packet(encoding: Encoding, sequence: number, n: number, of: number, bytes: number): Buffer {
    const key = encoding.wantsKey;
    const body = Buffer.alloc(bytes, 0xa5);
    const at = bytes - STAMP_BYTES;
    body.writeUInt32BE(MAGIC, at);
    body.writeUInt16BE(this.#guest, at + 4);
    body[at + 6] = (this.index << 4) | this.encodings.indexOf(encoding);
    body[at + 7] = key ? 1 : 0;
    const frame = { key, start: n === 0, pictureId: this.#frames & 0x7fff, body };
    return rtpPacket({
      ssrc: encoding.ssrc,
      sequenceNumber: sequence,
      timestamp: this.#frames * (this.isVideo ? FRAME_TICKS : SAMPLES),
      payloadType: this.isVideo ? VP8.payloadType : OPUS.payloadType,
      marker: this.isVideo && n === of - 1,
      mid: this.name,
      ...(encoding.rid === undefined ? {} : { rid: encoding.rid }),
      payload: this.isVideo ? vp8Payload(frame) : body,
    });
  }
}
