// Whatever the writer writes, the reader reads back: every attribute of the registry, both families, any
// order.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { StunReader } from '../../../shared/stun/reader.ts';
import {
  ATTR_ADDRESS_ERROR_CODE,
  ATTR_ERROR_CODE,
  ATTR_ICMP,
  ATTR_PASSWORD_ALGORITHMS,
  ATTR_UNKNOWN_ATTRIBUTES,
  type AttributeKind,
  ATTRIBUTES,
} from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { readerOf } from './build.ts';

/** One attribute to write, and what must hold once it is read at a value offset. */
interface Case {
  write(writer: StunWriter): unknown;
  check(reader: StunReader, at: number): void;
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u7 = fc.integer({ min: 0, max: 0x7f });
const u8 = fc.integer({ min: 0, max: 0xff });
const eight = fc.uint8Array({ minLength: 8, maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 70 });
const errorCode = fc.integer({ min: 300, max: 699 });
const text = fc.string({ unit: 'binary', maxLength: 40 });
const address = fc.oneof(
  fc.tuple(u32, u16).map(([w, p]) => new TransportAddress().setV4(w, p)),
  fc
    .tuple(u32, u32, u32, u32, u16)
    .map(([a, b, c, d, p]) => new TransportAddress().setV6(a, b, c, d, p)),
);
const transaction = fc.uint8Array({ minLength: 12, maxLength: 12 });

function valueCase(type: number, value: Uint8Array): Case {
  return {
    write: (w) => w.data(type, value, 0, value.length),
    check: (r, at) => {
      expect(r.lengthAt(at)).toBe(value.length);
      expect(r.view(at)).toEqual(value);
    },
  };
}

function addressCase(type: number, value: TransportAddress, xor: boolean): Case {
  return {
    write: (w) => (xor ? w.xorAddress(type, value) : w.address(type, value)),
    check: (r, at) => {
      const out = new TransportAddress();
      expect(r.lengthAt(at)).toBe(value.family === 4 ? 8 : 20);
      expect(xor ? r.xorAddress(at, out) : r.address(at, out)).toBe(true);
      expect(out.equals(value)).toBe(true);
      expect(r.u8(at)).toBe(0);
    },
  };
}

function textCase(type: number, value: string): Case {
  return {
    write: (w) => w.text(type, value),
    check: (r, at) => {
      expect(r.text(at)).toBe(value);
      expect(r.lengthAt(at)).toBe(Buffer.byteLength(value));
    },
  };
}

function numberCase(type: number, kind: 'octet' | 'u8' | 'u16' | 'u32', value: number): Case {
  return {
    write: (w) => {
      if (kind === 'u32') w.u32(type, value);
      else if (kind === 'u16') w.u16(type, value);
      else w.u8(type, value);
    },
    check: (r, at) => {
      expect(r.lengthAt(at)).toBe(kind === 'octet' ? 1 : 4);
      if (kind === 'u32') expect(r.u32(at)).toBe(value);
      if (kind === 'u16') expect([r.u16(at), r.u32(at)]).toEqual([value, value * 0x10000]);
      if (kind === 'u8') expect([r.u8(at), r.u32(at)]).toEqual([value, value * 0x1000000]);
      if (kind === 'octet') expect([r.u8(at), r.u16(at), r.u32(at)]).toEqual([value, -1, -1]);
    },
  };
}

const reasonOf = (r: StunReader, at: number): string =>
  Buffer.from(r.view(at).subarray(4)).toString('utf8');

const CASES: Record<AttributeKind, (type: number) => Array<fc.Arbitrary<Case>>> = {
  address: (type) => [address.map((a) => addressCase(type, a, false))],
  'xor-address': (type) => [address.map((a) => addressCase(type, a, true))],
  octet: (type) => [u8.map((v) => numberCase(type, 'octet', v))],
  u8: (type) => [u8.map((v) => numberCase(type, 'u8', v))],
  u16: (type) => [u16.map((v) => numberCase(type, 'u16', v))],
  u32: (type) => [u32.map((v) => numberCase(type, 'u32', v))],
  u64: (type) => [eight.map((v) => valueCase(type, v))],
  bytes: (type) => [bytes.map((v) => valueCase(type, v))],
  text: (type) => [text.map((v) => textCase(type, v))],
  flag: (type) => [
    fc.constant({
      write: (w) => w.flag(type),
      check: (r, at) => expect(r.lengthAt(at)).toBe(0),
    }),
  ],
  'error-code': () => [
    fc.tuple(errorCode, text).map(([code, reason]) => ({
      write: (w) => w.errorCode(code, reason),
      check: (r, at) => {
        expect(r.errorCode(at)).toBe(code);
        expect(reasonOf(r, at)).toBe(reason);
      },
    })),
  ],
  'address-error-code': () => [
    fc.tuple(fc.constantFrom(1, 2), errorCode, text).map(([family, code, reason]) => ({
      write: (w) => w.addressErrorCode(family, code, reason),
      check: (r, at) => {
        expect([r.u8(at), r.errorCode(at)]).toEqual([family, code]);
        expect(reasonOf(r, at)).toBe(reason);
      },
    })),
  ],
  icmp: () => [
    fc.tuple(u7, u8, u32).map(([icmpType, code, data]) => ({
      write: (w) => w.icmp(icmpType, code, data),
      check: (r, at) => {
        expect([r.lengthAt(at), r.u16(at)]).toEqual([8, 0]);
        expect([r.u32(at) >>> 9, r.u32(at) & 0x1ff]).toEqual([icmpType, code]);
        expect(Buffer.from(r.view(at)).readUInt32BE(4)).toBe(data);
      },
    })),
  ],
  'unknown-attributes': () => [
    fc.array(u16, { maxLength: 9 }).map((types) => ({
      write: (w) => w.unknownAttributes(types, types.length),
      check: (r, at) => {
        const value = Buffer.from(r.view(at));
        expect(value.length).toBe(2 * types.length);
        expect(types.map((_, i) => value.readUInt16BE(2 * i))).toEqual(types);
      },
    })),
  ],
  'password-algorithm': () => [
    u16.map((v) => ({
      write: (w) => w.passwordAlgorithm(v),
      check: (r, at) => expect(r.u32(at)).toBe(v * 0x10000),
    })),
  ],
  'password-algorithms': () => [
    fc.array(u16, { maxLength: 4 }).map((list) => ({
      write: (w) => w.passwordAlgorithms(list),
      check: (r, at) => {
        const value = Buffer.from(r.view(at));
        expect(value.length).toBe(4 * list.length);
        expect(list.map((_, i) => value.readUInt32BE(4 * i))).toEqual(list.map((v) => v * 0x10000));
      },
    })),
  ],
  // The check values are written and checked over whole messages below.
  'message-integrity': () => [],
  'message-integrity-sha256': () => [],
  fingerprint: () => [],
};

const plain = ATTRIBUTES.flatMap(({ type, name, kind }) => {
  return CASES[kind](type).map((cases) => ({ type, name, cases }));
});

describe('StunWriter to StunReader', () => {
  it('has a case for every attribute but the three check values', () => {
    expect(plain.length).toBe(ATTRIBUTES.length - 3);
    for (const type of [
      ATTR_ERROR_CODE,
      ATTR_ADDRESS_ERROR_CODE,
      ATTR_ICMP,
      ATTR_UNKNOWN_ATTRIBUTES,
      ATTR_PASSWORD_ALGORITHMS,
    ]) {
      expect(plain.some((one) => one.type === type)).toBe(true);
    }
  });

  it.each(plain)('carries $name', ({ type, cases }) => {
    fc.assert(
      fc.property(cases, transaction, (one, id) => {
        const buffer = new Uint8Array(512).fill(0xee);
        const writer = new StunWriter().start(buffer, 0, 0x001, 0, id, 0);
        one.write(writer);
        const length = writer.finish();
        const reader = readerOf(buffer.subarray(0, length));
        one.check(reader, reader.find(type));
        expect(reader.findNext(type, reader.find(type))).toBe(-1);
        expect(buffer.subarray(length).every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('carries any attributes in any order, signed and fingerprinted, at any offset', () => {
    const one = fc.oneof(...plain.map(({ type, cases }) => cases.map((c) => ({ type, c }))));
    const list = fc.uniqueArray(one, { maxLength: 12, selector: ({ type }) => type });
    const key = fc.uint8Array({ minLength: 1, maxLength: 40 });
    const method = fc.integer({ min: 0, max: 0xfff });
    const messageClass = fc.integer({ min: 0, max: 3 });
    const offset = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(
        list,
        key,
        method,
        messageClass,
        transaction,
        offset,
        (attributes, k, m, c, id, at) => {
          const buffer = new Uint8Array(4096).fill(0xee);
          const writer = new StunWriter().start(buffer, at, m, c, id, 0);
          for (const { c: attribute } of attributes) attribute.write(writer);
          const length = writer.integrity(k).integritySha256(k).fingerprint().finish();
          const reader = new StunReader();
          expect(reader.read(buffer, at, length)).toBe(0);
          expect([reader.method, reader.messageClass]).toEqual([m, c]);
          expect(reader.transactionIs(id, 0)).toBe(true);
          for (const { type, c: attribute } of attributes)
            attribute.check(reader, reader.find(type));
          expect(reader.checkIntegrity(k)).toBe(true);
          expect(reader.checkIntegritySha256(k)).toBe(true);
          expect(reader.checkFingerprint()).toBe(true);
          const other = k.slice();
          other[0] = (other[0] ?? 0) ^ 1;
          expect(reader.checkIntegrity(other)).toBe(false);
          expect(reader.checkIntegritySha256(other)).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});
