// Retransmissions as packets of their own (RFC 4588): the original sequence number, then the original payload.
// Called by: publications (unwrap), subscriptions (wrap). Allocates: nothing.

import { MARKER_BIT } from './rtp-header.ts';
import type { RtpReader } from './rtp-reader.ts';
import { put16, put32, uint16 } from './words.ts';

/** RFC 4588 s4: OSN. */
export const OSN_BYTES = 2;

/** The original sequence number of an RTX packet; -1 where there is none, as in packets of padding alone. */
export function originalSequenceNumber(reader: RtpReader): number {
  if (reader.payloadBytes < OSN_BYTES) return -1;
  return uint16(reader.bytes, reader.payloadOffset);
}

/**
 * Makes the original packet of an RTX packet (RFC 4588 s4), in place: its header moves two bytes up, over the OSN.
 * Returns where it begins, and it ends where it did; -1, nothing being touched, where there is no OSN. What the
 * reader knew holds no more.
 */
export function unwrapRtx(reader: RtpReader, ssrc: number, payloadType: number): number {
  const sequenceNumber = originalSequenceNumber(reader);
  if (sequenceNumber < 0) return -1;
  const { bytes, offset, headerBytes } = reader;
  const at = offset + OSN_BYTES;
  bytes.copyWithin(at, offset, offset + headerBytes);
  bytes[at + 1] = (bytes[at + 1]! & MARKER_BIT) | (payloadType & ~MARKER_BIT);
  put16(bytes, at + 2, sequenceNumber);
  put32(bytes, at + 8, ssrc);
  return at;
}

/**
 * Puts the OSN right before an original payload, over what stands there: the last bytes of its header, which by
 * then nobody reads. Returns where the payload of the RTX packet begins; -1 where there is no room before it.
 */
export function wrapRtx(bytes: Uint8Array, payloadOffset: number, sequenceNumber: number): number {
  const at = payloadOffset - OSN_BYTES;
  if (!(at >= 0 && payloadOffset <= bytes.length)) return -1;
  put16(bytes, at, sequenceNumber);
  return at;
}
