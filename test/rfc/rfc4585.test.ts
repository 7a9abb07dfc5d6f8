// RTCP feedback: NACK and PLI (RFC 4585), FIR (RFC 5104), and REMB, which is an application's.

import { describe, expect, it } from 'vitest';
import {
  FullIntraRequests,
  isPictureLoss,
  LostPackets,
  Remb,
} from '../../sfu/rtp/rtcp-feedback.ts';
import { RtcpWriter } from '../../sfu/rtp/rtcp-writer.ts';
import { hex, readRtcp } from '../unit/sfu/build-rtp.ts';

function lostOf(packet: Buffer): number[] | undefined {
  const lost = new LostPackets();
  if (!lost.read(readRtcp(packet))) return undefined;
  const found: number[] = [];
  for (let next = lost.next(); next >= 0; next = lost.next()) found.push(next);
  return found;
}

/** What a writer makes of a datagram of `room` bytes. */
function written(room: number, write: (writer: RtcpWriter) => unknown): Buffer {
  const bytes = Buffer.alloc(room + 8, 0xee);
  const writer = new RtcpWriter().start(bytes, 4, room);
  write(writer);
  expect(bytes.subarray(4 + writer.length).every((byte) => byte === 0xee)).toBe(true);
  return bytes.subarray(4, 4 + writer.length);
}

describe('NACK', () => {
  it('RFC 4585 s6.2.1: an entry is a packet and a mask of the sixteen after it', () => {
    const packet = hex('81cd0004 00000001 80000002 00648001 fffe000f');
    expect(readRtcp(packet).senderSsrc).toBe(1);
    expect(readRtcp(packet).mediaSsrc).toBe(0x80000002);
    expect(lostOf(packet)).toEqual([100, 101, 116, 65_534, 65_535, 0, 1, 2]);
  });

  it('RFC 4585 s6.2.1: a NACK has an entry at least, and what is no NACK has none', () => {
    expect(lostOf(hex('81cd0002 00000001 00000002'))).toBeUndefined();
    expect(lostOf(hex('8fcd0003 00000001 00000002 00640000'))).toBeUndefined();
    expect(lostOf(hex('81ce0003 00000001 00000002 00640000'))).toBeUndefined();
    expect(lostOf(hex('a1cd0004 00000001 00000002 00640000 00000004'))).toEqual([100]);
  });

  it('RFC 4585 s6.2.1: sequence numbers are packed into as few entries as they need', () => {
    const lost = Uint16Array.of(65_530, 65_531, 65_531, 10, 11, 27, 28, 100);
    let taken = 0;
    const packet = written(100, (writer) => (taken = writer.nack(1, 2, lost, lost.length)));
    expect(taken).toBe(8);
    expect(packet).toEqual(hex('81cd0006 00000001 00000002 fffa8001 000b8000 001c0000 00640000'));
    expect(lostOf(packet)).toEqual([65_530, 65_531, 10, 11, 27, 28, 100]);
  });

  it('RFC 4585 s6.2.1: those that find no room are left for another NACK', () => {
    const lost = Uint16Array.from({ length: 20 }, (_, i) => 100 * i);
    let taken = 0;
    const packet = written(12 + 11, (writer) => (taken = writer.nack(1, 2, lost, 20)));
    expect([taken, lostOf(packet)]).toEqual([2, [0, 100]]);
    expect(written(15, (writer) => writer.nack(1, 2, lost, 20))).toHaveLength(0);
    expect(written(99, (writer) => writer.nack(1, 2, lost, 0))).toHaveLength(0);
  });
});

/** SSRCs and sequence numbers of a full intra request. */
function requested(packet: Buffer): [number, number][] | undefined {
  const requests = new FullIntraRequests();
  if (!requests.read(readRtcp(packet))) return undefined;
  const found: [number, number][] = [];
  while (requests.next()) found.push([requests.ssrc, requests.sequenceNumber]);
  return found;
}

