// The RTCP of the Node client (RFC 3550 s6, RFC 4585): what the server asks of what we send, and what we tell it.
// Called by: the tracks, slot.ts, reports.ts.

import { FullIntraRequests, isPictureLoss, LostPackets } from '../../sfu/rtp/rtcp-feedback.ts';
import { RtcpReader } from '../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';
import { RtcpWriter } from '../../sfu/rtp/rtcp-writer.ts';

/** RFC 5761 s4: packet types that RTP and RTCP share a port with. */
const RTCP_FIRST = 192;
const RTCP_LAST = 223;
/** Seconds from 1900 to 1970. */
const NTP_UNIX_SECONDS = 2_208_988_800;
const CNAME: Uint8Array = Buffer.from('bot');
/** Of a datagram of ours. */
const ROOM = 1200;

const reader = new RtcpReader();
const writer = new RtcpWriter();
const senderInfo = new SenderInfo();
const requests = new FullIntraRequests();
const lost = new LostPackets();
const block = new ReportBlock();

export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1] ?? 0;
  return type >= RTCP_FIRST && type <= RTCP_LAST;
}

/** What the server says of a stream of ours. */
export interface SenderFeedback {
  /** PLI (RFC 4585 s6.3.1) or FIR (RFC 5104 s4.3.1). */
  onKeyFrameWanted(): void;
  onLost(sequenceNumber: number): void;
  /** Of 256, since the last report. */
  onFractionLost(fraction: number): void;
}

export function readSenderFeedback(packet: Uint8Array, ssrc: number, to: SenderFeedback): void {
  if (!reader.read(packet, 0, packet.length)) return;
  while (reader.next()) {
    if (isPictureLoss(reader)) {
      if (reader.mediaSsrc === ssrc) to.onKeyFrameWanted();
    } else if (requests.read(reader)) {
      while (requests.next()) if (requests.ssrc === ssrc) to.onKeyFrameWanted();
    } else if (lost.read(reader)) {
      if (reader.mediaSsrc !== ssrc) continue;
      for (let number = lost.next(); number >= 0; number = lost.next()) to.onLost(number);
    } else {
      for (let i = 0; i < reportBlockCount(reader); i++) {
        if (block.read(reader, i) && block.ssrc === ssrc) to.onFractionLost(block.fractionLost);
      }
    }
  }
}

/** Sender reports in it; the object is good until the next one. */
export function eachSenderReport(packet: Uint8Array, take: (info: SenderInfo) => void): void {
  if (!reader.read(packet, 0, packet.length)) return;
  while (reader.next()) if (senderInfo.read(reader)) take(senderInfo);
}

export interface SentSoFar {
  readonly ssrc: number;
  readonly packets: number;
  readonly octets: number;
  /** The RTP timestamp of a moment of performance.now(). */
  timestampAt(now: number): number;
}

/** SR and SDES (RFC 3550 s6.4.1). */
export function senderReport(sent: SentSoFar): Buffer {
  const now = performance.now();
  const wallSeconds = (performance.timeOrigin + now) / 1000 + NTP_UNIX_SECONDS;
  senderInfo.ntpSeconds = Math.floor(wallSeconds);
  senderInfo.ntpFraction = Math.floor((wallSeconds % 1) * 2 ** 32);
  senderInfo.rtpTimestamp = sent.timestampAt(now);
  senderInfo.packetCount = sent.packets;
  senderInfo.octetCount = sent.octets;
  return datagram((to) => {
    to.senderReport(sent.ssrc, senderInfo, [], 0);
    to.cname(sent.ssrc, CNAME);
  });
}

export function receiverReport(ssrc: number, blocks: readonly ReportBlock[]): Buffer {
  return datagram((to) => {
    to.receiverReport(ssrc, blocks, blocks.length);
    to.cname(ssrc, CNAME);
  });
}

export function datagram(write: (to: RtcpWriter) => void): Buffer {
  const packet = Buffer.alloc(ROOM);
  write(writer.start(packet, 0, ROOM));
  return packet.subarray(0, writer.length);
}
