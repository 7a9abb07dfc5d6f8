// What a publisher sends: streams of frames as an encoder makes them, with the numbers that a forwarder must rewrite.

import { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { IDS } from './sections.ts';

export interface PacketFields {
  ssrc: number;
  sequenceNumber: number;
  timestamp: number;
  payloadType: number;
  marker?: boolean;
  mid?: string;
  rid?: string;
  repairedRid?: string;
  audioLevel?: number;
  transportCc?: number;
  orientation?: number;
  playoutDelay?: number;
  dependencies?: Uint8Array;
  payload?: Uint8Array;
  /** Bytes of padding behind the payload. */
  padding?: number;
  shift?: number;
}

const text = (value: string | undefined): Buffer | undefined =>
  value === undefined ? undefined : Buffer.from(value);

export function rtpPacket(fields: PacketFields): Buffer {
  const { shift = 0, payload = new Uint8Array(0), padding = 0 } = fields;
  const writer = new RtpWriter();
  writer.marker = fields.marker ?? false;
  writer.padding = padding > 0;
  writer.payloadType = fields.payloadType;
  writer.sequenceNumber = fields.sequenceNumber & 0xffff;
  writer.timestamp = fields.timestamp >>> 0;
  writer.ssrc = fields.ssrc >>> 0;
  const element = (id: number, value: Uint8Array | undefined): void => {
    if (value !== undefined) writer.element(id + shift, value, 0, value.length);
  };
  element(IDS.mid, text(fields.mid));
  element(IDS.rid, text(fields.rid));
  element(IDS.repairedRid, text(fields.repairedRid));
  if (fields.audioLevel !== undefined) writer.elementU8(IDS.audioLevel + shift, fields.audioLevel);
  if (fields.transportCc !== undefined) {
    writer.elementU16(IDS.transportCc + shift, fields.transportCc);
  }
  if (fields.orientation !== undefined) {
    writer.elementU8(IDS.orientation + shift, fields.orientation);
  }
  if (fields.playoutDelay !== undefined) {
    writer.elementU24(IDS.playoutDelay + shift, fields.playoutDelay);
  }
  element(IDS.dependencies, fields.dependencies);
  const bytes = Buffer.alloc(writer.headerBytes + payload.length + padding);
  writer.write(bytes, 0);
  bytes.set(payload, writer.headerBytes);
  if (padding > 0) bytes[bytes.length - 1] = padding;
  return bytes;
}

/** RFC 7741 s4.2: X, S and I, L, T, K; then what begins a key frame or another one. */
export function vp8Payload(frame: {
  key: boolean;
  start: boolean;
  pictureId?: number;
  tl0PicIdx?: number;
  keyIdx?: number;
  /** The picture ID in 15 bits. */
  long?: boolean;
  body?: Uint8Array;
}): Buffer {
  const { pictureId, tl0PicIdx, keyIdx, long = true } = frame;
  const head = [0x80 | (frame.start ? 0x10 : 0)];
  head.push(
    (pictureId === undefined ? 0 : 0x80) |
      (tl0PicIdx === undefined ? 0 : 0x40) |
      (keyIdx === undefined ? 0 : 0x30),
  );
  if (pictureId !== undefined) {
    if (long) head.push(0x80 | (pictureId >> 8), pictureId & 0xff);
    else head.push(pictureId & 0x7f);
  }
  if (tl0PicIdx !== undefined) head.push(tl0PicIdx & 0xff);
  if (keyIdx !== undefined) head.push(keyIdx & 0x1f);
  const frameHeader = frame.start
    ? [frame.key ? 0x10 : 0x11, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]
    : [0xff];
  return Buffer.concat([
    Buffer.from(head),
    Buffer.from(frameHeader),
    frame.body ?? Buffer.alloc(20),
  ]);
}
