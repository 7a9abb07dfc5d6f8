// RFC 7983 s7 and RFC 9443 s3: what a datagram is, by its first byte.

import { expect, it } from 'vitest';
import {
  DATAGRAM_DROP,
  DATAGRAM_DTLS,
  DATAGRAM_RTP,
  DATAGRAM_STUN,
  DATAGRAM_TURN_CHANNEL,
  type DatagramKind,
  demultiplex,
} from '../../sfu/demultiplex.ts';

/** The first bytes that are of that kind, as ranges. */
function ranges(kind: DatagramKind): string {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => demultiplex(byte) === kind,
  );
  const begins = bytes.filter((byte) => !bytes.includes(byte - 1));
  const ends = bytes.filter((byte) => !bytes.includes(byte + 1));
  return begins.map((begin, i) => `${begin}..${ends[i]}`).join(' ');
}

it.each([
  ['STUN', DATAGRAM_STUN, '0..3'],
  ['DTLS', DATAGRAM_DTLS, '20..63'],
  ['a TURN channel', DATAGRAM_TURN_CHANNEL, '64..79'],
  ['RTP or RTCP', DATAGRAM_RTP, '128..191'],
] as const)('RFC 7983 s7: %s begins with a byte of its range', (_, kind, expected) => {
  expect(ranges(kind)).toBe(expected);
});

it('RFC 7983 s7: what begins with any other byte is dropped, ZRTP too', () => {
  expect(ranges(DATAGRAM_DROP)).toBe('4..19 80..127 192..255');
});

it('RFC 9443 s3: QUIC is dropped, not taken for anything else', () => {
  const quic = [80, 127, 192, 255].map((byte) => demultiplex(byte));
  expect(quic).toEqual(Array(4).fill(DATAGRAM_DROP));
});

it('an empty datagram has no first byte and is dropped', () => {
  expect(demultiplex(new Uint8Array(0)[0])).toBe(DATAGRAM_DROP);
});
