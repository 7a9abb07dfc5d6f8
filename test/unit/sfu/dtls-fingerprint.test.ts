import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { createDtlsContext } from '../../../sfu/dtls/context.ts';
import {
  decisiveFingerprints,
  formatFingerprint,
  isAnnounced,
  parseFingerprint,
} from '../../../sfu/dtls/fingerprint.ts';
import { FINGERPRINTS_MAX } from '../../../sfu/dtls/limits.ts';
import type { DtlsFingerprint } from '../../../sfu/dtls/fingerprint.ts';
import type { DtlsHash } from '../../../shared/native/dtls-session.ts';
import {
  CERTIFICATE_A,
  CERTIFICATE_B,
  crossed,
  DtlsEnd,
  exchange,
  fingerprintOf,
} from '../../support/sfu/dtls-end.ts';

const colons = (bytes: number, pair = 'AB'): string => Array(bytes).fill(pair).join(':');

describe('the fingerprint attribute', () => {
  it.each([
    ['sha-256', 32],
    ['sha-384', 48],
    ['sha-512', 64],
  ])('is read and written for %s', (hash, bytes) => {
    const text = `${hash} ${colons(bytes, '0F')}`;
    const parsed = parseFingerprint(text);
    expect(parsed?.hash).toBe(hash);
    expect(parsed?.digest).toEqual(Buffer.alloc(bytes, 0x0f));
    expect(formatFingerprint(parsed!.hash, parsed!.digest)).toBe(text);
    expect(parseFingerprint(text.toLowerCase())).toEqual(parsed);
    expect(parseFingerprint(text.toUpperCase())).toEqual(parsed);
  });

  it.each([
    ['sha-1', `sha-1 ${colons(20)}`],
    ['sha-224', `sha-224 ${colons(28)}`],
    ['md5', `md5 ${colons(16)}`],
    ['md2', `md2 ${colons(16)}`],
    ['sha-1 by name, sha-256 by length', `sha-1 ${colons(32)}`],
    ['a byte too few', `sha-256 ${colons(31)}`],
    ['a byte too many', `sha-256 ${colons(33)}`],
    ['one digit for a byte', `sha-256 ${colons(31)}:A`],
    ['other separators', `sha-256 ${colons(32).replaceAll(':', '-')}`],
    ['other digits', `sha-256 ${colons(31)}:GG`],
    ['no separators, the length right', `sha-256 ${'A'.repeat(95)}`],
    ['a line break at the end', `sha-256 ${colons(31)}:A\n`],
    ['two spaces', `sha-256  ${colons(32)}`],
    ['no hash function', colons(32)],
    ['a name of every object', `constructor ${colons(32)}`],
    ['nothing', ''],
    ['a megabyte', `sha-256 ${'AB:'.repeat(350_000)}`],
  ])('is refused with %s', (_title, text) => {
    expect(parseFingerprint(text)).toBeUndefined();
  });
});

const a = createDtlsContext(CERTIFICATE_A);
const b = createDtlsContext(CERTIFICATE_B);

afterAll(() => {
  a.free();
  b.free();
});

function fingerprint(hash: DtlsHash, ofWhom = CERTIFICATE_A): DtlsFingerprint {
  const digest = createHash(hash.replace('-', '')).update(ofWhom.certificate).digest();
  return { hash, digest };
}

/** The fingerprint with one bit other, at the end. */
function wrong({ hash, digest }: DtlsFingerprint): DtlsFingerprint {
  const other = Uint8Array.from(digest);
  other[other.length - 1]! ^= 1;
  return { hash, digest: other };
}

describe('which fingerprints count', () => {
  it('those of the strongest hash function, all of them', () => {
    const [two, three, five] = (['sha-256', 'sha-384', 'sha-512'] as const).map((hash) =>
      fingerprint(hash),
    ) as [DtlsFingerprint, DtlsFingerprint, DtlsFingerprint];
    expect(decisiveFingerprints([two, five, three, wrong(five)])).toEqual([five, wrong(five)]);
    expect(decisiveFingerprints([two, three])).toEqual([three]);
    expect(decisiveFingerprints([])).toEqual([]);
    expect(decisiveFingerprints(Array(FINGERPRINTS_MAX).fill(two))).toHaveLength(FINGERPRINTS_MAX);
    expect(decisiveFingerprints(Array(FINGERPRINTS_MAX + 1).fill(two))).toEqual([]);
    expect(isAnnounced(two.digest, [wrong(two), two, wrong(two)])).toBe(true);
    expect(isAnnounced(two.digest, [wrong(two), three])).toBe(false);
    expect(isAnnounced(two.digest, [])).toBe(false);
  });
});

