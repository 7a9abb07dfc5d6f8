import { expect, test } from 'vitest';
import { connectionPathOf, samePath } from '../../../sdk/connection-path.ts';

type Entry = Record<string, unknown>;

const report = (...entries: Entry[]): Map<string, Entry> =>
  new Map(entries.map((entry) => [String(entry['id']), entry]));

const candidate = (id: string, candidateType: string, more: Entry = {}): Entry => ({
  id,
  type: `${id.startsWith('L') ? 'local' : 'remote'}-candidate`,
  candidateType,
  protocol: 'udp',
  ...more,
});

const pair = (more: Entry = {}): Entry => ({
  id: 'P',
  type: 'candidate-pair',
  localCandidateId: 'L',
  remoteCandidateId: 'R',
  ...more,
});

const TRANSPORT = { id: 'T', type: 'transport', selectedCandidatePairId: 'P' };

test('the pair that the transport has selected counts', () => {
  const path = connectionPathOf(
    report(
      TRANSPORT,
      { ...pair(), id: 'other', localCandidateId: 'L2', nominated: true, state: 'succeeded' },
      pair({ currentRoundTripTime: 0.01234 }),
      candidate('L', 'relay', { relayProtocol: 'tcp' }),
      candidate('L2', 'host'),
      candidate('R', 'srflx'),
    ),
  );
  expect(path).toEqual({
    type: 'relay',
    local: 'relay',
    remote: 'srflx',
    protocol: 'udp',
    relayProtocol: 'tcp',
    rttMs: 12.3,
  });
});

test.each([
  ['host', 'host', 'host'],
  ['host', 'srflx', 'srflx'],
  ['prflx', 'host', 'prflx'],
  ['srflx', 'prflx', 'prflx'],
  ['host', 'relay', 'relay'],
] as const)('local %s and remote %s make %s', (local, remote, type) => {
  const path = connectionPathOf(
    report(TRANSPORT, pair(), candidate('L', local), candidate('R', remote)),
  );
  expect(path).toMatchObject({ type, local, remote, rttMs: null });
});

test('without transport statistics the nominated pair that works counts', () => {
  const path = connectionPathOf(
    report(
      { ...pair({ nominated: true, state: 'failed' }), id: 'F', localCandidateId: 'L2' },
      pair({ nominated: true, state: 'succeeded' }),
      candidate('L', 'host', { protocol: 'tcp' }),
      candidate('L2', 'relay'),
      candidate('R', 'host'),
    ),
  );
  expect(path).toMatchObject({ type: 'host', protocol: 'tcp' });
});

test('no pair, no candidate or an unknown type gives null', () => {
  expect(connectionPathOf(report())).toBeNull();
  expect(connectionPathOf(report(TRANSPORT))).toBeNull();
  expect(connectionPathOf(report(TRANSPORT, pair(), candidate('L', 'host')))).toBeNull();
  expect(
    connectionPathOf(report(TRANSPORT, pair(), candidate('L', 'warp'), candidate('R', 'host'))),
  ).toBeNull();
});

test('the round trip alone makes no other path', () => {
  const host = { type: 'host', local: 'host', remote: 'host', protocol: 'udp', rttMs: 1 } as const;
  expect(samePath(host, { ...host, rttMs: 9 })).toBe(true);
  expect(samePath(host, { ...host, remote: 'prflx' })).toBe(false);
  expect(samePath(host, null)).toBe(false);
  expect(samePath(null, null)).toBe(true);
});
