// RTP and RTCP: headers, reports, sources (RFC 3550), and RTCP that is not compound (RFC 5506).

import { describe, expect, it } from 'vitest';
import {
  RTCP_BYE,
  RTCP_RR,
  RTCP_SDES,
  RTCP_SR,
  RTCP_XR,
  RtcpReader,
} from '../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';
import { Byes, Cnames } from '../../sfu/rtp/rtcp-sources.ts';
import { RTP_BAD_HEADER, RTP_BAD_PADDING, RTP_OK, RtpReader } from '../../sfu/rtp/rtp-reader.ts';
import { hex, readRtcp, readRtp } from '../unit/sfu/build-rtp.ts';

function result(packet: Uint8Array): number {
  return new RtpReader().read(packet, 0, packet.length);
}

describe('RTP header', () => {
  it('RFC 3550 s5.1: the fields stand where the figure has them', () => {
    const reader = readRtp(hex('82e3fffe 89abcdef fedcba98 00000001 80000002 010203'));
    expect(reader).toMatchObject({
      marker: true,
      payloadType: 0x63,
      sequenceNumber: 0xfffe,
      timestamp: 0x89abcdef,
      ssrc: 0xfedcba98,
      csrcCount: 2,
      headerBytes: 20,
      payloadOffset: 27,
      payloadBytes: 3,
      paddingBytes: 0,
    });
    expect([reader.csrc(0), reader.csrc(1)]).toEqual([1, 0x80000002]);
    expect([reader.csrc(2), reader.csrc(-1), reader.csrc(Number.NaN)]).toEqual([-1, -1, -1]);
  });

  it('RFC 3550 s5.1: the version is two', () => {
    for (const first of [0x00, 0x40, 0xc0]) {
      const packet = hex('80000000 00000000 00000000');
      packet[0] = first;
      expect(result(packet)).toBe(RTP_BAD_HEADER);
    }
  });

  it('RFC 3550 s5.1: a packet is no shorter than its header', () => {
    const packet = hex('81000000 00000000 00000000 00000001');
    expect(result(packet)).toBe(RTP_OK);
    for (let length = 0; length < 16; length++) {
      expect(result(packet.subarray(0, length))).toBe(RTP_BAD_HEADER);
    }
    const reader = new RtpReader();
    for (const offset of [1, -1, Number.NaN]) {
      expect(reader.read(packet, offset, 16)).toBe(RTP_BAD_HEADER);
    }
  });

  it('RFC 3550 s5.1: the last byte of the padding counts it', () => {
    const padded = readRtp(hex('a0000000 00000000 00000000 0102 000003'));
    expect([padded.payloadBytes, padded.paddingBytes]).toEqual([2, 3]);
    const all = readRtp(hex('a0000000 00000000 00000000 000003'));
    expect([all.payloadBytes, all.paddingBytes]).toEqual([0, 3]);
    const header = 'a0000000 00000000 00000000';
    for (const rest of ['', '00', '02', '010400', '0000ff']) {
      expect(result(hex(header + rest))).toBe(RTP_BAD_PADDING);
    }
  });

  it('RFC 3550 s5.3.1: an extension is as long as it says, and ends before the packet does', () => {
    const packet = hex('90000000 00000000 00000000 12340002 0102030405060708 aa');
    const reader = readRtp(packet);
    expect([reader.headerBytes, reader.payloadBytes]).toEqual([24, 1]);
    // An extension that is not RFC 8285's has no elements.
    for (let id = 0; id < 256; id++) expect(reader.extension(id)).toBe(-1);
    for (let length = 12; length < 24; length++) {
      expect(result(packet.subarray(0, length))).toBe(RTP_BAD_HEADER);
    }
    expect(result(packet.subarray(0, 24))).toBe(RTP_OK);
  });
});

const SR = hex(`82c80012 89abcdef
  e1e2e3e4 f1f2f3f4 a1a2a3a4 00000102 80000304
  11111111 40000005 0001fffe 00000009 01020304 00010000
  22222222 ff800000 ffffffff 80000000 f0000000 00000000`);
const RR = hex('80c90001 00000007');

describe('reports', () => {
  it('RFC 3550 s6.4.1: a sender report has what the sender sent, and a block for each source', () => {
    const reader = readRtcp(SR);
    expect([reader.type, reader.count, reader.senderSsrc]).toEqual([RTCP_SR, 2, 0x89abcdef]);
    const info = new SenderInfo();
    expect(info.read(reader)).toBe(true);
    expect(info).toMatchObject({
      ntpSeconds: 0xe1e2e3e4,
      ntpFraction: 0xf1f2f3f4,
      rtpTimestamp: 0xa1a2a3a4,
      packetCount: 0x102,
      octetCount: 0x80000304,
    });
    expect(info.middle).toBe(0xe3e4f1f2);
    expect(reportBlockCount(reader)).toBe(2);
    const block = new ReportBlock();
    expect(block.read(reader, 0)).toBe(true);
    expect(block).toMatchObject({
      ssrc: 0x11111111,
      fractionLost: 64,
      cumulativeLost: 5,
      highestSequence: 0x1fffe,
      jitter: 9,
      lastSenderReport: 0x01020304,
      delaySinceLastSenderReport: 0x10000,
    });
    expect(block.read(reader, 1)).toBe(true);
    // 24 bits, signed.
    expect([block.fractionLost, block.cumulativeLost]).toEqual([255, -0x80_0000]);
    expect([block.read(reader, 2), block.read(reader, -1)]).toEqual([false, false]);
  });

  it('RFC 3550 s6.4.2: a receiver report has blocks alone, or none', () => {
    const reader = readRtcp(RR);
    expect([reader.type, reader.senderSsrc, reportBlockCount(reader)]).toEqual([RTCP_RR, 7, 0]);
    expect(new SenderInfo().read(reader)).toBe(false);
    const one = readRtcp(Buffer.concat([hex('81c90007 00000007'), SR.subarray(28, 52)]));
    const block = new ReportBlock();
    expect(block.read(one, 0)).toBe(true);
    expect(block.ssrc).toBe(0x11111111);
  });

  it('RFC 3550 s6.4.1: blocks that do not fit into their packet are not there', () => {
    const lying = Buffer.from(SR);
    lying[0] = 0x83;
    expect(reportBlockCount(readRtcp(lying))).toBe(0);
    expect(new ReportBlock().read(readRtcp(lying), 0)).toBe(false);
    const short = hex('80c80002 00000001 00000002');
    expect(new SenderInfo().read(readRtcp(short))).toBe(false);
  });
});

