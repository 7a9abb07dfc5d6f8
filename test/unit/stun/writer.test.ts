// The limits of the writer: a buffer too small, a message too long, values out of range. All are faults of
// the caller.

import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  ATTR_DATA,
  ATTR_DONT_FRAGMENT,
  ATTR_EVEN_PORT,
  ATTR_LIFETIME,
  ATTR_SOFTWARE,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  METHOD_BINDING,
} from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { readerOf, TRANSACTION } from './build.ts';
import { SAMPLE_REQUEST } from './vectors.ts';

const key = new Uint8Array(16).fill(7);
const v6 = new TransportAddress().setV6(1, 2, 3, 4, 5);

function start(buffer: Uint8Array, offset = 0): StunWriter {
  return new StunWriter().start(buffer, offset, METHOD_BINDING, CLASS_SUCCESS, TRANSACTION, 0);
}

function answer(bytes: Uint8Array, request: Uint8Array): number {
  return new StunWriter()
    .start(bytes, 0, METHOD_BINDING, CLASS_SUCCESS, request, 8)
    .xorAddress(ATTR_XOR_MAPPED_ADDRESS, v6)
    .fingerprint()
    .finish();
}

const WRITES: ReadonlyArray<readonly [string, (writer: StunWriter) => StunWriter]> = [
  ['flag', (w) => w.flag(ATTR_DONT_FRAGMENT)],
  ['u8', (w) => w.u8(ATTR_EVEN_PORT, 0x80)],
  ['u32', (w) => w.u32(ATTR_LIFETIME, 600)],
  ['text', (w) => w.text(ATTR_SOFTWARE, 'sterna')],
  ['text beyond ASCII', (w) => w.text(ATTR_SOFTWARE, 'stérna, \u{1f426}')],
  ['data', (w) => w.data(ATTR_DATA, new Uint8Array(99).fill(1), 0, 99)],
  ['xorAddress', (w) => w.xorAddress(ATTR_XOR_MAPPED_ADDRESS, v6)],
  ['errorCode', (w) => w.errorCode(401, 'Unauthenticated')],
  ['addressErrorCode', (w) => w.addressErrorCode(2, 440)],
  ['unknownAttributes', (w) => w.unknownAttributes([1, 2, 3], 3)],
  ['passwordAlgorithms', (w) => w.passwordAlgorithms([2, 1])],
  ['icmp', (w) => w.icmp(3, 4, 1200)],
  ['integrity', (w) => w.integrity(key)],
  ['integritySha256', (w) => w.integritySha256(key)],
  ['fingerprint', (w) => w.fingerprint()],
];

describe('StunWriter', () => {
  it.each(WRITES)(
    '%s fits to the byte and throws RangeError one byte short of it',
    (_name, write) => {
      const length = write(start(new Uint8Array(400))).finish();
      const exact = new Uint8Array(length + 3);
      expect(write(start(exact, 3)).finish()).toBe(length);
      expect(readerOf(exact.subarray(3)).length).toBe(length);
      for (let short = 1; short <= length; short++) {
        expect(() => write(start(new Uint8Array(length - short)))).toThrow(RangeError);
      }
    },
  );

  it.each(WRITES)('%s zeroes its padding and leaves what follows alone', (_name, write) => {
    const dirty = new Uint8Array(400).fill(0xee);
    const clean = new Uint8Array(400);
    const length = write(start(dirty)).finish();
    write(start(clean)).finish();
    expect(dirty.subarray(0, length)).toEqual(clean.subarray(0, length));
    expect(dirty.subarray(length).every((byte) => byte === 0xee)).toBe(true);
  });

  it('refuses a message longer than its length field can say', () => {
    const buffer = new Uint8Array(0x20000);
    const data = new Uint8Array(0xffff);
    expect(start(buffer).data(ATTR_DATA, data, 0, 0xfff8).finish()).toBe(20 + 0xfffc);
    expect(() => start(buffer).data(ATTR_DATA, data, 0, 0xfff9)).toThrow(RangeError);
    expect(() => start(buffer).text(ATTR_DATA, 'a'.repeat(0xfff9))).toThrow(RangeError);
    expect(() => start(buffer).text(ATTR_DATA, 'é'.repeat(0x7fff))).toThrow(RangeError);
    const full = start(buffer).data(ATTR_DATA, data, 0, 0xfff8);
    expect(() => full.flag(ATTR_DONT_FRAGMENT)).toThrow(RangeError);
  });

  it.each([0, 1, 2, 3, 4, 65, 1200])(
    'writes all of a message but the %d bytes of data that the caller puts behind it',
    (length) => {
      const whole = new Uint8Array(2000);
      const total = start(whole, 1)
        .u32(ATTR_LIFETIME, 600)
        .data(ATTR_DATA, new Uint8Array(length), 0, length)
        .finish();
      const front = new Uint8Array(2000);
      const written = start(front, 1).u32(ATTR_LIFETIME, 600).finishWithData(ATTR_DATA, length);
      expect(front).toEqual(whole);
      expect(total - written).toBe((length + 3) & ~3);
    },
  );

  it('refuses data that the length field cannot count, and no room for its header', () => {
    const room = new Uint8Array(24);
    expect(start(room).finishWithData(ATTR_DATA, 0xfff8)).toBe(24);
    expect(() => start(room).finishWithData(ATTR_DATA, 0xfff9)).toThrow(RangeError);
    expect(() => start(new Uint8Array(23)).finishWithData(ATTR_DATA, 0)).toThrow(RangeError);
  });

  it('refuses extents outside the source', () => {
    const source = new Uint8Array(8);
    expect(() => start(new Uint8Array(64)).data(ATTR_DATA, source, 0, 9)).toThrow(RangeError);
    expect(() => start(new Uint8Array(64)).data(ATTR_DATA, source, -1, 4)).toThrow(RangeError);
    expect(() => start(new Uint8Array(64)).data(ATTR_DATA, source, 0, -1)).toThrow(RangeError);
    expect(() =>
      new StunWriter().start(new Uint8Array(64), 0, METHOD_BINDING, CLASS_REQUEST, TRANSACTION, 1),
    ).toThrow(RangeError);
    expect(() => start(new Uint8Array(64), -1)).toThrow(RangeError);
  });

  it.each([0, 299, 700])('refuses the error code %d', (code) => {
    expect(() => start(new Uint8Array(64)).errorCode(code)).toThrow(RangeError);
  });

  it('writes an answer over the request it answers', () => {
    const buffer = new Uint8Array(256);
    buffer.set(SAMPLE_REQUEST);
    const expected = new Uint8Array(256);
    const length = answer(expected, SAMPLE_REQUEST);
    expect(answer(buffer, buffer)).toBe(length);
    expect(buffer.subarray(0, length)).toEqual(expected.subarray(0, length));
  });

  it('replaces a lone surrogate, as every UTF-8 encoder must', () => {
    const buffer = new Uint8Array(64);
    const length = start(buffer).text(ATTR_SOFTWARE, 'a\ud800b').finish();
    expect(readerOf(buffer.subarray(0, length)).text(24)).toBe('a\ufffdb');
  });
});