const MATCHING: readonly [string, readonly DtlsFingerprint[]][] = [
  ['sha-256', [fingerprint('sha-256')]],
  ['sha-384', [fingerprint('sha-384')]],
  ['sha-512', [fingerprint('sha-512')]],
  ['the second of two', [fingerprint('sha-256', CERTIFICATE_B), fingerprint('sha-256')]],
  ['the stronger of two hash functions', [wrong(fingerprint('sha-256')), fingerprint('sha-512')]],
];

const OTHERS: readonly [string, readonly DtlsFingerprint[]][] = [
  ['one bit off', [wrong(fingerprint('sha-256'))]],
  ["another's", [fingerprint('sha-256', CERTIFICATE_B)]],
  ['the weaker of two hash functions', [fingerprint('sha-256'), wrong(fingerprint('sha-512'))]],
  ['a digest under a wrong name', [{ hash: 'sha-512', digest: fingerprint('sha-256').digest }]],
];

/** A handshake with a peer that is content; fingerprints are announced early or late. Ends it, and tells how it went. */
function meet(
  role: 'active' | 'passive',
  early: readonly DtlsFingerprint[],
  late: readonly DtlsFingerprint[],
): unknown {
  const checking = new DtlsEnd(b, role);
  const peer = new DtlsEnd(a, role === 'active' ? 'passive' : 'active');
  peer.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_B)]);
  checking.transport.setRemoteFingerprints(early);
  peer.transport.start(0);
  checking.transport.start(0);
  exchange(checking, peer);
  const atFirst = checking.transport.state;
  const keysAtFirst = checking.keys.length;
  checking.transport.setRemoteFingerprints(late);
  exchange(checking, peer);
  // Once it has its answer, an announcement changes nothing.
  const again = checking.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_B)]);
  const atLast = checking.transport.state;
  const told = checking.closed.map(({ reason }) => reason);
  const peerTold = peer.closed.map(({ reason }) => reason);
  checking.transport.close();
  peer.transport.close();
  const sessions = a.sessions + b.sessions;
  const shared = isDeepStrictEqual(checking.keys, [crossed(peer.keys[0])]);
  return { atFirst, keysAtFirst, again, atLast, shared, told, peerTold, sessions };
}

const CONNECTED = {
  again: false,
  atLast: 'connected',
  shared: true,
  told: [],
  peerTold: [],
  sessions: 0,
};
const REFUSED = {
  keysAtFirst: 0,
  again: false,
  atLast: 'closed',
  shared: false,
  told: ['fingerprint-mismatch'],
  peerTold: ['peer-closed'],
  sessions: 0,
};

describe.each(['active', 'passive'] as const)('the %s end', (role) => {
  it.each(MATCHING)('connects when told before the handshake: %s', (_title, announced) => {
    const how = meet(role, announced, []);
    expect(how).toEqual({ ...CONNECTED, atFirst: 'connected', keysAtFirst: 1 });
  });

  it.each(MATCHING)('keeps the keys until told after the handshake: %s', (_title, announced) => {
    const how = meet(role, [], announced);
    expect(how).toEqual({ ...CONNECTED, atFirst: 'verifying', keysAtFirst: 0 });
  });

  it.each(OTHERS)('refuses when told before the handshake: %s', (_title, announced) => {
    expect(meet(role, announced, [])).toEqual({ ...REFUSED, atFirst: 'closed' });
  });

  it.each(OTHERS)('refuses when told after the handshake: %s', (_title, announced) => {
    expect(meet(role, [], announced)).toEqual({ ...REFUSED, atFirst: 'verifying' });
  });

  it('says whether an announcement is of use', () => {
    const { transport } = new DtlsEnd(b, role);
    const right = fingerprint('sha-256');
    expect(transport.setRemoteFingerprints([])).toBe(false);
    expect(transport.setRemoteFingerprints(Array(FINGERPRINTS_MAX + 1).fill(right))).toBe(false);
    expect(transport.setRemoteFingerprints([right])).toBe(true);
  });
});
