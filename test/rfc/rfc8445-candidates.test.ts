// Candidates of an answer: RFC 8445 s5.1.2, s5.2, RFC 6544 s4, and their grammar in RFC 8839 s5.1.

import { describe, expect, it } from 'vitest';
import {
  formatCandidate,
  hostCandidates,
  type IceTransport,
  type MediaListener,
} from '../../sfu/ice/candidates.ts';
import { newIceCredentials, parseIceCredentials } from '../../sfu/ice/credentials.ts';
import { address } from '../unit/sfu/ice-world.ts';

const listener = (transport: IceTransport, host: string, port: number): MediaListener => ({
  transport,
  address: address(host, port),
});

const UDP4 = listener('udp', '192.0.2.1', 7882);
const TCP4 = listener('tcp', '192.0.2.1', 7881);
const UDP6 = listener('udp', '2001:db8::1', 7882);
const ALL = [
  UDP4,
  UDP6,
  TCP4,
  listener('udp', '192.0.2.2', 7882),
  listener('tcp', '192.0.2.2', 7881),
];

const lines = (listeners: readonly MediaListener[], ...announced: [string, number][]): string[] =>
  hostCandidates(
    listeners,
    announced.map(([host, port]) => address(host, port)),
  ).map(formatCandidate);

it('RFC 8445 s5.1.2.1: the only candidate has the highest local preference and type preference 126', () => {
  expect(lines([UDP4])).toEqual(['candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host']);
  expect(hostCandidates([UDP4])[0]?.priority).toBe(126 * 2 ** 24 + 65_535 * 2 ** 8 + 255);
});

it('RFC 8445 s5.1.2: every candidate has a priority of its own between 1 and 2^31 - 1', () => {
  const many = Array.from({ length: 200 }, (_, i) =>
    listener(i % 2 === 0 ? 'udp' : 'tcp', `10.0.${i}.1`, 7882),
  );
  const priorities = hostCandidates(many).map(({ priority }) => priority);
  expect(new Set(priorities).size).toBe(200);
  expect(Math.min(...priorities)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...priorities)).toBeLessThan(2 ** 31);
});

it('RFC 8445 s5.1.2.2: what is configured first is preferred', () => {
  const udp = hostCandidates(ALL).filter(({ transport }) => transport === 'udp');
  const byPriority = udp.toSorted((a, b) => b.priority - a.priority);
  expect(udp).toHaveLength(3);
  expect(byPriority).toEqual(udp);
});

it('RFC 8445 s5.2: foundations are the same for one address and transport, and different otherwise', () => {
  const listeners = [UDP4, listener('udp', '192.0.2.1', 443), TCP4, UDP6];
  expect(hostCandidates(listeners).map(({ foundation }) => foundation)).toEqual([
    '1',
    '1',
    '2',
    '3',
  ]);
});

it('RFC 8445 s5.1.3: a candidate that is there twice is said once', () => {
  expect(lines([UDP4, UDP4, TCP4, UDP4])).toHaveLength(2);
});

it('the unspecified address is no candidate', () => {
  expect(lines([listener('udp', '0.0.0.0', 7882), listener('tcp', '::', 7881)])).toEqual([]);
});

it('RFC 6544 s4.2: a passive candidate has direction preference 4, below any over UDP', () => {
  const [, tcp] = hostCandidates([UDP4, TCP4]);
  expect(tcp?.priority).toBe(126 * 2 ** 24 + (2 ** 13 * 4 + 8191) * 2 ** 8 + 255);
  const priorities = hostCandidates(ALL);
  const of = (transport: IceTransport): number[] =>
    priorities.filter((each) => each.transport === transport).map(({ priority }) => priority);
  expect(Math.min(...of('udp'))).toBeGreaterThan(Math.max(...of('tcp')));
});

it('RFC 6544 s4.5: a TCP candidate says tcptype passive, at the port that listens', () => {
  expect(lines([TCP4])).toEqual([
    'candidate:1 1 tcp 2124414975 192.0.2.1 7881 typ host tcptype passive',
  ]);
});

