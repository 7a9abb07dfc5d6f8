// Whose request it is: fields of strangers tell nothing, those of proxies the rightmost address that is not theirs.

import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { type Client, clientTeller } from '../../../gateway/forwarded.ts';
import { FORWARDED_CHARACTERS_MAX, PROXIES_MAX } from '../../../gateway/limits.ts';

const PROXY = '10.0.0.1';
const UNKNOWN = '0.0.0.0';
const TRUSTED = ['10.0.0.0/8', '2001:db8:1::/48'];

function clientFrom(
  from: string,
  headers: Record<string, string>,
  { trusted = TRUSTED, socket = new Socket() } = {},
): Client {
  Object.defineProperty(socket, 'remoteAddress', { value: from });
  const request = new IncomingMessage(socket);
  request.headers = { host: 'inner:7880', ...headers };
  return clientTeller(trusted)(request);
}

const addressFrom = (from: string, headers: Record<string, string>): string =>
  clientFrom(from, headers).address;

const SPOOFED = {
  'x-forwarded-for': '192.0.2.1',
  forwarded: 'for=192.0.2.1;host=evil.example;proto=https',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
};

const direct = (address: string): Client => ({ address, host: 'inner:7880', isSecure: false });

describe('nothing is believed', () => {
  test.each(['198.51.100.7', '2001:db8:2::1', '11.0.0.1', ''])('of %j', (from) => {
    expect(clientFrom(from, SPOOFED)).toEqual(direct(from));
  });

  test('where no proxy is trusted', () => {
    expect(clientFrom(PROXY, SPOOFED, { trusted: [] })).toEqual(direct(PROXY));
  });
});

describe('X-Forwarded-For of a trusted proxy', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1', '192.0.2.1'],
    ['203.0.113.9, 192.0.2.1, 10.9.9.9,10.1.1.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['2001:db8:7::1', '2001:db8:7::1'],
    ['[2001:db8:7::1]:443', '2001:db8:7::1'],
    // All are proxies: the client is the first one.
    ['10.2.2.2, 10.1.1.1', '10.2.2.2'],
    // Left of what is no address anything may stand.
    ['192.0.2.1, unknown', UNKNOWN],
    ['192.0.2.1, unknown, 10.1.1.1', UNKNOWN],
    ['', UNKNOWN],
    [',,,', UNKNOWN],
    ['192.0.2.1, ', UNKNOWN],
    ['192.0.2.256', UNKNOWN],
    ['fe80::1%eth0', UNKNOWN],
    ['<script>', UNKNOWN],
  ])('%j is %s', (field, address) => {
    expect(addressFrom(PROXY, { 'x-forwarded-for': field })).toBe(address);
  });

  test('also where the proxy comes by IPv6, or by IPv4 mapped into it', () => {
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    expect(addressFrom('2001:db8:1::5', headers)).toBe('192.0.2.1');
    expect(addressFrom('::ffff:10.0.0.1', headers)).toBe('192.0.2.1');
  });

  test('of a long one only the end is read', () => {
    const long = '203.0.113.9,'.repeat(5000);
    expect(addressFrom(PROXY, { 'x-forwarded-for': `${long}192.0.2.1` })).toBe('192.0.2.1');
    const cut = `9${'1'.repeat(FORWARDED_CHARACTERS_MAX)}`;
    expect(addressFrom(PROXY, { 'x-forwarded-for': cut })).toBe(UNKNOWN);
    const proxies = Array.from({ length: PROXIES_MAX + 5 }, (_, n) => `10.3.3.${n}`);
    expect(addressFrom(PROXY, { 'x-forwarded-for': `192.0.2.1,${proxies.join()}` })).toBe(
      '10.3.3.5',
    );
  });
});

describe('Forwarded (RFC 7239) of a trusted proxy', () => {
  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:4711";proto=http;by=203.0.113.43', '192.0.2.1'],
    ['for="[2001:db8:7::1]:4711"', '2001:db8:7::1'],
    ['for=203.0.113.9, for=192.0.2.1 , for=10.1.1.1', '192.0.2.1'],
    ['for=203.0.113.9;ext="a,b;for=9.9.9.9\\"", for=192.0.2.1', '192.0.2.1'],
    ['for=192.0.2.1, for=_hidden', UNKNOWN],
    ['for=192.0.2.1, for=unknown, for=10.1.1.1', UNKNOWN],
    ['for=192.0.2.1, proto=http', UNKNOWN],
    // Not of RFC 7239, so nobody knows where an element begins.
    ['for=", for=192.0.2.1', UNKNOWN],
    ['for=192.0.2.1;for=203.0.113.9', UNKNOWN],
    ['for = 192.0.2.1', UNKNOWN],
    ['192.0.2.1', UNKNOWN],
    [' '.repeat(FORWARDED_CHARACTERS_MAX - 1).concat('x'), UNKNOWN],
    [`for=192.0.2.1${' '.repeat(FORWARDED_CHARACTERS_MAX)}`, UNKNOWN],
    ['', UNKNOWN],
  ])('%j is %s', (field, address) => {
    expect(addressFrom(PROXY, { forwarded: field })).toBe(address);
  });
});

describe('both fields', () => {
  test.each([
    ['for=192.0.2.1', '203.0.113.9, 192.0.2.1', '192.0.2.1'],
    // One of them is what the client has sent, and the proxy knows only the other.
    ['for=203.0.113.9', '192.0.2.1', UNKNOWN],
    ['for="', '192.0.2.1', UNKNOWN],
    ['for=192.0.2.1', 'unknown', UNKNOWN],
  ])('%j and %j are %s', (forwarded, usual, address) => {
    expect(addressFrom(PROXY, { forwarded, 'x-forwarded-for': usual })).toBe(address);
  });
});

test('a trusted proxy that passes nobody on is itself who asks', () => {
  expect(addressFrom(PROXY, { 'x-forwarded-proto': 'https' })).toBe(PROXY);
});

describe('host and scheme', () => {
  test.each<[Record<string, string>, string, boolean]>([
    [{}, 'inner:7880', false],
    [{ 'x-forwarded-host': 'meet.example', 'x-forwarded-proto': 'https' }, 'meet.example', true],
    [{ 'x-forwarded-host': 'evil.example, meet.example:8443' }, 'meet.example:8443', false],
    [
      { 'x-forwarded-host': '[2001:db8::1]:443', 'x-forwarded-proto': 'WSS' },
      '[2001:db8::1]:443',
      true,
    ],
    [{ 'x-forwarded-host': 'a/b', 'x-forwarded-proto': 'https, http' }, 'inner:7880', false],
    [{ 'x-forwarded-host': 'x'.repeat(300) }, 'inner:7880', false],
    [
      { forwarded: 'for=192.0.2.1;host="meet.example:8443";proto=https' },
      'meet.example:8443',
      true,
    ],
    [
      { forwarded: 'for=192.0.2.1;host=meet.example, for=10.1.1.1;host=x.example' },
      'meet.example',
      false,
    ],
    [
      { forwarded: 'for=9.9.9.9;host=x.example', 'x-forwarded-for': '192.0.2.1' },
      'inner:7880',
      false,
    ],
  ])('%j are %s, secure %s', (headers, host, isSecure) => {
    expect(clientFrom(PROXY, headers)).toMatchObject({ host, isSecure });
  });

  test('TLS of our own is secure, whoever comes', () => {
    const socket = new TLSSocket(new Socket());
    expect(clientFrom('192.0.2.1', {}, { socket }).isSecure).toBe(true);
  });
});
