// RTCP as a participant hears and says it.

import { FullIntraRequests, isPictureLoss, LostPackets } from '../../../sfu/rtp/rtcp-feedback.ts';
import { RTCP_RR, RTCP_SDES, RTCP_SR, RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { Cnames } from '../../../sfu/rtp/rtcp-sources.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';

/** One packet of a datagram, as far as a test asks. */
export interface RtcpPacket {
  readonly type: 'sr' | 'rr' | 'sdes' | 'nack' | 'pli' | 'fir' | 'arrivals' | 'other';
  readonly sender: number;
  readonly media: number;
  readonly info?: SenderInfo;
  readonly blocks?: readonly ReportBlock[];
  readonly cname?: string;
  readonly lost?: readonly number[];
  readonly arrived?: readonly number[];
}

/** The packets of a datagram, which must be whole. */
export function readRtcp(datagram: Uint8Array): RtcpPacket[] {
  const reader = new RtcpReader();
  if (!reader.read(datagram, 0, datagram.length)) throw new Error('not RTCP');
  const packets: RtcpPacket[] = [];
  while (reader.next()) {
    const head = { sender: reader.senderSsrc, media: reader.mediaSsrc };
    packets.push({ ...head, ...contents(reader) });
  }
  return packets;
}

/** Asks for these packets of what is sent with that SSRC again. */
export const nackOf = (ssrc: number, ...lost: readonly number[]): Buffer =>
  writeRtcp((writer) => writer.nack(1, ssrc, Uint16Array.from(lost), lost.length));

function contents(reader: RtcpReader): Pick<RtcpPacket, 'type'> & Partial<RtcpPacket> {
  const info = new SenderInfo();
  const lost = new LostPackets();
  const arrivals = new TransportCcReader();
  const cnames = new Cnames();
  if (reader.type === RTCP_SR && info.read(reader))
    return { type: 'sr', info, blocks: blocks(reader) };
  if (reader.type === RTCP_RR) return { type: 'rr', blocks: blocks(reader) };
  if (reader.type === RTCP_SDES && cnames.read(reader) && cnames.next()) {
    return { type: 'sdes', cname: cnames.text() };
  }
  if (lost.read(reader)) return { type: 'nack', lost: all(() => lost.next()) };
  if (isPictureLoss(reader)) return { type: 'pli' };
  if (new FullIntraRequests().read(reader)) return { type: 'fir' };
  if (arrivals.read(reader)) {
    const arrived = all(() => (arrivals.next() ? arrivals.sequenceNumber : -1));
    return { type: 'arrivals', arrived };
  }
  return { type: 'other' };
}

function blocks(reader: RtcpReader): ReportBlock[] {
  return Array.from({ length: reportBlockCount(reader) }, (_, i) => {
    const block = new ReportBlock();
    block.read(reader, i);
    return block;
  });
}

function all(next: () => number): number[] {
  const found: number[] = [];
  for (let one = next(); one >= 0; one = next()) found.push(one);
  return found;
}

/** A datagram that somebody writes. */
export function writeRtcp(write: (writer: RtcpWriter) => void): Buffer {
  const bytes = Buffer.alloc(1400);
  const writer = new RtcpWriter().start(bytes, 0, bytes.length);
  write(writer);
  return bytes.subarray(0, writer.length);
}
