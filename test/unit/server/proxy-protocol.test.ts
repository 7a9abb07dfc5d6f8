// The PROXY protocol's header from its first byte on: what it says, where it ends, and what is none. Sections are those
// of haproxy.org's proxy-protocol.txt.

import { assert, constantFrom, nat, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainEndpoint, readProxyHeader } from '../../../server/media/proxy-protocol.ts';

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V4 = [192, 0, 2, 7, 203, 0, 113, 9, 0x30, 0x39, 0x0d, 0x96];
const V6_SOURCE = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const V6_DESTINATION = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const V6 = [...V6_SOURCE, ...V6_DESTINATION, 0x30, 0x39, 0x0d, 0x96];
const MAPPED = [...Array.from({ length: 10 }, () => 0), 0xff, 0xff, 192, 0, 2, 7];

const v1 = (line: string): Buffer => Buffer.from(`PROXY ${line}\r\n`, 'latin1');
const v2 = (command: number, family: number, body: readonly number[], says = body.length): Buffer =>
  Buffer.from([...SIGNATURE, command, family, says >> 8, says & 0xff, ...body]);

const CLIENT = { host: '192.0.2.7', port: 12_345 };
const CLIENT6 = { host: '2001:db8::7', port: 12_345 };
const TLV = [0x04, 0, 3, 1, 2, 3];

const HEADERS: [string, Buffer, unknown][] = [
  ['v1 TCP4', v1('TCP4 192.0.2.7 203.0.113.9 12345 3478'), CLIENT],
  ['v1 TCP6', v1('TCP6 2001:db8::7 2001:db8::9 12345 3478'), CLIENT6],
  ['v1 TCP6, mapped', v1('TCP6 ::ffff:192.0.2.7 ::ffff:203.0.113.9 12345 3478'), CLIENT],
  ['v1 UNKNOWN', v1('UNKNOWN'), undefined],
  ['v1 UNKNOWN with more', v1('UNKNOWN ffff::1 ffff::2 65535 65535'), undefined],
  ['v2 TCP4', v2(0x21, 0x11, V4), CLIENT],
  ['v2 TCP6', v2(0x21, 0x21, V6), CLIENT6],
  ['v2 TCP6, mapped', v2(0x21, 0x21, [...MAPPED, ...MAPPED, 0x30, 0x39, 0, 1]), CLIENT],
  ['v2 TCP4 with a TLV', v2(0x21, 0x11, [...V4, ...TLV]), CLIENT],
  ['v2 LOCAL', v2(0x20, 0x00, []), undefined],
  ['v2 LOCAL with addresses', v2(0x20, 0x11, V4), undefined],
  ['v2 UNSPEC', v2(0x21, 0x00, TLV), undefined],
  ['v2 UNIX', v2(0x21, 0x31, [...Buffer.alloc(216, 65)]), undefined],
  ['v2 as long as can be', v2(0x21, 0x11, [...V4, ...Buffer.alloc(508)]), CLIENT],
];

describe.each(HEADERS)('%s', (_name, header, source) => {
  test('says whose it is, and where the connection begins', () => {
    expect(readProxyHeader(header)).toEqual({ length: header.length, source });
    const followed = Buffer.concat([header, Buffer.from('PROXY what follows\r\n')]);
    expect(readProxyHeader(followed)).toEqual({ length: header.length, source });
  });

  test('is waited for at every point', () => {
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length)), `${length} bytes`).toBe('more');
    }
  });
});

