// RFC 8489 s14.1 to s14.13: the values of the attributes, one test a rule.

import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { crc32 } from '../../shared/stun/fingerprint.ts';
import {
  ATTR_ALTERNATE_SERVER,
  ATTR_ERROR_CODE,
  ATTR_FINGERPRINT,
  ATTR_MAPPED_ADDRESS,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_PASSWORD_ALGORITHMS,
  ATTR_SOFTWARE,
  ATTR_UNKNOWN_ATTRIBUTES,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  CLASS_ERROR,
  CLASS_REQUEST,
  messageType,
  METHOD_BINDING,
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
} from '../../shared/stun/registry.ts';
import { StunWriter } from '../../shared/stun/writer.ts';
import { ascii, attribute, message, readerOf, TRANSACTION } from '../unit/stun/build.ts';

const BINDING_REQUEST = messageType(METHOD_BINDING, CLASS_REQUEST);
const BINDING_ERROR = messageType(METHOD_BINDING, CLASS_ERROR);

/** What `write` puts after the header of an error response. */
function written(write: (writer: StunWriter) => StunWriter): number[] {
  const buffer = new Uint8Array(600).fill(0xee);
  const writer = new StunWriter();
  const length = write(
    writer.start(buffer, 0, METHOD_BINDING, CLASS_ERROR, TRANSACTION, 0),
  ).finish();
  return [...buffer.subarray(20, length)];
}

function readAddress(type: number, value: readonly number[]): string | undefined {
  const reader = readerOf(message(BINDING_REQUEST, attribute(type, value)));
  const out = new TransportAddress();
  const ok =
    type === ATTR_XOR_MAPPED_ADDRESS
      ? reader.xorAddress(reader.find(type), out)
      : reader.address(reader.find(type), out);
  return ok ? out.toString() : undefined;
}

function fingerprinted(...attributes: readonly number[][]): Uint8Array {
  const bytes = message(BINDING_REQUEST, ...attributes, attribute(ATTR_FINGERPRINT, [0, 0, 0, 0]));
  const value = crc32(bytes, 0, bytes.length - 8) ^ 0x5354554e;
  new DataView(bytes.buffer).setInt32(bytes.length - 4, value);
  return bytes;
}

function codeIn(value: readonly number[]): number {
  const reader = readerOf(message(BINDING_ERROR, attribute(ATTR_ERROR_CODE, value)));
  return reader.errorCode(reader.find(ATTR_ERROR_CODE));
}