function typesOf(datagram: Uint8Array): number[] | undefined {
  const reader = new RtcpReader();
  if (!reader.read(datagram, 0, datagram.length)) return undefined;
  const types: number[] = [];
  while (reader.next()) types.push(reader.type);
  return types;
}

describe('compound packets', () => {
  const CNAME = hex('81ca0003 0000000b 0103 616263 000000');
  const XR = hex('80cf0002 0000000b 04000000');
  const BYE = hex('82cb0002 0000000b 8000000c');

  it('RFC 3550 s6.1: packets follow one another, types that nobody knows are passed over', () => {
    const unknown = hex('80 d2 0001 00000000');
    const all = Buffer.concat([SR, CNAME, XR, unknown, BYE]);
    expect(typesOf(all)).toEqual([RTCP_SR, RTCP_SDES, RTCP_XR, 210, RTCP_BYE]);
  });

  it('RFC 3550 appendix A.2: versions are two, and lengths add up to that of the datagram', () => {
    const good = Buffer.concat([RR, CNAME]);
    expect(typesOf(good)).toEqual([RTCP_RR, RTCP_SDES]);
    for (const [at, value] of [
      [0, 0x40],
      [3, 2],
      [3, 6],
      [8, 0x01],
      [11, 4],
    ] as const) {
      const bad = Buffer.from(good);
      bad[at] = value;
      expect(typesOf(bad)).toBeUndefined();
    }
    expect(typesOf(good.subarray(0, 8))).toEqual([RTCP_RR]);
    for (const length of [0, 1, 3, 4, 7, 9, 11, 12, 16, 20, 23]) {
      expect(typesOf(good.subarray(0, length))).toBeUndefined();
    }
    const reader = new RtcpReader();
    for (const offset of [-1, 1, Number.NaN]) {
      expect(reader.read(good, offset, good.length)).toBe(false);
      expect(reader.next()).toBe(false);
    }
  });

  it('RFC 3550 s6.4.1: padding is not part of what a packet says', () => {
    const padded = readRtcp(hex('a0c90002 00000007 00000004'));
    expect([padded.bodyBytes, padded.senderSsrc, padded.mediaSsrc]).toEqual([4, 7, -1]);
    for (const last of ['00000000', '00000009', '000000ff']) {
      expect(typesOf(hex(`a0c90002 00000007 ${last}`))).toBeUndefined();
    }
    expect(readRtcp(hex('a0c90001 00000004')).senderSsrc).toBe(-1);
  });

  it('RFC 5506 s3.4.2: a packet may come without a report before it', () => {
    expect(typesOf(BYE)).toEqual([RTCP_BYE]);
    expect(typesOf(hex('81ce0002 00000001 00000002'))).toEqual([206]);
  });
});

function namesOf(datagram: Uint8Array): [number, string][] {
  const names = new Cnames();
  if (!names.read(readRtcp(datagram))) return [];
  const found: [number, string][] = [];
  while (names.next()) found.push([names.ssrc, names.text()]);
  return found;
}

function leaving(datagram: Uint8Array): number[] | undefined {
  const byes = new Byes();
  if (!byes.read(readRtcp(datagram))) return undefined;
  const found: number[] = [];
  while (byes.next()) found.push(byes.ssrc);
  return found;
}

describe('sources', () => {
  it('RFC 3550 s6.5: each chunk has items that end with a zero, up to a word', () => {
    const chunks = `82ca0008
      0000000b 0103616263 000000
      8000000c 0201ff 0102c3a9 0103616263 00000000`;
    expect(namesOf(hex(chunks))).toEqual([
      [11, 'abc'],
      [0x8000000c, 'é'],
    ]);
    // No item at all is a word of zeros.
    expect(namesOf(hex('81ca0002 00000001 00000000'))).toEqual([[1, '']]);
  });

  it('RFC 3550 s6.5: a chunk that does not end is not there, nor is what comes after it', () => {
    expect(namesOf(hex('81ca0002 00000001 01026162'))).toEqual([]);
    expect(namesOf(hex('81ca0002 00000001 01056162'))).toEqual([]);
    expect(namesOf(hex('81ca0002 00000001 00000001'))).toEqual([[1, '']]);
    expect(namesOf(hex('82ca0003 00000001 00000000 00000002'))).toEqual([[1, '']]);
    expect(namesOf(hex('9fca0000'))).toEqual([]);
    expect(namesOf(RR)).toEqual([]);
  });

  it('RFC 3550 s6.6: a BYE names those that leave', () => {
    expect(leaving(hex('82cb0003 0000000b 8000000c 02686900'))).toEqual([11, 0x8000000c]);
    expect(leaving(hex('80cb0000'))).toEqual([]);
    expect(leaving(hex('82cb0001 0000000b'))).toBeUndefined();
    expect(leaving(RR)).toBeUndefined();
  });
});
