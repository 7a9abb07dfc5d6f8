// Writes RTCP packets one after another into one datagram (RFC 3550 s6.1, RFC 4585 s6, RFC 5104 s4.3.1).
// Called by: the media transport, subscriptions. Allocates: nothing. A packet that does not fit is not begun.

import {
  FEEDBACK_SSRC_BYTES,
  FIR_ENTRY_BYTES,
  NACK_ENTRY_BYTES,
  REMB_FIXED_BYTES,
  REMB_ID,
} from './rtcp-feedback.ts';
import {
  FMT_AFB,
  FMT_FIR,
  FMT_NACK,
  FMT_PLI,
  RTCP_BYE,
  RTCP_HEADER_BYTES,
  RTCP_PSFB,
  RTCP_RR,
  RTCP_RTPFB,
  RTCP_SDES,
  RTCP_SR,
} from './rtcp-reader.ts';
import {
  REPORT_BLOCK_BYTES,
  REPORT_BLOCKS_MAX,
  type ReportBlock,
  SENDER_INFO_BYTES,
  type SenderInfo,
} from './rtcp-reports.ts';
import { SDES_CNAME, SDES_ITEM_HEADER_BYTES } from './rtcp-sources.ts';
import { RTP_VERSION } from './rtp-header.ts';
import type { TransportCcWriter } from './transport-cc-writer.ts';
import { put16, put32 } from './words.ts';

const SSRC_BYTES = 4;
/** How far behind its PID a BLP reaches (RFC 4585 s6.2.1). */
const BLP_BITS = 16;
const MANTISSA_MAX = 0x3_ffff;

export class RtcpWriter {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #end = 0;

  /** Begins a datagram at `offset`, of `room` bytes at most. */
  start(bytes: Uint8Array, offset: number, room: number): this {
    this.#bytes = bytes;
    this.#start = offset;
    this.#at = offset;
    this.#end = Math.min(offset + room, bytes.length);
    return this;
  }