describe('RFC 8489 s14.1, s14.2, s14.15: addresses', () => {
  const v4 = [0, 1, 0x80, 0x55, 192, 0, 2, 1];
  const v6 = [0, 2, 0x80, 0x55, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

  it('RFC 8489 s14.1: MAPPED-ADDRESS carries family, port and address as they are', () => {
    expect(readAddress(ATTR_MAPPED_ADDRESS, v4)).toBe('192.0.2.1:32853');
    expect(readAddress(ATTR_MAPPED_ADDRESS, v6)).toBe('[2001:db8::1]:32853');
    expect(readAddress(ATTR_ALTERNATE_SERVER, v4)).toBe('192.0.2.1:32853');
  });

  it('RFC 8489 s14.1: the first 8 bits are ignored when read and zero when sent', () => {
    expect(readAddress(ATTR_MAPPED_ADDRESS, [0xff, ...v4.slice(1)])).toBe('192.0.2.1:32853');
    const address = new TransportAddress().setV4(0xc0000201, 32853);
    expect(written((w) => w.address(ATTR_MAPPED_ADDRESS, address))).toEqual(
      attribute(ATTR_MAPPED_ADDRESS, v4),
    );
  });

  it('RFC 8489 s14.1: IPv4 has 32 bits, IPv6 128 bits, and there is no other family', () => {
    for (const type of [ATTR_MAPPED_ADDRESS, ATTR_XOR_MAPPED_ADDRESS]) {
      for (const value of [
        [],
        [0, 1],
        [0, 1, 0x80, 0x55],
        v4.slice(0, 7),
        [...v4, 0],
        [0, 2, ...v4.slice(2)],
        [0, 1, ...v6.slice(2)],
        [0, 0, ...v4.slice(2)],
        [0, 3, ...v6.slice(2)],
        v6.slice(0, 19),
        [...v6, 0],
      ]) {
        expect(readAddress(type, value)).toBeUndefined();
      }
    }
  });

  it('RFC 8489 s14.2: X-Port is the port XOR 0x2112, an IPv4 X-Address is XOR the cookie', () => {
    const value = [0, 1, 0x80 ^ 0x21, 0x55 ^ 0x12, 192 ^ 0x21, 0x12, 2 ^ 0xa4, 1 ^ 0x42];
    expect(readAddress(ATTR_XOR_MAPPED_ADDRESS, value)).toBe('192.0.2.1:32853');
    const address = new TransportAddress().setV4(0xc0000201, 32853);
    expect(written((w) => w.xorAddress(ATTR_XOR_MAPPED_ADDRESS, address))).toEqual(
      attribute(ATTR_XOR_MAPPED_ADDRESS, value),
    );
  });

  it('RFC 8489 s14.2: an IPv6 X-Address is XOR the cookie and the transaction id', () => {
    const mask = [0x21, 0x12, 0xa4, 0x42, ...TRANSACTION];
    const xored = v6.slice(4).map((byte, i) => byte ^ (mask[i] ?? 0));
    const value = [0, 2, 0x80 ^ 0x21, 0x55 ^ 0x12, ...xored];
    expect(readAddress(ATTR_XOR_MAPPED_ADDRESS, value)).toBe('[2001:db8::1]:32853');
    const address = new TransportAddress().setV6(0x20010db8, 0, 0, 1, 32853);
    expect(written((w) => w.xorAddress(ATTR_XOR_MAPPED_ADDRESS, address))).toEqual(
      attribute(ATTR_XOR_MAPPED_ADDRESS, value),
    );
  });
});

describe('RFC 8489 s14.7: FINGERPRINT', () => {
  it('RFC 8489 s14.7: the CRC-32 is that of ITU V.42', () => {
    expect(crc32(ascii('123456789'), 0, 9) >>> 0).toBe(0xcbf43926);
    expect(crc32(ascii(''), 0, 0)).toBe(0);
  });

  it('RFC 8489 s14.7: the value is the CRC-32 of what precedes it XOR 0x5354554e', () => {
    expect(readerOf(fingerprinted()).checkFingerprint()).toBe(true);
    const plain = fingerprinted();
    new DataView(plain.buffer).setInt32(24, crc32(plain, 0, 20));
    expect(readerOf(plain).checkFingerprint()).toBe(false);
  });

  it('RFC 8489 s14.7: the CRC covers a length field that counts the attribute itself', () => {
    const length = new StunWriter()
      .start(new Uint8Array(64), 0, METHOD_BINDING, CLASS_REQUEST, TRANSACTION, 0)
      .fingerprint()
      .finish();
    expect(length).toBe(28);
    const buffer = new Uint8Array(28);
    new StunWriter()
      .start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, TRANSACTION, 0)
      .fingerprint()
      .finish();
    expect(buffer).toEqual(fingerprinted());
  });

  it('RFC 8489 s14.7: it is the last attribute: what follows does not count and it fails', () => {
    const good = fingerprinted(attribute(ATTR_SOFTWARE, ascii('s')));
    expect(readerOf(good).checkFingerprint()).toBe(true);
    const bytes = message(
      BINDING_REQUEST,
      [...good.subarray(20)],
      attribute(ATTR_USERNAME, ascii('u')),
    );
    const value = crc32(bytes, 0, 28) ^ 0x5354554e;
    new DataView(bytes.buffer).setInt32(32, value);
    const reader = readerOf(bytes);
    expect(reader.hasFingerprint).toBe(true);
    expect(reader.find(ATTR_USERNAME)).toBe(-1);
    expect(reader.checkFingerprint()).toBe(false);
  });

  it('RFC 8489 s14.7: it has four bytes', () => {
    for (const value of [[], [0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]) {
      const reader = readerOf(message(BINDING_REQUEST, attribute(ATTR_FINGERPRINT, value)));
      expect([reader.hasFingerprint, reader.checkFingerprint()]).toEqual([true, false]);
    }
  });
});

describe('RFC 8489 s14.8: ERROR-CODE', () => {
  it('RFC 8489 s14.8: class is the hundreds digit, number the rest', () => {
    expect(codeIn([0, 0, 4, 20])).toBe(420);
    expect(codeIn([0, 0, 3, 0])).toBe(300);
    expect(codeIn([0, 0, 6, 99])).toBe(699);
    expect(written((w) => w.errorCode(420))).toEqual(attribute(ATTR_ERROR_CODE, [0, 0, 4, 20]));
    expect(written((w) => w.errorCode(508))).toEqual(attribute(ATTR_ERROR_CODE, [0, 0, 5, 8]));
  });

  it('RFC 8489 s14.8: reserved bits are ignored when read', () => {
    expect(codeIn([0xff, 0xff, 0xf8 | 4, 38])).toBe(438);
  });

  it('RFC 8489 s14.8: class is 3 to 6 and number 0 to 99', () => {
    expect(codeIn([0, 0, 2, 99])).toBe(-1);
    expect(codeIn([0, 0, 7, 0])).toBe(-1);
    expect(codeIn([0, 0, 4, 100])).toBe(-1);
    expect(codeIn([0, 0, 4])).toBe(-1);
  });

  it('RFC 8489 s14.8: the reason phrase follows as UTF-8', () => {
    expect(written((w) => w.errorCode(401, 'Unauthenticated'))).toEqual(
      attribute(ATTR_ERROR_CODE, [0, 0, 4, 1, ...ascii('Unauthenticated')]),
    );
    expect(written((w) => w.errorCode(401, 'é'))).toEqual(
      attribute(ATTR_ERROR_CODE, [0, 0, 4, 1, 0xc3, 0xa9]),
    );
  });
});

describe('RFC 8489 s14.3, s14.9, s14.10, s14.14: text', () => {
  it('RFC 8489 s14.3: text is UTF-8, of 763 bytes and more when read', () => {
    const text = 'ガ'.repeat(254);
    const bytes = message(BINDING_REQUEST, attribute(ATTR_USERNAME, Buffer.from(`${text}x`)));
    const reader = readerOf(bytes);
    expect(reader.lengthAt(24)).toBe(763);
    expect(reader.text(24)).toBe(`${text}x`);
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['a cut sequence', [0x61, 0xe3, 0x83]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a five-byte form', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ])('RFC 8489 s14.3: text that is not RFC 3629 UTF-8 is refused: %s', (_name, value) => {
    expect(
      readerOf(message(BINDING_REQUEST, attribute(ATTR_USERNAME, value))).text(24),
    ).toBeUndefined();
  });

  it('RFC 8489 s14.14: a byte order mark belongs to the text', () => {
    const bytes = message(BINDING_REQUEST, attribute(ATTR_SOFTWARE, [0xef, 0xbb, 0xbf, 0x61]));
    expect(readerOf(bytes).text(24)).toBe('\ufeffa');
  });
});

describe('RFC 8489 s14.11 to s14.13: lists', () => {
  it('RFC 8489 s14.11: PASSWORD-ALGORITHMS lists number and parameter length, 4 bytes each', () => {
    const list = [PASSWORD_ALGORITHM_SHA256, PASSWORD_ALGORITHM_MD5];
    expect(written((w) => w.passwordAlgorithms(list))).toEqual(
      attribute(ATTR_PASSWORD_ALGORITHMS, [0, 2, 0, 0, 0, 1, 0, 0]),
    );
  });

  it('RFC 8489 s14.12: PASSWORD-ALGORITHM is one such entry', () => {
    expect(written((w) => w.passwordAlgorithm(PASSWORD_ALGORITHM_SHA256))).toEqual(
      attribute(ATTR_PASSWORD_ALGORITHM, [0, 2, 0, 0]),
    );
  });

  it('RFC 8489 s14.13: UNKNOWN-ATTRIBUTES lists 16-bit types, an odd list padded as any value', () => {
    const types = Uint16Array.from([0x7fff, 0x0024, 0x0001]);
    expect(written((w) => w.unknownAttributes(types, 3))).toEqual(
      attribute(ATTR_UNKNOWN_ATTRIBUTES, [0x7f, 0xff, 0x00, 0x24, 0x00, 0x01]),
    );
    expect(written((w) => w.unknownAttributes(types, 0))).toEqual(
      attribute(ATTR_UNKNOWN_ATTRIBUTES),
    );
  });
});