describe('announced addresses', () => {
  it('stand in for the listeners of their family, with the port that listens', () => {
    const behindNat = [listener('udp', '0.0.0.0', 7882), TCP4, UDP6];
    expect(lines(behindNat, ['203.0.113.5', 0])).toEqual([
      'candidate:1 1 udp 2130706431 203.0.113.5 7882 typ host',
      'candidate:2 1 tcp 2124414975 203.0.113.5 7881 typ host tcptype passive',
    ]);
  });

  it('may have a port of their own, and be several', () => {
    expect(lines([UDP4], ['203.0.113.5', 443], ['203.0.113.6', 0], ['2001:db8::5', 0])).toEqual([
      'candidate:1 1 udp 2130706431 203.0.113.5 443 typ host',
      'candidate:2 1 udp 2130706175 203.0.113.6 7882 typ host',
    ]);
  });

  it('are left as they are', () => {
    const announced = address('203.0.113.5', 0);
    hostCandidates([UDP4], [announced]);
    expect([announced.port, UDP4.address.host]).toEqual([0, '192.0.2.1']);
  });
});

/** RFC 8839 s5.1 for a host candidate, with the extension of RFC 6544 s4.5. */
const CANDIDATE =
  /^candidate:[A-Za-z0-9+/]{1,32} [1-9][0-9]{0,2} (?:udp|tcp) [1-9][0-9]{0,9} [0-9a-f.:]+ [0-9]{1,5} typ host(?: tcptype (?:active|passive|so))?$/;

it('RFC 8839 s5.1: every line is of the grammar, IPv6 addresses without brackets', () => {
  const all = lines(ALL);
  expect(all).toHaveLength(5);
  expect(all.filter((line) => !CANDIDATE.test(line))).toEqual([]);
  expect(all[1]).toBe('candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host');
});

it('RFC 8445 s5.3: our username fragment has 24 random bits or more, our password 128 or more', () => {
  const made = Array.from({ length: 1000 }, newIceCredentials);
  expect(new Set(made.map(({ ufrag }) => ufrag)).size).toBe(1000);
  expect(new Set(made.map(({ password }) => password)).size).toBe(1000);
  const bits = made.map(({ ufrag, password }) => [6 * ufrag.length, 6 * password.length]);
  expect(Math.min(...bits.map(([ufrag]) => ufrag!))).toBeGreaterThanOrEqual(24);
  expect(Math.min(...bits.map(([, password]) => password!))).toBeGreaterThanOrEqual(128);
});

it('RFC 8839 s5.4: our credentials are ice-chars, of the lengths that every peer accepts', () => {
  const made = Array.from({ length: 1000 }, newIceCredentials);
  const odd = made.filter(
    ({ ufrag, password }) =>
      !/^[A-Za-z0-9+/]{4,32}$/.test(ufrag) || !/^[A-Za-z0-9+/]{22,256}$/.test(password),
  );
  expect(odd).toEqual([]);
});

it.each([
  [4, 22, true],
  [256, 256, true],
  [3, 22, false],
  [4, 21, false],
  [257, 22, false],
  [4, 257, false],
])(
  'RFC 8839 s5.4: a username fragment of %i characters with a password of %i: %s',
  (ufrag, password, accepted) => {
    const parsed = parseIceCredentials('+'.repeat(ufrag), '/'.repeat(password));
    expect(parsed !== undefined).toBe(accepted);
  },
);

it.each(['ab:d', 'abc=', 'abc\n', ' abc', 'ab-d', 'äbcd', 'abc\0'])(
  'RFC 8839 s5.4: %j is not of ice-chars',
  (text) => {
    expect(parseIceCredentials(text, 'p'.repeat(22))).toBeUndefined();
    expect(parseIceCredentials('abcd', `${'p'.repeat(22)}${text}`)).toBeUndefined();
  },
);
