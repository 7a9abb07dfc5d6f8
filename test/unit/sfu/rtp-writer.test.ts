import { array, assert, boolean, integer, property, record, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ELEMENTS_MAX, RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { elementOf, hex, readRtp } from './build-rtp.ts';

const SOURCE = hex(`92e3fffe 89abcdef fedcba98 00000001 80000002
  bede0003 10ff 22aabbcc 4100ff 51abcd 00 010203`);

function write(writer: RtpWriter): Buffer {
  const bytes = Buffer.alloc(600, 0xee);
  return bytes.subarray(10, 10 + writer.write(bytes, 10));
}

describe('RtpWriter', () => {
  it('writes the fields that a subscriber gets, and drops CSRCs and extension', () => {
    const writer = new RtpWriter();
    writer.marker = true;
    writer.payloadType = 0xff;
    writer.sequenceNumber = 0x1_0007;
    writer.timestamp = 0xffff_fffe;
    writer.ssrc = 0xdead_beef;
    expect(write(writer)).toEqual(hex('80ff0007 fffffffe deadbeef'));
    writer.marker = false;
    writer.padding = true;
    expect(write(writer)).toEqual(hex('a07f0007 fffffffe deadbeef'));
  });

  it('keeps CSRCs and elements of a packet where that is wanted, under its own identifiers', () => {
    const source = readRtp(SOURCE);
    const writer = new RtpWriter()
      .csrcsOf(source)
      .elementOf(9, source, 2)
      .elementOf(8, source, 3)
      .elementOf(0, source, 1)
      .elementU16(1, 0xfedc);
    const made = readRtp(write(writer));
    expect([made.csrcCount, made.csrc(0), made.csrc(1)]).toEqual([2, 1, 0x80000002]);
    expect([elementOf(made, 9), elementOf(made, 1)]).toEqual(['aabbcc', 'fedc']);
    expect([elementOf(made, 8), elementOf(made, 2)]).toEqual([undefined, undefined]);
    expect(write(writer.clear())).toHaveLength(12);
    expect(write(writer.csrcsOf(readRtp(hex('80000000 00000000 00000000'))))).toHaveLength(12);
  });

  it('writes nothing where there is no room', () => {
    const writer = new RtpWriter().elementU8(1, 1);
    const bytes = new Uint8Array(20);
    expect([writer.write(bytes, 1), writer.write(bytes, -1)]).toEqual([0, 0]);
    expect(writer.write(bytes, Number.NaN)).toBe(0);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(writer.write(bytes, 0)).toBe(20);
  });

  it('is read as it was written, whatever the elements', () => {
    const element = record({
      id: integer({ min: 1, max: 255 }),
      small: boolean(),
      value: uint8Array({ maxLength: 40 }),
    });
    assert(
      property(array(element, { maxLength: ELEMENTS_MAX }), (elements) => {
        const writer = new RtpWriter();
        const expected = new Map<number, string>();
        for (const { id, small, value } of elements) {
          const at = small ? 1 + (id % 14) : id;
          writer.element(at, value, 0, value.length);
          if (!expected.has(at)) expected.set(at, Buffer.from(value).toString('hex'));
        }
        const packet = Buffer.concat([write(writer), hex('0102')]);
        const reader = readRtp(packet);
        expect(reader.headerBytes).toBe(writer.headerBytes);
        expect(reader.payloadBytes).toBe(2);
        for (const [id, value] of expected) expect(elementOf(reader, id)).toBe(value);
      }),
    );
  });
});