describe('what is no header', () => {
  test.each<[string, Buffer]>([
    ['a STUN message', Buffer.from([0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42])],
    ['a ClientHello', Buffer.from([0x16, 3, 1, 0, 5])],
    ['nearly v1', Buffer.from('PROXx')],
    ['nearly v2', Buffer.from([...SIGNATURE.slice(0, 11), 0x0b])],
    ['v1, another family', v1('UDP4 192.0.2.7 203.0.113.9 12345 3478')],
    ['v1, no family', v1('')],
    ['v1, names', v1('TCP4 localhost 203.0.113.9 12345 3478')],
    ['v1, IPv6 as TCP4', v1('TCP4 2001:db8::7 2001:db8::9 12345 3478')],
    ['v1, IPv4 as TCP6', v1('TCP6 192.0.2.7 203.0.113.9 12345 3478')],
    ['v1, a zone', v1('TCP6 fe80::1%eth0 2001:db8::9 12345 3478')],
    ['v1, a destination that is none', v1('TCP4 192.0.2.7 203.0.113 12345 3478')],
    ['v1, no ports', v1('TCP4 192.0.2.7 203.0.113.9')],
    ['v1, a port too large', v1('TCP4 192.0.2.7 203.0.113.9 65536 3478')],
    ['v1, a port with a sign', v1('TCP4 192.0.2.7 203.0.113.9 +1 3478')],
    ['v1, a port with a zero', v1('TCP4 192.0.2.7 203.0.113.9 01 3478')],
    ['v1, a word too many', v1('TCP4 192.0.2.7 203.0.113.9 12345 3478 x')],
    ['v1, two spaces', v1('TCP4  192.0.2.7 203.0.113.9 12345 3478')],
    ['v1, too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
    ['v1, its end too late', v1(`UNKNOWN ${'x'.repeat(92)}`)],
    ['v2, another version', v2(0x11, 0x11, V4)],
    ['v2, another command', v2(0x22, 0x11, V4)],
    ['v2, UDP', v2(0x21, 0x12, V4)],
    ['v2, another family', v2(0x21, 0x41, V4)],
    ['v2, too short for its addresses', v2(0x21, 0x11, V4.slice(1))],
    ['v2, too short for IPv6', v2(0x21, 0x21, V4)],
    ['v2, longer than may be', v2(0x21, 0x11, V4, 521)],
    ['v2, as long as 16 bits say', v2(0x21, 0x11, V4, 0xffff)],
  ])('%s', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toBe('broken');
  });

  test('v1 of 106 bytes without its end is waited for, of 107 no more', () => {
    const line = Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}`);
    expect(line.length).toBe(106);
    expect(readProxyHeader(line)).toBe('more');
    expect(readProxyHeader(Buffer.concat([line, Buffer.from('\r')]))).toBe('broken');
    expect(readProxyHeader(v1(`UNKNOWN ${'x'.repeat(91)}`))).toMatchObject({ length: 107 });
  });
});

test('any bytes get an answer within the longest header, and more bytes never change it', () => {
  const start = constantFrom(
    Buffer.alloc(0),
    Buffer.from(SIGNATURE),
    v1('TCP4 192.0.2.7 203.0.113.9 12345 3478'),
    v2(0x21, 0x11, V4),
    v2(0x21, 0x21, V6),
  );
  assert(
    property(
      start,
      nat(64),
      uint8Array({ maxLength: 8 }),
      uint8Array({ maxLength: 600 }),
      (known, from, changed, more) => {
        const bytes = Buffer.concat([known, more]);
        bytes.set(
          changed.subarray(0, Math.max(0, bytes.length - from)),
          Math.min(from, bytes.length),
        );
        const answers = Array.from({ length: bytes.length + 1 }, (_, length) =>
          readProxyHeader(bytes.subarray(0, length)),
        );
        const at = answers.findIndex((answer) => answer !== 'more');
        const first = answers[at] ?? 'more';
        expect(answers.slice(at < 0 ? answers.length : at)).toEqual(
          at < 0 ? [] : answers.slice(at).map(() => first),
        );
        expect(at < 0 ? bytes.length : at).toBeLessThanOrEqual(536);
        expect(typeof first === 'string' ? 0 : first.length).toBeLessThanOrEqual(Math.max(at, 0));
      },
    ),
    { numRuns: 150 },
  );
});

test('addresses are told in their plain form', () => {
  expect(plainEndpoint('::ffff:192.0.2.7', 5)).toEqual({ host: '192.0.2.7', port: 5 });
  expect(plainEndpoint('fe80::1%eth0', 5)).toEqual({ host: 'fe80::1', port: 5 });
  expect(plainEndpoint('2001:DB8::1', 5)).toEqual({ host: '2001:db8::1', port: 5 });
  expect(plainEndpoint(undefined, 5)).toBeUndefined();
});
