// Goes through the packets of one RTCP datagram in place: compound (RFC 3550 s6.1, appendix A.2) or reduced-size
// (RFC 5506). What a packet says is read by SenderInfo, ReportBlock, LostPackets and the like, or passed over.
// Called by: the media transport, after SRTCP. Allocates: nothing. Every read is held inside the datagram.

import { RTP_VERSION } from './rtp-header.ts';
import { int32, uint16 } from './words.ts';

/** RFC 3550 s12.1, RFC 4585 s9, RFC 3611 s5. */
export const RTCP_SR = 200;
export const RTCP_RR = 201;
export const RTCP_SDES = 202;
export const RTCP_BYE = 203;
export const RTCP_RTPFB = 205;
export const RTCP_PSFB = 206;
export const RTCP_XR = 207;

/** Feedback message types: RFC 4585 s6.2.1, s6.3.1; RFC 5104 s4.3.1; and those of draft-holmer and draft-alvestrand. */
export const FMT_NACK = 1;
export const FMT_PLI = 1;
export const FMT_FIR = 4;
export const FMT_TRANSPORT_CC = 15;
/** RFC 4585 s6.4: application layer feedback, which REMB is. */
export const FMT_AFB = 15;

/** V, P and a count; the type; the length in words less one (RFC 3550 s6.4.1). */
export const RTCP_HEADER_BYTES = 4;
const PADDING_BIT = 0x20;
const COUNT_MASK = 0x1f;

const EMPTY = new Uint8Array(0);

export class RtcpReader {
  bytes: Uint8Array = EMPTY;
  /** Of the packet that `next` came to: where it begins. */
  offset = 0;
  type = 0;
  /** Reception reports or sources, or the feedback message type. */
  count = 0;
  /** What follows the header, without padding. */
  bodyOffset = 0;
  bodyBytes = 0;
  /** The SSRC that reports and feedback begin with: who sent it. -1 where the body ends before. */
  senderSsrc = -1;
  /** The SSRC that feedback is about (RFC 4585 s6.1). -1 where the body ends before. */
  mediaSsrc = -1;
  #next = 0;
  #end = 0;

  /**
   * Takes `bytes[offset .. offset + length)` as one datagram; false, with no packets, where a header or a length
   * is wrong anywhere in it (RFC 3550 appendix A.2). Padding is taken in any packet, for some send it so.
   */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    this.bytes = bytes;
    this.#next = 0;
    this.#end = 0;
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) return false;
    const end = offset + length;
    let at = offset;
    while (at < end) {
      if (at + RTCP_HEADER_BYTES > end || bytes[at]! >> 6 !== RTP_VERSION) return false;
      const packet = 4 * (uint16(bytes, at + 2) + 1);
      if (at + packet > end) return false;
      if ((bytes[at]! & PADDING_BIT) !== 0) {
        const padding = bytes[at + packet - 1]!;
        if (padding === 0 || padding > packet - RTCP_HEADER_BYTES) return false;
      }
      at += packet;
    }
    this.#next = offset;
    this.#end = end;
    return true;
  }

  /** Goes to the next packet; false where there is none. */
  next(): boolean {
    const at = this.#next;
    if (at >= this.#end) return false;
    const { bytes } = this;
    const packet = 4 * (uint16(bytes, at + 2) + 1);
    const padding = (bytes[at]! & PADDING_BIT) === 0 ? 0 : bytes[at + packet - 1]!;
    this.offset = at;
    this.type = bytes[at + 1]!;
    this.count = bytes[at]! & COUNT_MASK;
    this.bodyOffset = at + RTCP_HEADER_BYTES;
    this.bodyBytes = packet - RTCP_HEADER_BYTES - padding;
    this.senderSsrc = this.bodyBytes < 4 ? -1 : int32(bytes, this.bodyOffset) >>> 0;
    this.mediaSsrc = this.bodyBytes < 8 ? -1 : int32(bytes, this.bodyOffset + 4) >>> 0;
    this.#next = at + packet;
    return true;
  }
}
