import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openssl } from '../../../shared/native/openssl.ts';
import { createDtlsContext } from '../../../sfu/dtls/context.ts';
import { HANDSHAKE_BYTES_MAX, HANDSHAKE_DATAGRAMS_MAX } from '../../../sfu/dtls/limits.ts';
import { AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 } from '../../../sfu/srtp/profile.ts';
import { DtlsTransport } from '../../../sfu/dtls/transport.ts';
import {
  CERTIFICATE_A,
  CERTIFICATE_B,
  contextOf,
  crossed,
  DtlsEnd,
  exchange,
  fingerprintOf,
  pairOf,
} from '../../support/sfu/dtls-end.ts';
import { CHROMIUM_CLIENT_HELLO } from './chromium-client-hello.ts';

const ALERT_RECORD = 21;
const HANDSHAKE_RECORD = 22;
const SERVER_HELLO = 2;
const MESSAGE_TYPE = 13;
/** The last byte of a record's sequence number. */
const RECORD_NUMBER = 10;

/** alert, DTLS 1.2, epoch 0, length 2: fatal, handshake_failure (RFC 5246 s7.2). Anybody could have sent it. */
const FATAL_ALERT = Uint8Array.of(21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40);

const a = createDtlsContext(CERTIFICATE_A);
const b = createDtlsContext(CERTIFICATE_B);
const onlyCm = contextOf(CERTIFICATE_B, { srtpProfiles: 'SRTP_AES128_CM_SHA1_80' });
const shortTag = contextOf(CERTIFICATE_B, { srtpProfiles: 'SRTP_AES128_CM_SHA1_32' });

afterAll(() => {
  // Throws if any test has left a session behind.
  for (const context of [a, b, onlyCm, shortTag]) context.free();
});

afterEach(() => {
  // The queue belongs to the thread: what is left in it would be taken for an error of Node's own.
  if (openssl().ERR_peek_error() !== 0) throw new Error('an error is left in the queue');
});

const closeBoth = (...ends: readonly DtlsEnd[]): void => {
  for (const { transport } of ends) transport.close();
};

describe('a handshake', () => {
  it('gives both ends the same keys, crosswise, for AES-GCM', () => {
    const { active, passive } = pairOf(a, b);
    exchange(active, passive);
    expect(active.transport.state).toBe('connected');
    expect(passive.transport.state).toBe('connected');
    const [keys] = passive.keys;
    expect(keys).toMatchObject({ profile: AEAD_AES_128_GCM });
    expect(keys?.local.key).toHaveLength(16);
    expect(keys?.local.salt).toHaveLength(12);
    expect(keys?.local.key).not.toEqual(keys?.remote.key);
    expect(active.keys).toEqual([crossed(keys)]);
    // No copy of them stays where OpenSSL wrote them.
    expect(b.input.bytes.subarray(0, 56).every((byte) => byte === 0)).toBe(true);
    expect(active.transport.nextTimeout()).toBe(Infinity);
    expect(passive.transport.nextTimeout()).toBe(Infinity);
    closeBoth(active, passive);
  });

  it.each(['active', 'passive'] as const)(
    'settles on AES-CM when the %s end knows no other',
    (role) => {
      const active = new DtlsEnd(role === 'active' ? onlyCm : a, 'active');
      const passive = new DtlsEnd(role === 'active' ? a : onlyCm, 'passive');
      for (const { transport } of [passive, active]) {
        transport.setRemoteFingerprints([
          fingerprintOf(CERTIFICATE_A),
          fingerprintOf(CERTIFICATE_B),
        ]);
        transport.start(0);
      }
      exchange(active, passive);
      expect(passive.keys).toMatchObject([{ profile: AES_CM_128_HMAC_SHA1_80 }]);
      expect(passive.keys[0]?.remote.salt).toHaveLength(14);
      expect(active.keys).toEqual([crossed(passive.keys[0])]);
      closeBoth(active, passive);
    },
  );

  it('takes what follows a repeated message in the same datagram', () => {
    const { active, passive } = pairOf(a, b);
    const hello = Uint8Array.from(active.sent[0]!);
    for (const datagram of active.sent.splice(0)) passive.receive(datagram, 0);
    for (const datagram of passive.sent.splice(0)) active.receive(datagram, 0);
    // As from a client whose timer has run out meanwhile: its ClientHello once more, in a record of its own.
    hello[RECORD_NUMBER] = 40;
    const flight = active.sent.splice(0);
    passive.receive(Buffer.concat([hello, ...flight]), 0);
    exchange(active, passive);
    expect(passive.transport.state).toBe('connected');
    expect(active.keys).toEqual([crossed(passive.keys[0])]);
    closeBoth(active, passive);
  });

  it('without a profile in common ends on both sides, and nobody has keys', () => {
    const { active, passive } = pairOf(a, shortTag);
    exchange(active, passive);
    expect(passive.closed).toEqual([{ reason: 'no-srtp-profile', detail: '' }]);
    expect(active.closed).toEqual([{ reason: 'no-srtp-profile', detail: '' }]);
    expect([...active.keys, ...passive.keys]).toEqual([]);
  });

  it('begins with start: nothing is sent, read or kept before', () => {
    const passive = new DtlsEnd(b, 'passive');
    passive.receive(CHROMIUM_CLIENT_HELLO[0]!, 0);
    expect(b.sessions).toBe(0);
    passive.transport.start(0);
    expect(b.sessions).toBe(0);
    const active = new DtlsEnd(a, 'active');
    expect(active.sent).toEqual([]);
    active.transport.start(0);
    expect(active.sent).toHaveLength(1);
    active.transport.start(0);
    expect(active.sent).toHaveLength(1);
    closeBoth(active, passive);
  });

  it.each([
    ['DTLS 1.2 and certificates of P-256', 1200, 2],
    ['flights cut to 300 bytes', 300, 3],
  ])('sends datagrams that fit: %s', (_title, datagramBytesMax, atLeast) => {
    const small = contextOf(CERTIFICATE_A, { datagramBytesMax });
    const other = contextOf(CERTIFICATE_B, { datagramBytesMax });
    const { active: one, passive: two } = pairOf(small, other);
    const seen: Uint8Array[][] = [[], []];
    while (one.sent.length + two.sent.length > 0) {
      for (const datagram of one.sent.splice(0)) {
        seen[0]!.push(datagram);
        two.receive(datagram, 0);
      }
      for (const datagram of two.sent.splice(0)) {
        seen[1]!.push(datagram);
        one.receive(datagram, 0);
      }
    }
    expect(one.keys).toEqual([crossed(two.keys[0])]);
    for (const flights of seen) {
      expect(flights.length).toBeGreaterThanOrEqual(atLeast);
      expect(Math.max(...flights.map(({ length }) => length))).toBeLessThanOrEqual(
        datagramBytesMax,
      );
      // The records fill the datagrams exactly.
      expect(flights.every(isWholeRecords)).toBe(true);
    }
    closeBoth(one, two);
    small.free();
    other.free();
  });
});

