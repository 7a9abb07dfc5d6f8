// Tells by its first byte what a datagram is (RFC 7983 s7, RFC 9443 s3): STUN, DTLS, RTP and TURN channels
// share one port. Called by: the engines' owners, once per datagram. Allocates: nothing.

/** In none of the ranges below: to be dropped (RFC 7983 s7). */
export const DATAGRAM_DROP = 0;
export const DATAGRAM_STUN = 1;
export const DATAGRAM_DTLS = 2;
/** SRTP or SRTCP; the second byte tells which (RFC 5761 s4). */
export const DATAGRAM_RTP = 3;
export const DATAGRAM_TURN_CHANNEL = 4;

export type DatagramKind = 0 | 1 | 2 | 3 | 4;

/**
 * 0..3 STUN, 20..63 DTLS, 64..79 TURN channels, 128..191 RTP and RTCP. ZRTP (16..19) and QUIC (80..127 and
 * 192..255, RFC 9443) are not spoken here; nor is anything else, so `undefined`, the first byte of nothing,
 * is dropped too.
 */
export function demultiplex(firstByte: number | undefined): DatagramKind {
  if (firstByte === undefined) return DATAGRAM_DROP;
  if (firstByte >= 128) return firstByte <= 191 ? DATAGRAM_RTP : DATAGRAM_DROP;
  if (firstByte <= 3) return DATAGRAM_STUN;
  if (firstByte < 20 || firstByte > 79) return DATAGRAM_DROP;
  return firstByte <= 63 ? DATAGRAM_DTLS : DATAGRAM_TURN_CHANNEL;
}
