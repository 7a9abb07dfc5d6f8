// The RTCP of the load's peers (RFC 3550 s6) beside that of the Node client: what a subscriber reports, and who wants
// key frames. NACK, transport-wide feedback and REMB are not spoken.

import { FullIntraRequests, isPictureLoss } from '../../sfu/rtp/rtcp-feedback.ts';
import { RtcpReader } from '../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';
import { RtcpWriter } from '../../sfu/rtp/rtcp-writer.ts';

export const REPORT_EVERY_MS = 1000;

const CNAME: Uint8Array = Buffer.from('load');
const ROOM = 256;

const reader = new RtcpReader();
const writer = new RtcpWriter();
const senderInfo = new SenderInfo();
const requests = new FullIntraRequests();

/** Whether somebody wants a key frame: PLI (RFC 4585 s6.3.1) or FIR (RFC 5104 s4.3.1). */
export function wantsKeyFrame(packet: Uint8Array): boolean {
  if (!reader.read(packet, 0, packet.length)) return false;
  while (reader.next()) if (isPictureLoss(reader) || requests.read(reader)) return true;
  return false;
}

/** The SSRCs that key frames are wanted of. */
export function eachKeyFrameWish(packet: Uint8Array, wanted: (ssrc: number) => void): void {
  if (!reader.read(packet, 0, packet.length)) return;
  while (reader.next()) {
    if (isPictureLoss(reader)) wanted(reader.mediaSsrc);
    else if (requests.read(reader)) while (requests.next()) wanted(requests.ssrc);
  }
}

/** What a subscriber reports on one source; sequence numbers and sender reports are noted as they come. */
export class Reception {
  readonly #block = new ReportBlock();
  readonly #ssrc: number;
  #cycles = 0;
  #highest = -1;
  #reportedAt = 0;

  constructor(ssrc: number) {
    this.#ssrc = ssrc;
  }

  notePacket(packet: Buffer): void {
    this.#block.ssrc = packet.readUInt32BE(8);
    const sequence = packet.readUInt16BE(2);
    if (this.#highest >= 0 && sequence < this.#highest) this.#cycles++;
    this.#highest = sequence;
  }

  /** Takes the time of a sender report; anything else is passed over. */
  noteRtcp(packet: Uint8Array): void {
    if (!reader.read(packet, 0, packet.length)) return;
    while (reader.next()) {
      if (!senderInfo.read(reader)) continue;
      this.#block.lastSenderReport = senderInfo.middle;
      this.#reportedAt = performance.now();
    }
  }

  /** RR and SDES; nothing before the first packet. */
  receiverReport(): Buffer | undefined {
    if (this.#highest < 0) return undefined;
    this.#block.highestSequence = this.#cycles * 0x1_0000 + this.#highest;
    const sinceMs = this.#reportedAt === 0 ? 0 : performance.now() - this.#reportedAt;
    this.#block.delaySinceLastSenderReport = Math.round(sinceMs * 65.536);
    const packet = Buffer.alloc(ROOM);
    writer.start(packet, 0, ROOM).receiverReport(this.#ssrc, [this.#block], 1);
    writer.cname(this.#ssrc, CNAME);
    return packet.subarray(0, writer.length);
  }
}