  /** What there is of the datagram so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** SR with the first `count` blocks (RFC 3550 s6.4.1); false where there is no room. */
  senderReport(
    ssrc: number,
    info: SenderInfo,
    blocks: readonly ReportBlock[],
    count: number,
  ): boolean {
    const body = SSRC_BYTES + SENDER_INFO_BYTES + REPORT_BLOCK_BYTES * count;
    if (count > REPORT_BLOCKS_MAX || !this.#begin(RTCP_SR, count, body)) return false;
    this.#word(ssrc);
    info.write(this.#bytes, this.#at);
    this.#at += SENDER_INFO_BYTES;
    this.#blocks(blocks, count);
    return true;
  }

  /** RR with the first `count` blocks (RFC 3550 s6.4.2); false where there is no room. */
  receiverReport(ssrc: number, blocks: readonly ReportBlock[], count: number): boolean {
    const body = SSRC_BYTES + REPORT_BLOCK_BYTES * count;
    if (count > REPORT_BLOCKS_MAX || !this.#begin(RTCP_RR, count, body)) return false;
    this.#word(ssrc);
    this.#blocks(blocks, count);
    return true;
  }

  /** SDES with the CNAME of one source, 255 bytes at most (RFC 3550 s6.5.1); false where there is no room. */
  cname(ssrc: number, name: Uint8Array): boolean {
    const items = SDES_ITEM_HEADER_BYTES + name.length;
    // One zero at least ends the items, and more follow up to the next word.
    const body = SSRC_BYTES + ((items + 4) & ~3);
    if (name.length > 0xff || !this.#begin(RTCP_SDES, 1, body)) return false;
    const end = this.#at + body;
    this.#word(ssrc);
    const bytes = this.#bytes;
    bytes[this.#at++] = SDES_CNAME;
    bytes[this.#at++] = name.length;
    for (let i = 0; i < name.length; i++) bytes[this.#at++] = name[i]!;
    while (this.#at < end) bytes[this.#at++] = 0;
    return true;
  }

  /** BYE of one source (RFC 3550 s6.6); false where there is no room. */
  bye(ssrc: number): boolean {
    if (!this.#begin(RTCP_BYE, 1, SSRC_BYTES)) return false;
    this.#word(ssrc);
    return true;
  }

  /**
   * Generic NACK for the first `count` of some sequence numbers in ascending order (RFC 4585 s6.2.1). Returns how
   * many of them found room.
   */
  nack(senderSsrc: number, mediaSsrc: number, lost: Uint16Array, count: number): number {
    const first = this.#at;
    const room = this.#end - first - RTCP_HEADER_BYTES - FEEDBACK_SSRC_BYTES;
    if (count <= 0 || room < NACK_ENTRY_BYTES) return 0;
    let at = first + RTCP_HEADER_BYTES + FEEDBACK_SSRC_BYTES;
    const end = at + (room & ~3);
    let taken = 0;
    while (taken < count && at < end) {
      const packetId = lost[taken++]!;
      let mask = 0;
      while (taken < count) {
        const behind = (lost[taken]! - packetId) & 0xffff;
        if (behind > BLP_BITS) break;
        if (behind > 0) mask |= 1 << (behind - 1);
        taken++;
      }
      put16(this.#bytes, at, packetId);
      put16(this.#bytes, at + 2, mask);
      at += NACK_ENTRY_BYTES;
    }
    this.#begin(RTCP_RTPFB, FMT_NACK, at - first - RTCP_HEADER_BYTES);
    this.#word(senderSsrc);
    this.#word(mediaSsrc);
    this.#at = at;
    return taken;
  }

  /** PLI (RFC 4585 s6.3.1); false where there is no room. */
  pictureLoss(senderSsrc: number, mediaSsrc: number): boolean {
    if (!this.#begin(RTCP_PSFB, FMT_PLI, FEEDBACK_SSRC_BYTES)) return false;
    this.#word(senderSsrc);
    this.#word(mediaSsrc);
    return true;
  }

  /** FIR for one source (RFC 5104 s4.3.1.1), whose own SSRC stands in the entry; false where there is no room. */
  fullIntraRequest(senderSsrc: number, ssrc: number, sequenceNumber: number): boolean {
    if (!this.#begin(RTCP_PSFB, FMT_FIR, FEEDBACK_SSRC_BYTES + FIR_ENTRY_BYTES)) return false;
    this.#word(senderSsrc);
    this.#word(0);
    this.#word(ssrc);
    this.#word((sequenceNumber & 0xff) << 24);
    return true;
  }

  /** REMB for the first `count` SSRCs (draft-alvestrand-rmcat-remb-03 s2.2), rounded down; false where there is no room. */
  remb(senderSsrc: number, bitrateBps: number, ssrcs: Uint32Array, count: number): boolean {
    const body = FEEDBACK_SSRC_BYTES + REMB_FIXED_BYTES + 4 * count;
    if (count > 0xff || !this.#begin(RTCP_PSFB, FMT_AFB, body)) return false;
    let exponent = 0;
    let mantissa = Math.max(0, Math.floor(Math.min(bitrateBps, Number.MAX_SAFE_INTEGER)));
    while (mantissa > MANTISSA_MAX) {
      mantissa = Math.floor(mantissa / 2);
      exponent++;
    }
    this.#word(senderSsrc);
    this.#word(0);
    this.#word(REMB_ID);
    this.#word((count << 24) | (exponent << 18) | mantissa);
    for (let i = 0; i < count; i++) this.#word(ssrcs[i]!);
    return true;
  }

  /** Transport-wide congestion control feedback; false where there is no room, or nothing to tell. */
  transportCc(
    feedback: TransportCcWriter,
    senderSsrc: number,
    mediaSsrc: number,
    feedbackCount: number,
  ): boolean {
    const at = this.#at;
    const end = this.#end;
    this.#at += feedback.write(this.#bytes, at, end, senderSsrc, mediaSsrc, feedbackCount);
    return this.#at > at;
  }

  #begin(type: number, count: number, bodyBytes: number): boolean {
    const length = RTCP_HEADER_BYTES + bodyBytes;
    if (this.#at + length > this.#end) return false;
    this.#bytes[this.#at] = (RTP_VERSION << 6) | count;
    this.#bytes[this.#at + 1] = type;
    put16(this.#bytes, this.#at + 2, length / 4 - 1);
    this.#at += RTCP_HEADER_BYTES;
    return true;
  }

  #word(value: number): void {
    put32(this.#bytes, this.#at, value);
    this.#at += 4;
  }

  #blocks(blocks: readonly ReportBlock[], count: number): void {
    for (let i = 0; i < count; i++) {
      blocks[i]!.write(this.#bytes, this.#at);
      this.#at += REPORT_BLOCK_BYTES;
    }
  }
}
