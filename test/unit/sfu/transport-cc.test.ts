// draft-holmer-rmcat-transport-wide-cc-extensions-01, read and written.

import { array, assert, boolean, integer, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';
import { TransportCcWriter } from '../../../sfu/rtp/transport-cc-writer.ts';
import { hex, readRtcp } from './build-rtp.ts';

/** Sequence numbers and arrivals, in 250 us since the reference time. */
function arrivals(packet: Buffer): [number, number][] | undefined {
  const reader = new TransportCcReader();
  if (!reader.read(readRtcp(packet))) return undefined;
  const reference = (reader.referenceTime * 256) | 0;
  const found: [number, number][] = [];
  while (reader.next()) found.push([reader.sequenceNumber, (reader.arrivalTicks - reference) | 0]);
  return found;
}

/** Feedback of base sequence number 0xfffe and reference time 2. */
function feedback(statuses: number, chunksAndDeltas: string): Buffer {
  const rest = hex(chunksAndDeltas);
  const padded = Buffer.concat([rest, Buffer.alloc(-rest.length & 3)]);
  const head = hex('8fcd0000 00000001 00000002 fffe0000 00000209');
  head.writeUInt16BE((head.length + padded.length) / 4 - 1, 2);
  head.writeUInt16BE(statuses, 14);
  return Buffer.concat([head, padded]);
}

describe('reading', () => {
  it('takes what Chrome sends', () => {
    const packet = hex('afcd0005 fa17fa17 43032fa0 00990001 3de80217 20019401');
    const reader = new TransportCcReader();
    const at = readRtcp(packet);
    expect([at.senderSsrc, at.mediaSsrc]).toEqual([0xfa17fa17, 0x43032fa0]);
    expect(reader.read(at)).toBe(true);
    expect(reader).toMatchObject({
      baseSequenceNumber: 153,
      statusCount: 1,
      referenceTime: 0x3de802,
      feedbackCount: 0x17,
    });
    expect(arrivals(packet)).toEqual([[153, 0x94]]);
  });

  it('runs: a status and how often', () => {
    // Three small deltas, two lost, one large.
    expect(arrivals(feedback(6, '2003 0002 4001 01ff02 ff00'))).toEqual([
      [0xfffe, 1],
      [0xffff, 256],
      [0, 258],
      [3, 2],
    ]);
  });

  it('vectors: fourteen symbols of one bit, or seven of two', () => {
    expect(arrivals(feedback(14, 'a001 0a0b'))).toEqual([
      [0xfffe, 10],
      [11, 21],
    ]);
    expect(arrivals(feedback(7, 'd802 05 8000 7fff'))).toEqual([
      [0xfffe, 5],
      [0xffff, 5 - 0x8000],
      [4, 4],
    ]);
  });

  it('symbols beyond the status count are not there', () => {
    expect(arrivals(feedback(2, 'bfff 0102'))).toEqual([
      [0xfffe, 1],
      [0xffff, 3],
    ]);
    expect(arrivals(feedback(1, '3fff 01'))).toEqual([[0xfffe, 1]]);
    expect(arrivals(feedback(2, 'eaaa 0001 0001'))).toEqual([
      [0xfffe, 1],
      [0xffff, 2],
    ]);
  });

  it('refuses what is not whole: no statuses, chunks or deltas missing, reserved symbols', () => {
    expect(arrivals(feedback(0, '2001 0100'))).toBeUndefined();
    expect(arrivals(feedback(15, 'bfff 01'))).toBeUndefined();
    expect(arrivals(feedback(3, '2003'))).toEqual(undefined);
    expect(arrivals(feedback(2, '4002 0001'))).toBeUndefined();
    expect(arrivals(feedback(8192, '1fff'))).toBeUndefined();
    expect(arrivals(feedback(1, '6001 0000'))).toBeUndefined();
    expect(arrivals(feedback(7, 'c003 00000000'))).toBeUndefined();
    expect(arrivals(hex('8fcd0004 00000001 00000002 fffe0001 00000209'))).toBeUndefined();
    const nack = feedback(1, '2001 01');
    nack[0] = 0x81;
    expect(arrivals(nack)).toBeUndefined();
  });

  it('goes through the longest gaps by their chunks, not by their packets', () => {
    const eight = '1fff'.repeat(8);
    expect(arrivals(feedback(65_535, `${eight}0007`))).toEqual([]);
    expect(arrivals(feedback(65_529, eight))).toBeUndefined();
    expect(arrivals(feedback(57_338, `${'1fff'.repeat(7)}a000 05`))).toEqual([[57_335, 5]]);
  });
});

function write(writer: TransportCcWriter): Buffer {
  const bytes = Buffer.alloc(1300, 0xee);
  const rtcp = new RtcpWriter().start(bytes, 8, 1200);
  expect(rtcp.transportCc(writer, 1, 0x80000002, 9)).toBe(true);
  expect(bytes[8 + rtcp.length]).toBe(0xee);
  return bytes.subarray(8, 8 + rtcp.length);
}

describe('writing', () => {
  it('runs where they are worth a chunk, else vectors', () => {
    const writer = new TransportCcWriter().start(10);
    for (let i = 0; i < 20; i++) expect(writer.add(10 + i, 5 * 256 + i)).toBe(true);
    expect(writer.received).toBe(20);
    const deltas = `00${'01'.repeat(19)}`;
    const head = 'afcd000a 00000001 80000002 000a0014 00000509';
    expect(write(writer)).toEqual(hex(`${head} 2014 ${deltas} 0002`));
  });

  it('says that the packets before the first one, and those between, did not come', () => {
    const writer = new TransportCcWriter().start(0xfffe);
    expect(writer.add(0, 700)).toBe(true);
    expect(writer.add(3, 700 + 0x7fff)).toBe(true);
    expect(writer.add(4, 699)).toBe(true);
    const head = 'afcd0006 00000001 80000002 fffe0007 00000209';
    expect(write(writer)).toEqual(hex(`${head} c10a bc 7fff 8000 01`));
  });

  it('refuses what has no place: behind, too late, too far, too full', () => {
    const writer = new TransportCcWriter().start(100);
    expect(writer.add(99, 0)).toBe(false);
    expect(writer.add(100, 0)).toBe(true);
    expect(writer.add(100, 0)).toBe(false);
    expect(writer.add(101, 0x8000)).toBe(false);
    expect(writer.add(101, -0x8001)).toBe(false);
    expect(writer.add(100 + 2048, 0)).toBe(false);
    expect(writer.add(101, 0x7fff)).toBe(true);
    let added = 2;
    while (writer.add(100 + added, 0x7fff + added)) added++;
    expect(added).toBeGreaterThan(800);
    expect(write(writer).length).toBeLessThanOrEqual(1100);
    writer.start(100);
    added = 0;
    while (writer.add(100 + added, (added & 1) * 1000)) added++;
    expect(added).toBeGreaterThan(400);
    expect(write(writer).length).toBeLessThanOrEqual(1100);
    expect(arrivals(write(writer))).toHaveLength(added);
  });

  it('writes nothing where nothing came, or there is no room', () => {
    const bytes = Buffer.alloc(100, 0xee);
    const writer = new TransportCcWriter().start(1);
    expect(writer.write(bytes, 0, 100, 1, 2, 3)).toBe(0);
    writer.add(1, 1);
    for (const [offset, end] of [
      [0, 23],
      [80, 200],
      [-1, 99],
      [Number.NaN, 99],
    ] as const) {
      expect(writer.write(bytes, offset, end, 1, 2, 3)).toBe(0);
    }
    expect(bytes.every((byte) => byte === 0xee)).toBe(true);
    expect(writer.write(bytes, 0, 24, 1, 2, 3)).toBe(24);
  });

  it('is read as it was written, whatever came and when', () => {
    const step = record({
      lost: oneof(
        { weight: 8, arbitrary: integer({ min: 0, max: 2 }) },
        { weight: 1, arbitrary: integer({ min: 0, max: 100 }) },
      ),
      small: boolean(),
      ticks: integer({ min: -0x8000, max: 0x7fff }),
    });
    const start = record({
      base: integer({ min: 0, max: 0xffff }),
      ticks: integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    assert(
      property(start, array(step, { minLength: 1, maxLength: 400 }), ({ base, ticks }, steps) => {
        const writer = new TransportCcWriter().start(base);
        const expected: [number, number][] = [];
        let next = base;
        let now = ticks;
        for (const { lost, small, ticks: delta } of steps) {
          const sequenceNumber = (next + lost) & 0xffff;
          const time = (now + (small ? delta & 0xff : delta)) | 0;
          if (!writer.add(sequenceNumber, time)) break;
          expected.push([sequenceNumber, time]);
          now = time;
          next = sequenceNumber + 1;
        }
        const bytes = Buffer.alloc(1200);
        const length = writer.write(bytes, 0, 1200, 1, 2, 3);
        const rtcp = new RtcpReader();
        const reader = new TransportCcReader();
        expect(rtcp.read(bytes, 0, length) && rtcp.next() && reader.read(rtcp)).toBe(true);
        for (const [sequenceNumber, time] of expected) {
          expect(reader.next()).toBe(true);
          expect([reader.sequenceNumber, reader.arrivalTicks]).toEqual([sequenceNumber, time]);
        }
        expect(reader.next()).toBe(false);
        expect(rtcp.next()).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
