// The npm package `stun` as an independent judge: it reads what the writer writes, and the reader reads
// what it writes. Two of its own faults are kept out of the way: it reads ERROR-CODE wrongly (class *
// (number + 100)), so that one is only judged in its writing; and it knows no SHA-256.

import * as fc from 'fast-check';
import stun from 'stun';
import { describe, expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  ATTR_DATA,
  ATTR_ERROR_CODE,
  ATTR_FINGERPRINT,
  ATTR_ICE_CONTROLLING,
  ATTR_LIFETIME,
  ATTR_MAPPED_ADDRESS,
  ATTR_NONCE,
  ATTR_PRIORITY,
  ATTR_REALM,
  ATTR_RESERVATION_TOKEN,
  ATTR_SOFTWARE,
  ATTR_UNKNOWN_ATTRIBUTES,
  ATTR_USERNAME,
  ATTR_XOR_MAPPED_ADDRESS,
  ATTR_XOR_PEER_ADDRESS,
  CLASS_ERROR,
  CLASS_REQUEST,
  messageType,
  METHOD_BINDING,
  reasonPhrase,
} from '../../../shared/stun/registry.ts';
import { StunWriter } from '../../../shared/stun/writer.ts';
import { readerOf } from './build.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const port = fc.integer({ min: 1, max: 0xffff });
const transaction = fc.uint8Array({ minLength: 12, maxLength: 12 });
const key = fc.uint8Array({ minLength: 1, maxLength: 40 });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const address = fc.oneof(
  fc.tuple(u32, port).map(([w, p]) => new TransportAddress().setV4(w, p)),
  fc
    .tuple(u32, u32, u32, u32, port)
    .map(([a, b, c, d, p]) => new TransportAddress().setV6(a, b, c, d, p)),
);

function normalised(value: stun.Address | undefined): string | undefined {
  return TransportAddress.parse(value?.address ?? '', value?.port)?.toString();
}

describe('the package `stun` reads what StunWriter writes', () => {
  it('headers, text, numbers, bytes and addresses of both families', () => {
    fc.assert(
      fc.property(
        fc.record({ id: transaction, key, text, address, number: u32, data: fc.uint8Array() }),
        ({ id, key: k, text: t, address: a, number, data }) => {
          const buffer = new Uint8Array(2048);
          const length = new StunWriter()
            .start(buffer, 0, METHOD_BINDING, CLASS_REQUEST, id, 0)
            .text(ATTR_USERNAME, t)
            .text(ATTR_SOFTWARE, `${t}!`)
            .u32(ATTR_PRIORITY, number)
            .u32(ATTR_LIFETIME, number)
            .address(ATTR_MAPPED_ADDRESS, a)
            .xorAddress(ATTR_XOR_MAPPED_ADDRESS, a)
            .xorAddress(ATTR_XOR_PEER_ADDRESS, a)
            .unknownAttributes([1, 0x7fff, 3], 3)
            .data(ATTR_DATA, data, 0, data.length)
            .integrity(k)
            .fingerprint()
            .finish();
          const decoded = stun.decode(Buffer.from(buffer.subarray(0, length)));
          expect(decoded.type).toBe(messageType(METHOD_BINDING, CLASS_REQUEST));
          expect(new Uint8Array(decoded.transactionId)).toEqual(id);
          expect([decoded.getUsername(), decoded.getSoftware()]).toEqual([t, `${t}!`]);
          expect(decoded.getAttribute(ATTR_PRIORITY)?.value).toBe(number);
          expect(decoded.getAttribute(ATTR_LIFETIME)?.value).toBe(number);
          expect(normalised(decoded.getAddress())).toBe(a.toString());
          expect(normalised(decoded.getXorAddress())).toBe(a.toString());
          const peer = decoded.getAttribute<stun.Address>(ATTR_XOR_PEER_ADDRESS);
          expect(normalised(peer?.value)).toBe(a.toString());
          expect(decoded.getUnknownAttributes()).toEqual([1, 0x7fff, 3]);
          expect(decoded.getAttribute<Buffer>(ATTR_DATA)?.value).toEqual(Buffer.from(data));
          expect(stun.validateMessageIntegrity(decoded, Buffer.from(k))).toBe(true);
          expect(stun.validateFingerprint(decoded)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('StunReader reads what the package `stun` writes', () => {
  it('headers, text, numbers, bytes and addresses of both families', () => {
    fc.assert(
      fc.property(
        fc.record({ id: transaction, key, text, address, data: fc.uint8Array() }),
        fc.nat({ max: 0x7fffffff }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        ({ id, key: k, text: t, address: a, data }, priority, tie) => {
          const type = messageType(METHOD_BINDING, CLASS_REQUEST);
          const message = stun.createMessage(type, Buffer.from(id));
          message.addUsername(t);
          message.addRealm(t);
          message.addNonce(`${t}?`);
          message.addPriority(priority);
          message.addIceControlling(Buffer.from(tie));
          message.addAddress(a.host, a.port);
          message.addXorAddress(a.host, a.port);
          message.addAttribute(ATTR_DATA, Buffer.from(data));
          message.addAttribute(ATTR_RESERVATION_TOKEN, Buffer.from(tie));
          message.addMessageIntegrity(Buffer.from(k));
          message.addFingerprint();
          const reader = readerOf(new Uint8Array(message.toBuffer()));
          expect(reader.type).toBe(type);
          expect(reader.transactionIs(id, 0)).toBe(true);
          expect(reader.text(reader.find(ATTR_USERNAME))).toBe(t);
          expect(reader.text(reader.find(ATTR_REALM))).toBe(t);
          expect(reader.text(reader.find(ATTR_NONCE))).toBe(`${t}?`);
          expect(reader.u32(reader.find(ATTR_PRIORITY))).toBe(priority);
          expect(reader.view(reader.find(ATTR_ICE_CONTROLLING))).toEqual(tie);
          expect(reader.view(reader.find(ATTR_RESERVATION_TOKEN))).toEqual(tie);
          expect(reader.view(reader.find(ATTR_DATA))).toEqual(data);
          const out = new TransportAddress();
          expect(reader.address(reader.find(ATTR_MAPPED_ADDRESS), out)).toBe(true);
          expect(out.toString()).toBe(a.toString());
          expect(reader.xorAddress(reader.find(ATTR_XOR_MAPPED_ADDRESS), out)).toBe(true);
          expect(out.toString()).toBe(a.toString());
          expect(reader.checkIntegrity(k)).toBe(true);
          expect(reader.find(ATTR_FINGERPRINT)).toBeGreaterThan(0);
          expect(reader.checkFingerprint()).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([300, 400, 401, 420, 438, 486, 500, 508])('ERROR-CODE %d with its reason', (code) => {
    const type = messageType(METHOD_BINDING, CLASS_ERROR);
    const message = stun.createMessage(type);
    message.addError(code, reasonPhrase(code));
    message.addUnknownAttributes([7, 8]);
    const reader = readerOf(new Uint8Array(message.toBuffer()));
    const at = reader.find(ATTR_ERROR_CODE);
    expect(reader.errorCode(at)).toBe(code);
    const buffer = new Uint8Array(128);
    const length = new StunWriter()
      .start(buffer, 0, METHOD_BINDING, CLASS_ERROR, message.transactionId, 0)
      .errorCode(code, reasonPhrase(code))
      .unknownAttributes([7, 8], 2)
      .finish();
    expect(reader.find(ATTR_UNKNOWN_ATTRIBUTES)).toBeGreaterThan(at);
    expect(buffer.subarray(0, length)).toEqual(new Uint8Array(message.toBuffer()));
  });
});
