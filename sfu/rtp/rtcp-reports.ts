// Sender and receiver reports (RFC 3550 s6.4): the sender's part and the report blocks.
// Called by: the media transport, RtcpWriter. Allocates: nothing.

import { RTCP_RR, RTCP_SR, type RtcpReader } from './rtcp-reader.ts';
import { int32, put16, put32 } from './words.ts';

/** NTP and RTP timestamps, packets and octets (RFC 3550 s6.4.1). */
export const SENDER_INFO_BYTES = 20;
export const REPORT_BLOCK_BYTES = 24;
/** RC has five bits. */
export const REPORT_BLOCKS_MAX = 31;

const SSRC_BYTES = 4;

/** What a sender says of itself. */
export class SenderInfo {
  ntpSeconds = 0;
  ntpFraction = 0;
  rtpTimestamp = 0;
  packetCount = 0;
  octetCount = 0;

  /** Takes it from the packet that the reader stands at; false where that is not a whole SR. */
  read(reader: RtcpReader): boolean {
    if (reader.type !== RTCP_SR || reader.bodyBytes < SSRC_BYTES + SENDER_INFO_BYTES) return false;
    const { bytes } = reader;
    const at = reader.bodyOffset + SSRC_BYTES;
    this.ntpSeconds = int32(bytes, at) >>> 0;
    this.ntpFraction = int32(bytes, at + 4) >>> 0;
    this.rtpTimestamp = int32(bytes, at + 8) >>> 0;
    this.packetCount = int32(bytes, at + 12) >>> 0;
    this.octetCount = int32(bytes, at + 16) >>> 0;
    return true;
  }

  write(bytes: Uint8Array, at: number): void {
    put32(bytes, at, this.ntpSeconds | 0);
    put32(bytes, at + 4, this.ntpFraction | 0);
    put32(bytes, at + 8, this.rtpTimestamp | 0);
    put32(bytes, at + 12, this.packetCount | 0);
    put32(bytes, at + 16, this.octetCount | 0);
  }

  /** The middle 32 bits of the NTP timestamp: LSR of who reports on it (RFC 3550 s6.4.1). */
  get middle(): number {
    return ((this.ntpSeconds << 16) | (this.ntpFraction >>> 16)) >>> 0;
  }
}

/** How many blocks the packet has that the reader stands at; 0 where it is no report, or they do not fit into it. */
export function reportBlockCount(reader: RtcpReader): number {
  return firstBlock(reader) < 0 ? 0 : reader.count;
}

/** What somebody received of one source. */
export class ReportBlock {
  ssrc = 0;
  /** Of 256. */
  fractionLost = 0;
  /** Signed: doubled packets make it sink below zero. */
  cumulativeLost = 0;
  /** Cycles, then the highest sequence number. */
  highestSequence = 0;
  /** In units of the timestamp. */
  jitter = 0;
  /** LSR, and DLSR in 1/65536 s. */
  lastSenderReport = 0;
  delaySinceLastSenderReport = 0;

  /** Takes that block of the packet that the reader stands at; false where there is none. */
  read(reader: RtcpReader, index: number): boolean {
    const first = firstBlock(reader);
    if (first < 0 || !(index >= 0 && index < reader.count)) return false;
    const { bytes } = reader;
    const at = reader.bodyOffset + first + REPORT_BLOCK_BYTES * index;
    this.ssrc = int32(bytes, at) >>> 0;
    this.fractionLost = bytes[at + 4]!;
    this.cumulativeLost = (int32(bytes, at + 4) << 8) >> 8;
    this.highestSequence = int32(bytes, at + 8) >>> 0;
    this.jitter = int32(bytes, at + 12) >>> 0;
    this.lastSenderReport = int32(bytes, at + 16) >>> 0;
    this.delaySinceLastSenderReport = int32(bytes, at + 20) >>> 0;
    return true;
  }

  /** What does not fit into 24 bits is cut off at their ends. */
  write(bytes: Uint8Array, at: number): void {
    put32(bytes, at, this.ssrc | 0);
    const lost = Math.max(-0x80_0000, Math.min(0x7f_ffff, this.cumulativeLost));
    bytes[at + 4] = this.fractionLost;
    bytes[at + 5] = lost >> 16;
    put16(bytes, at + 6, lost & 0xffff);
    put32(bytes, at + 8, this.highestSequence | 0);
    put32(bytes, at + 12, this.jitter | 0);
    put32(bytes, at + 16, this.lastSenderReport | 0);
    put32(bytes, at + 20, this.delaySinceLastSenderReport | 0);
  }
}

/** Where the blocks begin in the body, if all of them are there; -1 otherwise. */
function firstBlock(reader: RtcpReader): number {
  if (reader.type !== RTCP_SR && reader.type !== RTCP_RR) return -1;
  const first = reader.type === RTCP_SR ? SSRC_BYTES + SENDER_INFO_BYTES : SSRC_BYTES;
  return first + REPORT_BLOCK_BYTES * reader.count > reader.bodyBytes ? -1 : first;
}
