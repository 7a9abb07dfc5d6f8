// RFC 8489 s5, s14: header and attributes as such, one test a rule.

import { describe, expect, it } from 'vitest';
import {
  STUN_BAD_LENGTH,
  STUN_NO_COOKIE,
  STUN_NOT_STUN,
  STUN_OK,
  STUN_TOO_SHORT,
  STUN_TRUNCATED_ATTRIBUTE,
  StunReader,
} from '../../shared/stun/reader.ts';
import {
  ATTR_NONCE,
  ATTR_REALM,
  ATTR_SOFTWARE,
  ATTR_USERNAME,
  CLASS_ERROR,
  CLASS_INDICATION,
  CLASS_REQUEST,
  CLASS_SUCCESS,
  classOf,
  isComprehensionOptional,
  knownAttributes,
  messageType,
  METHOD_BINDING,
  methodOf,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { ascii, attribute, message, readerOf, TRANSACTION } from '../unit/stun/build.ts';

const BINDING_REQUEST = messageType(METHOD_BINDING, CLASS_REQUEST);

function defectOf(bytes: Uint8Array): number {
  return new StunReader().read(bytes, 0, bytes.length);
}

function changed(bytes: Uint8Array, index: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[index] = value;
  return copy;
}

/** What `write` puts after the header of an error response. */
function written(write: (writer: StunWriter) => StunWriter): number[] {
  const buffer = new Uint8Array(600).fill(0xee);
  const writer = new StunWriter();
  const length = write(
    writer.start(buffer, 0, METHOD_BINDING, CLASS_ERROR, TRANSACTION, 0),
  ).finish();
  return [...buffer.subarray(20, length)];
}

describe('RFC 8489 s5: message structure', () => {
  const empty = message(BINDING_REQUEST);

  it('RFC 8489 s5: a message is a 20-byte header and zero or more attributes', () => {
    expect(defectOf(empty)).toBe(STUN_OK);
    for (let length = 0; length < 20; length++) {
      expect(defectOf(empty.subarray(0, length))).toBe(STUN_TOO_SHORT);
    }
  });

  it('RFC 8489 s5: the two most significant bits are zero', () => {
    for (const bits of [0x40, 0x80, 0xc0]) {
      expect(defectOf(changed(empty, 0, bits))).toBe(STUN_NOT_STUN);
    }
    expect(defectOf(changed(empty, 0, 0x3f))).toBe(STUN_OK);
  });

  it('RFC 8489 s5: the magic cookie is 0x2112a442', () => {
    for (let index = 4; index < 8; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const wrong = changed(empty, index, (empty[index] ?? 0) ^ (1 << bit));
        expect(defectOf(wrong)).toBe(STUN_NO_COOKIE);
      }
    }
  });

  it('RFC 8489 s5: the length field counts the attributes, not the header', () => {
    const bytes = message(BINDING_REQUEST, attribute(ATTR_SOFTWARE, ascii('test')));
    expect(bytes.length).toBe(28);
    expect(defectOf(bytes)).toBe(STUN_OK);
    expect(defectOf(changed(bytes, 3, 28))).toBe(STUN_BAD_LENGTH);
    expect(defectOf(changed(bytes, 3, 4))).toBe(STUN_BAD_LENGTH);
    expect(defectOf(changed(bytes, 2, 1))).toBe(STUN_BAD_LENGTH);
  });

  it('RFC 8489 s5: the length is a multiple of 4', () => {
    for (const extra of [1, 2, 3]) {
      const bytes = new Uint8Array(20 + extra);
      bytes.set(changed(empty, 3, extra));
      expect(defectOf(bytes)).toBe(STUN_BAD_LENGTH);
    }
  });

  it('RFC 8489 s5: method bits M11..M0 and class bits C1, C0 interleave as in figure 3', () => {
    expect(messageType(METHOD_BINDING, CLASS_REQUEST)).toBe(0x0001);
    expect(messageType(METHOD_BINDING, CLASS_INDICATION)).toBe(0x0011);
    expect(messageType(METHOD_BINDING, CLASS_SUCCESS)).toBe(0x0101);
    expect(messageType(METHOD_BINDING, CLASS_ERROR)).toBe(0x0111);
    expect(messageType(0xfff, CLASS_REQUEST)).toBe(0x3eef);
    const types = new Set<number>();
    for (let method = 0; method <= 0xfff; method++) {
      for (let messageClass = 0; messageClass < 4; messageClass++) {
        const type = messageType(method, messageClass);
        types.add(type);
        expect([methodOf(type), classOf(type)]).toEqual([method, messageClass]);
      }
    }
    expect(types.size).toBe(0x4000);
  });

  it('RFC 8489 s5: the transaction id is the last 12 bytes of the header', () => {
    const reader = readerOf(empty);
    expect(reader.transactionOffset).toBe(8);
    expect(reader.transactionIs(TRANSACTION, 0)).toBe(true);
    for (let index = 0; index < 12; index++) {
      expect(reader.transactionIs(changed(TRANSACTION, index, 0xff), 0)).toBe(false);
    }
  });
});