describe('requests for a key frame', () => {
  it('RFC 4585 s6.3.1: PLI has the two SSRCs alone', () => {
    const packet = written(12, (writer) => writer.pictureLoss(0x80000001, 2));
    expect(packet).toEqual(hex('81ce0002 80000001 00000002'));
    expect(isPictureLoss(readRtcp(packet))).toBe(true);
    expect(isPictureLoss(readRtcp(hex('81ce0001 80000001')))).toBe(false);
    expect(isPictureLoss(readRtcp(hex('81cd0002 80000001 00000002')))).toBe(false);
    expect(isPictureLoss(readRtcp(hex('84ce0002 80000001 00000002')))).toBe(false);
  });

  it('RFC 5104 s4.3.1.1: FIR has an entry for each source, with a sequence number', () => {
    const packet = written(20, (writer) => writer.fullIntraRequest(1, 0x80000002, 0x1ff));
    expect(packet).toEqual(hex('84ce0004 00000001 00000000 80000002 ff000000'));
    const two = hex('84ce0006 00000001 00000000 80000002 ff000000 00000003 01000000');
    expect(requested(two)).toEqual([
      [0x80000002, 255],
      [3, 1],
    ]);
    expect(requested(hex('84ce0003 00000001 00000000 80000002'))).toBeUndefined();
    expect(requested(hex('84ce0001 00000001'))).toBeUndefined();
    expect(requested(hex('81ce0004 00000001 00000000 80000002 ff000000'))).toBeUndefined();
  });
});

describe('REMB', () => {
  it('RFC 4585 s6.4: it is application layer feedback with an identifier of its own', () => {
    const remb = new Remb();
    const packet = hex('8fce0006 00000001 00000000 52454d42 020bdeca 80000007 00000008');
    expect(remb.read(readRtcp(packet))).toBe(true);
    expect(remb.bitrateBps).toBe(0x3deca * 4);
    expect([remb.next(), remb.ssrc]).toEqual([true, 0x80000007]);
    expect([remb.next(), remb.ssrc, remb.next()]).toEqual([true, 8, false]);
    const other = Buffer.from(packet);
    other[12] = 0x53;
    expect(remb.read(readRtcp(other))).toBe(false);
    const lying = Buffer.from(packet);
    lying[16] = 3;
    expect(remb.read(readRtcp(lying))).toBe(false);
    expect(remb.next()).toBe(false);
    expect(remb.read(readRtcp(hex('8fce0003 00000001 00000000 52454d42')))).toBe(false);
  });

  it('RFC 4585 s6.4: bit rates are rounded down to 18 bits, and never overflow', () => {
    const remb = new Remb();
    const ssrcs = Uint32Array.of(0xfffffff0);
    for (const bitrate of [0, 1, 0x3ffff, 0x40001, 2_500_000, 1e9, 5e13, 2 ** 53]) {
      const packet = written(28, (writer) => writer.remb(1, bitrate, ssrcs, 1));
      expect(remb.read(readRtcp(packet))).toBe(true);
      expect(remb.bitrateBps).toBeLessThanOrEqual(bitrate);
      expect(remb.bitrateBps).toBeGreaterThanOrEqual(bitrate * (1 - 2 ** -17));
      expect([remb.next(), remb.ssrc, remb.next()]).toEqual([true, 0xfffffff0, false]);
    }
    const endless = written(28, (writer) => writer.remb(1, Number.POSITIVE_INFINITY, ssrcs, 1));
    expect(remb.read(readRtcp(endless))).toBe(true);
    expect(remb.bitrateBps).toBeGreaterThan(9e15);
    const most = hex('8fce0004 00000001 00000000 52454d42 00ffffff');
    expect(remb.read(readRtcp(most))).toBe(true);
    expect(remb.bitrateBps).toBe(Number.MAX_SAFE_INTEGER);
  });
});
