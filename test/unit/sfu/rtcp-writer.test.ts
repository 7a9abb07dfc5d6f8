import { describe, expect, it } from 'vitest';
import { isPictureLoss, LostPackets } from '../../../sfu/rtp/rtcp-feedback.ts';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { ReportBlock, reportBlockCount, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { Byes, Cnames } from '../../../sfu/rtp/rtcp-sources.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';
import { TransportCcWriter } from '../../../sfu/rtp/transport-cc-writer.ts';

function blocks(count: number): ReportBlock[] {
  return Array.from({ length: count }, (_, i) =>
    Object.assign(new ReportBlock(), {
      ssrc: 0xf000_0000 + i,
      fractionLost: i,
      cumulativeLost: 1 - i,
      highestSequence: 0x8000_0000 + i,
      jitter: 3 * i,
      lastSenderReport: 0xffff_fff0 + i,
      delaySinceLastSenderReport: 7 * i,
    }),
  );
}

const info = Object.assign(new SenderInfo(), {
  ntpSeconds: 0xe1e2_e3e4,
  ntpFraction: 0xf1f2_f3f4,
  rtpTimestamp: 0xa1a2_a3a4,
  packetCount: 5,
  octetCount: 0xffff_ffff,
});

const NAME = Buffer.from('tern@example.org');
const LOST = Uint16Array.of(1, 5, 900);

describe('RtcpWriter', () => {
  it('puts packet after packet, and the reader finds them all', () => {
    const bytes = Buffer.alloc(1500, 0xee);
    const writer = new RtcpWriter().start(bytes, 20, 1400);
    const given = blocks(3);
    const arrivals = new TransportCcWriter().start(7);
    arrivals.add(8, 4000);
    expect(writer.senderReport(0x8000_0001, info, given, 2)).toBe(true);
    expect(writer.receiverReport(2, given, 3)).toBe(true);
    expect(writer.cname(3, NAME)).toBe(true);
    expect(writer.nack(4, 5, LOST, 3)).toBe(3);
    expect(writer.pictureLoss(6, 7)).toBe(true);
    expect(writer.transportCc(arrivals, 8, 9, 1)).toBe(true);
    expect(writer.bye(0xffff_ffff)).toBe(true);

    const reader = new RtcpReader();
    expect(reader.read(bytes, 20, writer.length)).toBe(true);
    expect(reader.next()).toBe(true);
    const read = new SenderInfo();
    expect([reader.senderSsrc, read.read(reader), read]).toEqual([0x8000_0001, true, info]);
    expect(reportBlockCount(reader)).toBe(2);
    expect(reader.next()).toBe(true);
    expect([reader.senderSsrc, reportBlockCount(reader)]).toEqual([2, 3]);
    for (const [i, expected] of given.entries()) {
      const block = new ReportBlock();
      expect([block.read(reader, i), block]).toEqual([true, expected]);
    }
    expect(reader.next()).toBe(true);
    const names = new Cnames();
    expect([names.read(reader), names.next()]).toEqual([true, true]);
    expect([names.ssrc, names.text(), names.next()]).toEqual([3, NAME.toString(), false]);
    expect(reader.next()).toBe(true);
    const lost = new LostPackets();
    expect([lost.read(reader), reader.senderSsrc, reader.mediaSsrc]).toEqual([true, 4, 5]);
    expect([lost.next(), lost.next(), lost.next(), lost.next()]).toEqual([1, 5, 900, -1]);
    expect([reader.next(), isPictureLoss(reader), reader.mediaSsrc]).toEqual([true, true, 7]);
    expect([reader.next(), new TransportCcReader().read(reader)]).toEqual([true, true]);
    const byes = new Byes();
    expect([reader.next(), byes.read(reader), byes.next()]).toEqual([true, true, true]);
    expect([byes.ssrc, byes.next()]).toEqual([0xffff_ffff, false]);
    expect(reader.next()).toBe(false);
  });

  it('holds losses in 24 bits, at their ends', () => {
    const bytes = Buffer.alloc(64);
    const writer = new RtcpWriter();
    const reader = new RtcpReader();
    for (const [given, kept] of [
      [1e9, 0x7f_ffff],
      [-1e9, -0x80_0000],
      [0x12_3456, 0x12_3456],
    ] as const) {
      const block = Object.assign(new ReportBlock(), { cumulativeLost: given });
      writer.start(bytes, 0, 64).receiverReport(1, [block], 1);
      expect(reader.read(bytes, 0, writer.length) && reader.next()).toBe(true);
      expect([block.read(reader, 0), block.cumulativeLost]).toEqual([true, kept]);
    }
  });

  it('names of every length end with a zero', () => {
    const bytes = Buffer.alloc(300);
    const writer = new RtcpWriter();
    const reader = new RtcpReader();
    for (let length = 0; length < 256; length++) {
      const name = Buffer.alloc(length, 0x61);
      bytes.fill(0xee);
      expect(writer.start(bytes, 0, 300).cname(1, name)).toBe(true);
      const names = new Cnames();
      expect(reader.read(bytes, 0, writer.length) && reader.next() && names.read(reader)).toBe(
        true,
      );
      expect([names.next(), names.length]).toEqual([true, length]);
    }
    expect(writer.start(bytes, 0, 300).cname(1, Buffer.alloc(256))).toBe(false);
  });

  it('does not begin a packet that does not fit', () => {
    const arrivals = new TransportCcWriter().start(7);
    arrivals.add(7, 0);
    const packets: readonly [number, (writer: RtcpWriter) => unknown][] = [
      [52, (writer) => writer.senderReport(1, info, blocks(1), 1)],
      [32, (writer) => writer.receiverReport(1, blocks(1), 1)],
      [28, (writer) => writer.cname(3, NAME)],
      [16, (writer) => writer.nack(4, 5, LOST, 3)],
      [12, (writer) => writer.pictureLoss(6, 7)],
      [20, (writer) => writer.fullIntraRequest(6, 7, 8)],
      [24, (writer) => writer.remb(1, 1000, Uint32Array.of(1), 1)],
      [24, (writer) => writer.transportCc(arrivals, 1, 2, 3)],
      [8, (writer) => writer.bye(1)],
    ];
    for (const [least, write] of packets) {
      const bytes = Buffer.alloc(100, 0xee);
      const writer = new RtcpWriter().start(bytes, 0, least - 1);
      write(writer);
      expect(writer.length).toBe(0);
      expect(bytes.every((byte) => byte === 0xee)).toBe(true);
      writer.start(bytes, 0, least);
      write(writer);
      expect(writer.length).toBeLessThanOrEqual(least);
      expect(writer.length).toBeGreaterThan(0);
      // Nor past the end of the bytes, whatever room there is said to be.
      writer.start(bytes, 100 - least + 1, 1000);
      write(writer);
      expect(writer.length).toBe(0);
    }
    expect(
      new RtcpWriter().start(Buffer.alloc(1500), 0, 1500).receiverReport(1, blocks(32), 32),
    ).toBe(false);
  });
});