function isWholeRecords(datagram: Uint8Array): boolean {
  let at = 0;
  while (at + 13 <= datagram.length) at += 13 + ((datagram[at + 11]! << 8) | datagram[at + 12]!);
  return at === datagram.length;
}

describe("Chromium's ClientHello in two fragments", () => {
  const [first, second] = CHROMIUM_CLIENT_HELLO as [Uint8Array, Uint8Array];
  it.each([
    ['in order', [first, second]],
    ['in reverse', [second, first]],
    ['twice', [first, first, second, second]],
    ['in one datagram', [Uint8Array.from([...first, ...second])]],
  ])('is answered when it comes %s', (_title, datagrams) => {
    const passive = new DtlsEnd(b, 'passive');
    passive.transport.start(0);
    for (const datagram of datagrams) passive.receive(datagram, 0);
    expect(passive.closed).toEqual([]);
    const [flight] = passive.sent;
    expect(flight?.[0]).toBe(HANDSHAKE_RECORD);
    expect(flight?.[MESSAGE_TYPE]).toBe(SERVER_HELLO);
    expect(flight?.length).toBeLessThanOrEqual(1200);
    expect(passive.transport.nextTimeout()).toBeLessThanOrEqual(100);
    passive.transport.close();
  });

  it('with a fragment of no bytes ends in an alert, not in a loop', () => {
    const passive = new DtlsEnd(b, 'passive');
    passive.transport.start(0);
    // The record's length, then the fragment's (RFC 6347 s4.1, s4.2.2).
    const empty = Uint8Array.from(first.subarray(0, 25));
    empty.set([0, 12], 11);
    empty.set([0, 0, 0], 22);
    passive.receive(empty, 0);
    expect(passive.closed).toMatchObject([{ reason: 'handshake-failed' }]);
    expect(passive.sent.map(([type]) => type)).toEqual([ALERT_RECORD]);
  });

  it('is not answered when a fragment is missing', () => {
    const passive = new DtlsEnd(b, 'passive');
    passive.transport.start(0);
    for (let n = 0; n < 5; n++) passive.receive(first, 0);
    expect(passive.sent).toEqual([]);
    passive.transport.close();
  });
});