describe('RFC 8489 s14: attributes', () => {
  it('RFC 8489 s14: an attribute is type, length and value, padded to 4 bytes', () => {
    for (let length = 0; length <= 9; length++) {
      const value = Uint8Array.from({ length }, (_, i) => i + 1);
      const bytes = message(
        BINDING_REQUEST,
        attribute(ATTR_SOFTWARE, value),
        attribute(ATTR_REALM, [7]),
      );
      const reader = readerOf(bytes);
      expect(reader.lengthAt(reader.find(ATTR_SOFTWARE))).toBe(length);
      expect(reader.view(reader.find(ATTR_SOFTWARE))).toEqual(value);
      expect(reader.u8(reader.find(ATTR_REALM))).toBe(7);
    }
  });

  it('RFC 8489 s14: an attribute may not reach past the end of the message', () => {
    const bytes = message(BINDING_REQUEST, attribute(ATTR_SOFTWARE, ascii('12345678')));
    for (const length of [9, 12, 255]) {
      expect(defectOf(changed(bytes, 23, length))).toBe(STUN_TRUNCATED_ATTRIBUTE);
    }
    expect(defectOf(changed(bytes, 22, 0xff))).toBe(STUN_TRUNCATED_ATTRIBUTE);
  });

  it('RFC 8489 s14: padding is ignored by the receiver', () => {
    const bytes = message(BINDING_REQUEST, attribute(ATTR_SOFTWARE, ascii('a'), 0xff));
    expect(readerOf(bytes).text(24)).toBe('a');
  });

  it('RFC 8489 s14: padding is zero when sent', () => {
    for (let length = 1; length <= 5; length++) {
      const value = ascii('abcde').subarray(0, length);
      const text = String.fromCharCode(...value);
      const expected = attribute(ATTR_SOFTWARE, value);
      expect(written((w) => w.text(ATTR_SOFTWARE, text))).toEqual(expected);
      expect(written((w) => w.data(ATTR_SOFTWARE, value, 0, length))).toEqual(expected);
    }
  });

  it('RFC 8489 s14: the first of duplicates wins, the others can still be walked', () => {
    const bytes = message(
      BINDING_REQUEST,
      attribute(ATTR_REALM, ascii('one')),
      attribute(ATTR_NONCE, ascii('n')),
      attribute(ATTR_REALM, ascii('two')),
    );
    const reader = readerOf(bytes);
    const first = reader.find(ATTR_REALM);
    expect(reader.text(first)).toBe('one');
    const second = reader.findNext(ATTR_REALM, first);
    expect(reader.text(second)).toBe('two');
    expect(reader.findNext(ATTR_REALM, second)).toBe(-1);
  });

  it('RFC 8489 s14: 0x0000-0x7fff must be understood, 0x8000-0xffff may be ignored', () => {
    expect([0x0000, 0x7fff].map(isComprehensionOptional)).toEqual([false, false]);
    expect([0x8000, 0xffff].map(isComprehensionOptional)).toEqual([true, true]);
    const bytes = message(
      BINDING_REQUEST,
      attribute(0x7fff),
      attribute(ATTR_USERNAME, ascii('u')),
      attribute(0x8000),
      attribute(0xffff),
      attribute(0x0000),
      attribute(0x7fff),
    );
    const out = new Uint16Array(8);
    expect(readerOf(bytes).collectUnknown(knownAttributes([ATTR_USERNAME]), out)).toBe(2);
    expect([...out.subarray(0, 2)]).toEqual([0x7fff, 0x0000]);
  });

  it('RFC 8489 s6.3.1: unknown attributes are listed up to the room there is', () => {
    const attributes = Array.from({ length: 40 }, (_, i) => attribute(0x7000 + i));
    const out = new Uint16Array(16);
    expect(
      readerOf(message(BINDING_REQUEST, ...attributes)).collectUnknown(knownAttributes([]), out),
    ).toBe(16);
    expect([...out]).toEqual(Array.from({ length: 16 }, (_, i) => 0x7000 + i));
  });
});
