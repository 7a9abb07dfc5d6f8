// RTP and RTCP packets made by hand, in hexadecimal where that says it best.

import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** A reader of that packet, which lies amid other bytes. */
export function readRtp(packet: Uint8Array): RtpReader {
  const bytes = Buffer.concat([Buffer.alloc(7, 0xff), packet, Buffer.alloc(9, 0xff)]);
  const reader = new RtpReader();
  const result = reader.read(bytes, 7, packet.length);
  if (result !== RTP_OK) throw new Error(`refused: ${result}`);
  return reader;
}

/** A packet with one header extension of that profile. */
export function withExtension(profile: number, data: string): Buffer {
  const elements = hex(data);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(profile);
  head.writeUInt16BE(elements.length / 4, 2);
  return Buffer.concat([hex('90600001 00000000 12345678'), head, elements, hex('aabbcc')]);
}

/** The value of an element, in hexadecimal; undefined where there is none. */
export function elementOf(reader: RtpReader, id: number): string | undefined {
  const at = reader.extension(id);
  if (at < 0) return undefined;
  return Buffer.from(reader.bytes.subarray(at, at + reader.extensionBytes(id))).toString('hex');
}

/** A reader at the first packet of that datagram, which lies amid other bytes. */
export function readRtcp(datagram: Uint8Array): RtcpReader {
  const bytes = Buffer.concat([Buffer.alloc(5, 0xff), datagram, Buffer.alloc(11, 0xff)]);
  const reader = new RtcpReader();
  if (!reader.read(bytes, 5, datagram.length) || !reader.next()) throw new Error('refused');
  return reader;
}