describe('closing', () => {
  it('is told to the peer, whose transport frees itself; neither listens afterwards', () => {
    const { active, passive } = pairOf(a, b);
    exchange(active, passive);
    active.transport.close();
    expect(active.sent).toHaveLength(1);
    const [notify] = active.sent;
    exchange(active, passive);
    expect(passive.closed).toEqual([{ reason: 'peer-closed', detail: '' }]);
    expect(active.closed).toEqual([]);
    expect([a.sessions, b.sessions]).toEqual([0, 0]);
    for (const end of [active, passive]) {
      end.receive(notify!, 0);
      end.receive(CHROMIUM_CLIENT_HELLO[0]!, 0);
      end.transport.handleTimeout(1e9);
      end.transport.start(0);
      end.transport.close();
      expect(end.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_A)])).toBe(false);
      expect(end.transport.nextTimeout()).toBe(Infinity);
      expect(end.sent).toEqual([]);
      expect(end.closed.length).toBeLessThan(2);
    }
  });

  it('works from within every callback', () => {
    for (const where of ['send', 'second send', 'connected'] as const) {
      for (const role of ['active', 'passive'] as const) {
        const other = new DtlsEnd(b, role === 'active' ? 'passive' : 'active');
        const sent: Uint8Array[] = [];
        const closed: string[] = [];
        let connected = 0;
        let sends = 0;
        const closing = new DtlsTransport(a, role, {
          send: (bytes, offset, length) => {
            sent.push(bytes.slice(offset, offset + length));
            sends++;
            if (where === 'send' || (where === 'second send' && sends === 2)) closing.close();
          },
          onConnected: () => {
            connected++;
            if (where === 'connected') closing.close();
          },
          onClosed: (reason) => closed.push(reason),
        });
        closing.setRemoteFingerprints([fingerprintOf(CERTIFICATE_B)]);
        other.transport.setRemoteFingerprints([fingerprintOf(CERTIFICATE_A)]);
        other.transport.start(0);
        closing.start(0);
        while (sent.length + other.sent.length > 0) {
          for (const datagram of other.sent.splice(0))
            closing.receive(datagram, 0, datagram.length, 0);
          for (const datagram of sent.splice(0)) other.receive(datagram, 0);
        }
        expect(closing.state).toBe('closed');
        expect(connected).toBe(where === 'connected' ? 1 : 0);
        expect(closed).toEqual([]);
        expect(a.sessions).toBe(0);
        other.transport.close();
      }
    }
  });

  it('is what a context insists on before it is freed', () => {
    const context = createDtlsContext(CERTIFICATE_A);
    const end = new DtlsEnd(context, 'active');
    end.transport.start(0);
    expect(() => context.free()).toThrow(/outlive/);
    end.transport.close();
    context.free();
    context.free();
  });
});

describe('bounds', () => {
  it('a handshake is given up after 30 s, in every state before the peer is known', () => {
    const waiting = new DtlsEnd(b, 'passive');
    waiting.transport.start(500);
    expect(waiting.transport.nextTimeout()).toBe(30_500);
    waiting.transport.handleTimeout(30_499);
    expect(waiting.closed).toEqual([]);
    waiting.transport.handleTimeout(30_500);
    expect(waiting.closed).toMatchObject([{ reason: 'timeout' }]);

    const { active, passive } = pairOf(a, b);
    const unverified = new DtlsEnd(b, 'passive');
    unverified.transport.start(0);
    exchange(active, unverified);
    expect(unverified.transport.state).toBe('verifying');
    expect(unverified.transport.nextTimeout()).toBe(30_000);
    unverified.transport.handleTimeout(30_000);
    expect(unverified.closed).toMatchObject([{ reason: 'timeout' }]);
    active.transport.handleTimeout(30_000);
    expect(active.closed).toEqual([]);
    closeBoth(active, passive);
    expect([a.sessions, b.sessions]).toEqual([0, 0]);
  });

  it.each([
    ['datagrams', 13, HANDSHAKE_DATAGRAMS_MAX],
    ['bytes', 4096, HANDSHAKE_BYTES_MAX / 4096],
  ])('more %s than a handshake takes end it', (_what, length, most) => {
    const passive = new DtlsEnd(b, 'passive');
    passive.transport.start(0);
    const junk = new Uint8Array(length).fill(0x16);
    for (let n = 0; n < most; n++) passive.receive(junk, 0);
    expect(passive.closed).toEqual([]);
    passive.receive(junk, 0);
    expect(passive.closed).toMatchObject([{ reason: 'flooded' }]);
    expect(b.sessions).toBe(0);
  });

  it('a connected transport does not count, and takes no harm from junk', () => {
    const { active, passive } = pairOf(a, b);
    exchange(active, passive);
    const junk = new Uint8Array(1200).fill(0x17);
    for (let n = 0; n < 3 * HANDSHAKE_DATAGRAMS_MAX; n++) passive.receive(junk, 0);
    passive.receive(FATAL_ALERT, 0);
    for (const fragment of CHROMIUM_CLIENT_HELLO) passive.receive(fragment, 0);
    expect(passive.sent).toEqual([]);
    expect(passive.transport.state).toBe('connected');
    active.transport.close();
    exchange(active, passive);
    expect(passive.closed).toEqual([{ reason: 'peer-closed', detail: '' }]);
  });

  it('datagrams that no record fits, or that no socket delivers, are ignored', () => {
    const passive = new DtlsEnd(b, 'passive');
    passive.transport.start(0);
    for (const length of [0, 1, 12, 18_446, 65_507]) passive.receive(new Uint8Array(length), 0);
    expect(passive.closed).toEqual([]);
    expect(b.sessions).toBe(0);
    passive.transport.close();
  });

  it('a fatal alert ends the handshake with its name', () => {
    const { active, passive } = pairOf(a, b);
    active.receive(FATAL_ALERT, 0);
    expect(active.closed).toMatchObject([{ reason: 'handshake-failed' }]);
    expect(active.closed[0]?.detail).toContain('handshake failure');
    passive.transport.close();
  });
});
