// RTP header extensions: one-byte and two-byte elements, and what to do with odd ones.

import { describe, expect, it } from 'vitest';
import { RtpWriter } from '../../sfu/rtp/rtp-writer.ts';
import { elementOf, hex, readRtp, withExtension } from '../unit/sfu/build-rtp.ts';

const ONE_BYTE = 0xbede;
const TWO_BYTE = 0x1000;

/** What is found, as `id: value`. */
function elements(profile: number, data: string): string[] {
  const reader = readRtp(withExtension(profile, data));
  return Array.from({ length: 256 }, (_, id) => id).flatMap((id) => {
    const value = elementOf(reader, id);
    return value === undefined ? [] : [`${id}: ${value}`];
  });
}

describe('reading', () => {
  it('RFC 8285 s4.2: one-byte headers have an identifier and a length less one', () => {
    expect(elements(ONE_BYTE, '10aa 210102 00 3300010203 0000')).toEqual([
      '1: aa',
      '2: 0102',
      '3: 00010203',
    ]);
    expect(elements(ONE_BYTE, 'ef000102030405060708090a0b0c0d0e0f 000000')).toEqual([
      '14: 000102030405060708090a0b0c0d0e0f',
    ]);
  });

  it('RFC 8285 s4.3: two-byte headers have an identifier and a length, which may be zero', () => {
    expect(elements(TWO_BYTE, '0100 0201bb ff03010203 00 1001cc 0000')).toEqual([
      '1: ',
      '2: bb',
      '16: cc',
      '255: 010203',
    ]);
  });

  it('RFC 8285 s4.3: the four lowest bits of the profile are free', () => {
    expect(elements(0x100f, '0501dd00')).toEqual(['5: dd']);
    expect(elements(0x1010, '0501dd00')).toEqual([]);
    expect(elements(0x2000, '0501dd00')).toEqual([]);
  });

  it('RFC 8285 s4.1.2: identifier 0 with a length ends the extension', () => {
    expect(elements(ONE_BYTE, '10aa 01bbcc 20dd00')).toEqual(['1: aa']);
    expect(elements(ONE_BYTE, '10aa 0000 20dd0000')).toEqual(['1: aa', '2: dd']);
  });

  it('RFC 8285 s4.2: identifier 15 ends the extension', () => {
    expect(elements(ONE_BYTE, '10aa f0bb 20dd0000')).toEqual(['1: aa']);
  });

  it('RFC 8285 s4.1.2: an element that reaches past the end ends the extension, not the packet', () => {
    expect(elements(ONE_BYTE, '10aa 2fbb')).toEqual(['1: aa']);
    expect(elements(ONE_BYTE, '10aa 0020')).toEqual(['1: aa']);
    expect(elements(TWO_BYTE, '0101aa 02')).toEqual(['1: aa']);
    expect(elements(TWO_BYTE, '0101aa 0205 bbcc00')).toEqual(['1: aa']);
    expect(readRtp(withExtension(ONE_BYTE, '2fbb0000')).payloadBytes).toBe(3);
  });

  it('RFC 8285 s4.1.2: of two elements of one identifier the first counts', () => {
    expect(elements(ONE_BYTE, '10aa 10bb')).toEqual(['1: aa']);
  });

  it('RFC 8285 s4.2: what one packet had, the next one has not', () => {
    const reader = readRtp(withExtension(ONE_BYTE, '10aa0000'));
    expect(elementOf(reader, 1)).toBe('aa');
    const plain = hex('80600001 00000000 12345678');
    reader.read(plain, 0, plain.length);
    expect(elementOf(reader, 1)).toBeUndefined();
  });

  it('RFC 8285 s4.1.1: numbers are read where there are bytes enough', () => {
    const reader = readRtp(withExtension(ONE_BYTE, '10fe 21fedc 32fedcba 000000'));
    const numbers = [1, 2, 3, 4].map((id) => [
      reader.extensionU8(id),
      reader.extensionU16(id),
      reader.extensionU24(id),
    ]);
    expect(numbers).toEqual([
      [0xfe, -1, -1],
      [0xfe, 0xfedc, -1],
      [0xfe, 0xfedc, 0xfedcba],
      [-1, -1, -1],
    ]);
    expect(readRtp(withExtension(TWO_BYTE, '01000000')).extensionU8(1)).toBe(-1);
    expect([0, 256, -1, Number.NaN].map((id) => reader.extension(id))).toEqual([-1, -1, -1, -1]);
  });

  it('RFC 8285 s4.1.1: text is what MID and RID are', () => {
    const reader = readRtp(withExtension(ONE_BYTE, '126d6964 00000000'));
    expect([reader.text(1), reader.text(2)]).toEqual(['mid', undefined]);
  });
});

function written(writer: RtpWriter): string {
  const bytes = Buffer.alloc(400, 0xee);
  const length = writer.write(bytes, 3);
  expect(length).toBe(writer.headerBytes);
  expect([bytes[2], bytes[3 + length]]).toEqual([0xee, 0xee]);
  return bytes.toString('hex', 15, 3 + length);
}

function packed(text: string): string {
  return text.replaceAll(' ', '');
}

function one(): RtpWriter {
  return new RtpWriter().elementU8(1, 0xaa);
}

describe('writing', () => {
  it('RFC 8285 s4.2: one-byte headers where all elements fit them, padded to a word', () => {
    const writer = new RtpWriter()
      .elementU8(1, 0xaa)
      .elementU16(14, 0xbbcc)
      .elementU24(3, 0x010203);
    expect(written(writer)).toBe(packed('bede0003 10aa e1bbcc 32010203 000000'));
    const sixteen = new RtpWriter().element(2, Buffer.alloc(16, 7), 0, 16);
    expect(written(sixteen)).toBe(`bede00052f${'07'.repeat(16)}000000`);
  });

  it('RFC 8285 s4.3: two-byte headers for all where one element needs them', () => {
    const empty = new Uint8Array(0);
    expect(written(one().elementU8(15, 0xbb))).toBe(packed('10000002 0101aa 0f01bb 0000'));
    expect(written(one().element(2, empty, 0, 0))).toBe(packed('10000002 0101aa 0200 000000'));
    const long = one().element(2, Buffer.alloc(255, 7), 0, 255);
    expect(written(long)).toBe(`100000410101aa02ff${'07'.repeat(255)}`);
  });

  it('RFC 8285 s4.1.2: what cannot be an element is left out, and no element is no extension', () => {
    const three = new Uint8Array(3);
    const writer = new RtpWriter()
      .elementU8(0, 1)
      .elementU8(256, 1)
      .element(1, three, 1, 3)
      .element(1, three, -1, 1)
      .element(1, new Uint8Array(300), 0, 256);
    expect(written(writer)).toBe('');
    expect(writer.headerBytes).toBe(12);
    for (let id = 1; id <= 20; id++) writer.elementU8(id, id);
    expect(writer.headerBytes).toBe(12 + 4 + 48);
  });
});
