// The edges of the reader: reuse, extents inside a larger buffer, and offsets that lie in no attribute.

import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  STUN_NOT_STUN,
  STUN_OK,
  STUN_TOO_SHORT,
  STUN_TRUNCATED_ATTRIBUTE,
  StunReader,
} from '../../../shared/stun/reader.ts';
import {
  ATTR_FINGERPRINT,
  ATTR_LIFETIME,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_SOFTWARE,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_SUCCESS,
  knownAttributes,
  METHOD_BINDING,
} from '../../../shared/stun/registry.ts';
import { attribute, message, readerOf } from './build.ts';
import { SAMPLE_IPV4_RESPONSE, SAMPLE_LONG_TERM, SAMPLE_REQUEST, SAMPLES } from './vectors.ts';

describe('StunReader', () => {
  it.each(SAMPLES)('reads %s at any offset of a larger buffer', (_name, sample) => {
    for (let offset = 0; offset < 9; offset++) {
      const buffer = new Uint8Array(sample.length + 20).fill(0xff);
      buffer.set(sample, offset);
      const reader = new StunReader();
      expect(reader.read(buffer, offset, sample.length)).toBe(STUN_OK);
      expect([reader.offset, reader.length]).toEqual([offset, sample.length]);
      const alone = readerOf(sample);
      for (const type of [ATTR_USERNAME, ATTR_SOFTWARE, ATTR_XOR_MAPPED_ADDRESS]) {
        const at = alone.find(type);
        expect(reader.find(type)).toBe(at < 0 ? -1 : at + offset);
        expect(reader.view(reader.find(type))).toEqual(alone.view(at));
      }
      expect(reader.checkFingerprint()).toBe(alone.checkFingerprint());
    }
  });

  it('reads a view that does not begin at the start of its buffer', () => {
    const whole = new Uint8Array(SAMPLE_REQUEST.length + 5);
    whole.set(SAMPLE_REQUEST, 5);
    const reader = readerOf(whole.subarray(5));
    expect(reader.text(reader.find(ATTR_USERNAME))).toBe('evtj:h6vY');
  });

  it('refuses an extent outside the buffer', () => {
    const reader = new StunReader();
    const { length } = SAMPLE_REQUEST;
    expect(reader.read(SAMPLE_REQUEST, 1, length)).toBe(STUN_TOO_SHORT);
    expect(reader.read(SAMPLE_REQUEST, -1, length)).toBe(STUN_TOO_SHORT);
    expect(reader.read(SAMPLE_REQUEST, 0, length + 4)).toBe(STUN_TOO_SHORT);
    expect(reader.read(SAMPLE_REQUEST, 0, -1)).toBe(STUN_TOO_SHORT);
  });

  it('carries nothing over from one message to the next', () => {
    const reader = new StunReader();
    reader.read(SAMPLE_REQUEST, 0, SAMPLE_REQUEST.length);
    reader.read(SAMPLE_LONG_TERM, 0, SAMPLE_LONG_TERM.length);
    expect([reader.hasIntegrity, reader.hasFingerprint]).toEqual([true, false]);
    reader.read(SAMPLE_IPV4_RESPONSE, 0, SAMPLE_IPV4_RESPONSE.length);
    expect([reader.method, reader.messageClass]).toEqual([METHOD_BINDING, CLASS_SUCCESS]);
    expect(reader.find(ATTR_USERNAME)).toBe(-1);
  });

  it('holds no attributes after a defect', () => {
    const reader = readerOf(SAMPLE_REQUEST);
    const at = reader.find(ATTR_USERNAME);
    const wrong = SAMPLE_REQUEST.slice();
    wrong[0] = 0x80;
    expect(reader.read(wrong, 0, wrong.length)).toBe(STUN_NOT_STUN);
    const out = new TransportAddress();
    expect([reader.hasIntegrity, reader.hasIntegritySha256, reader.hasFingerprint]).toEqual([
      false,
      false,
      false,
    ]);
    expect([reader.find(ATTR_USERNAME), reader.findNext(ATTR_USERNAME, at)]).toEqual([-1, -1]);
    expect([reader.lengthAt(at), reader.u8(at), reader.u16(at), reader.u32(at)]).toEqual([
      -1, -1, -1, -1,
    ]);
    expect(reader.text(at)).toBeUndefined();
    expect(reader.view(at)).toHaveLength(0);
    expect([reader.address(at, out), reader.xorAddress(at, out)]).toEqual([false, false]);
    expect(reader.collectUnknown(knownAttributes([]), new Uint16Array(4))).toBe(0);
    expect(reader.transactionIs(wrong, 8)).toBe(false);
    const key = new Uint8Array(16);
    expect([
      reader.checkFingerprint(),
      reader.checkIntegrity(key),
      reader.checkIntegritySha256(key),
    ]).toEqual([false, false, false]);
  });

  it('holds no check values either when the defect comes after them', () => {
    const { length } = SAMPLE_REQUEST;
    const wrong = new Uint8Array(length + 4);
    wrong.set(SAMPLE_REQUEST);
    wrong.set([0, 0x58 + 4], 2);
    wrong.set([0x80, 0x22, 0, 1], length);
    const reader = new StunReader();
    expect(reader.read(wrong, 0, wrong.length)).toBe(STUN_TRUNCATED_ATTRIBUTE);
    expect([reader.hasIntegrity, reader.hasFingerprint]).toEqual([false, false]);
    expect([reader.find(ATTR_MESSAGE_INTEGRITY), reader.find(ATTR_FINGERPRINT)]).toEqual([-1, -1]);
    expect(reader.collectUnknown(knownAttributes([]), new Uint16Array(4))).toBe(0);
    expect(reader.checkFingerprint()).toBe(false);
  });

  it('answers -1, undefined, empty or false for an attribute that is missing or too short', () => {
    const reader = readerOf(message(0x0001, attribute(ATTR_LIFETIME, [1, 2, 3])));
    const at = reader.find(ATTR_LIFETIME);
    expect([reader.u8(at), reader.u16(at), reader.u32(at)]).toEqual([1, 0x0102, -1]);
    for (const nowhere of [-1, 0, 23, 29, 1000, Number.NaN]) {
      expect([reader.u8(nowhere), reader.u16(nowhere), reader.u32(nowhere)]).toEqual([-1, -1, -1]);
      expect([reader.lengthAt(nowhere), reader.errorCode(nowhere)]).toEqual([-1, -1]);
      expect(reader.findNext(ATTR_LIFETIME, nowhere)).toBe(-1);
      expect(reader.text(nowhere)).toBeUndefined();
      expect(reader.view(nowhere)).toHaveLength(0);
    }
  });

  it('leaves the address untouched when it refuses one', () => {
    const reader = readerOf(
      message(0x0101, attribute(ATTR_XOR_MAPPED_ADDRESS, [0, 3, 1, 2, 3, 4])),
    );
    const out = new TransportAddress().setV4(0xc0000201, 80);
    expect(reader.xorAddress(reader.find(ATTR_XOR_MAPPED_ADDRESS), out)).toBe(false);
    expect(reader.address(-1, out)).toBe(false);
    expect(out.toString()).toBe('192.0.2.1:80');
  });

  it('walks the longest message there is', () => {
    const flags = Array.from({ length: 0xfffc / 4 }, (_, i) => attribute(0x4000 + (i % 7)));
    const reader = readerOf(message(0x0001, ...flags));
    expect(reader.length).toBe(20 + 0xfffc);
    const out = new Uint16Array(16);
    expect(reader.collectUnknown(knownAttributes([]), out)).toBe(7);
    let count = 0;
    for (let at = reader.find(0x4000); at >= 0; at = reader.findNext(0x4000, at)) count++;
    expect(count).toBe(Math.ceil(flags.length / 7));
  });
});
