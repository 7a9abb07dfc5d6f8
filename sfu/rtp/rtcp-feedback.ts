// Feedback messages (RFC 4585, RFC 5104) that ask for packets, for key frames and for bit rates.
// Called by: the media transport. Allocates: nothing.

import {
  FMT_AFB,
  FMT_FIR,
  FMT_NACK,
  FMT_PLI,
  RTCP_PSFB,
  RTCP_RTPFB,
  type RtcpReader,
} from './rtcp-reader.ts';
import { int32, uint16 } from './words.ts';

/** The two SSRCs that feedback begins with (RFC 4585 s6.1). */
export const FEEDBACK_SSRC_BYTES = 8;
/** PID and BLP (RFC 4585 s6.2.1). */
export const NACK_ENTRY_BYTES = 4;
/** SSRC, sequence number, reserved (RFC 5104 s4.3.1.1). */
export const FIR_ENTRY_BYTES = 8;
/** "REMB", then the number of SSRCs, exponent and mantissa (draft-alvestrand-rmcat-remb-03 s2.2). */
export const REMB_ID = 0x52_45_4d_42;
export const REMB_FIXED_BYTES = 8;

const NO_MASK = 0;
const EMPTY = new Uint8Array(0);

/** The sequence numbers that a generic NACK asks for (RFC 4585 s6.2.1), at most 17 for each of its entries. */
export class LostPackets {
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #end = 0;
  #packetId = 0;
  #mask = NO_MASK;

  /** Begins with the packet that the reader stands at; false where that is no NACK. */
  read(reader: RtcpReader): boolean {
    this.#mask = NO_MASK;
    this.#at = 0;
    this.#end = 0;
    if (reader.type !== RTCP_RTPFB || reader.count !== FMT_NACK) return false;
    const room = reader.bodyBytes - FEEDBACK_SSRC_BYTES;
    if (room < NACK_ENTRY_BYTES) return false;
    this.#bytes = reader.bytes;
    this.#at = reader.bodyOffset + FEEDBACK_SSRC_BYTES;
    this.#end = this.#at + (room & ~3);
    return true;
  }

  /** The next one; -1 after the last. */
  next(): number {
    if (this.#mask !== NO_MASK) {
      const bit = 31 - Math.clz32(this.#mask & -this.#mask);
      this.#mask &= this.#mask - 1;
      return (this.#packetId + 1 + bit) & 0xffff;
    }
    if (this.#at >= this.#end) return -1;
    this.#packetId = uint16(this.#bytes, this.#at);
    this.#mask = uint16(this.#bytes, this.#at + 2);
    this.#at += NACK_ENTRY_BYTES;
    return this.#packetId;
  }
}

/** Whether the packet is a picture loss indication (RFC 4585 s6.3.1), for its `mediaSsrc`. */
export function isPictureLoss(reader: RtcpReader): boolean {
  return isPayloadFeedback(reader, FMT_PLI) && reader.bodyBytes >= FEEDBACK_SSRC_BYTES;
}

/** The sources that a full intra request names (RFC 5104 s4.3.1). */
export class FullIntraRequests {
  ssrc = 0;
  /** Counts requests: one that has the same number was heard already. */
  sequenceNumber = 0;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #left = 0;

  /** Begins with the packet that the reader stands at; false where that is no FIR. */
  read(reader: RtcpReader): boolean {
    this.#left = 0;
    if (!isPayloadFeedback(reader, FMT_FIR)) return false;
    const room = reader.bodyBytes - FEEDBACK_SSRC_BYTES;
    if (room < FIR_ENTRY_BYTES) return false;
    this.#bytes = reader.bytes;
    this.#at = reader.bodyOffset + FEEDBACK_SSRC_BYTES;
    this.#left = Math.floor(room / FIR_ENTRY_BYTES);
    return true;
  }

  /** Goes to the next one; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.ssrc = int32(this.#bytes, this.#at) >>> 0;
    this.sequenceNumber = this.#bytes[this.#at + 4]!;
    this.#at += FIR_ENTRY_BYTES;
    return true;
  }
}

/** The receiver's estimate of the greatest bit rate (draft-alvestrand-rmcat-remb-03 s2.2), and whom it is about. */
export class Remb {
  bitrateBps = 0;
  ssrc = 0;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #left = 0;

  /** Takes it from the packet that the reader stands at; false where that is no REMB, or its SSRCs do not fit. */
  read(reader: RtcpReader): boolean {
    this.#left = 0;
    if (!isPayloadFeedback(reader, FMT_AFB)) return false;
    const fixed = FEEDBACK_SSRC_BYTES + REMB_FIXED_BYTES;
    if (reader.bodyBytes < fixed) return false;
    const { bytes } = reader;
    const at = reader.bodyOffset + FEEDBACK_SSRC_BYTES;
    if (int32(bytes, at) !== REMB_ID) return false;
    const count = bytes[at + 4]!;
    if (fixed + 4 * count > reader.bodyBytes) return false;
    const exponent = bytes[at + 5]! >> 2;
    const mantissa = ((bytes[at + 5]! & 3) << 16) | uint16(bytes, at + 6);
    // Six bits of exponent reach far beyond what a number holds exactly.
    this.bitrateBps = Math.min(mantissa * 2 ** exponent, Number.MAX_SAFE_INTEGER);
    this.#bytes = bytes;
    this.#at = at + REMB_FIXED_BYTES;
    this.#left = count;
    return true;
  }

  /** Goes to the next SSRC; false after the last. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.ssrc = int32(this.#bytes, this.#at) >>> 0;
    this.#at += 4;
    return true;
  }
}

function isPayloadFeedback(reader: RtcpReader, messageType: number): boolean {
  return reader.type === RTCP_PSFB && reader.count === messageType;
}
