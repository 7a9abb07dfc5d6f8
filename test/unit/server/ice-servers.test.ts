// The ICE servers that participants are handed: their URLs in every set-up, and credentials that TURN
// accepts.

import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../shared/clock.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import type { Settings } from '../../../shared/config/schema.ts';
import { PASSWORD_ALGORITHM_MD5 } from '../../../shared/stun/registry.ts';
import { iceServerMaker } from '../../../server/ice-servers.ts';
import { CredentialStore } from '../../../turn/credentials.ts';

const SECRET = 'a-turn-secret-for-this-test';
const clock: Clock = { monotonic: () => 0, wall: () => 1_700_000_000_123 };

function turn(over: Partial<Settings['turn']> = {}): Settings['turn'] {
  const config = loadConfig({ environment: {}, ipv6Loopback: true });
  return { ...config.turn, secrets: [SECRET], ...over };
}

function urls(over: Partial<Settings['turn']>, at: string[], host = ''): string[] {
  const { servers } = iceServerMaker(
    () => turn(over),
    () => at,
    clock,
  )('ann', host);
  return servers.flatMap((server) => server.urls);
}

const listeners = (): string[] => ['udp://127.0.0.1:3478'];

describe('URLs', () => {
  test('are STUN and TURN over UDP at every listener', () => {
    expect(urls({}, ['udp://127.0.0.1:3478', 'udp://[::1]:5000'])).toEqual([
      'stun:127.0.0.1:3478',
      'stun:[::1]:5000',
      'turn:127.0.0.1:3478?transport=udp',
      'turn:[::1]:5000?transport=udp',
    ]);
  });

  test('are TURN over TCP and TLS at those listeners, in the order of the configuration', () => {
    const at = [
      'tls://192.0.2.1:5349',
      'tcp://[::1]:3478',
      'udp://127.0.0.1:3478',
      'dtls://[::1]:5349',
    ];
    expect(urls({}, at)).toEqual([
      'stun:127.0.0.1:3478',
      'turns:192.0.2.1:5349?transport=tcp',
      'turn:[::1]:3478?transport=tcp',
      'turn:127.0.0.1:3478?transport=udp',
    ]);
  });

  test('name the public address behind a NAT', () => {
    const relay = {
      addresses: ['10.0.0.5'],
      external: { '10.0.0.5': '192.0.2.10' },
      ports: '2000-3000',
    };
    expect(urls({ relay }, ['udp://10.0.0.5:3478'])).toEqual([
      'stun:192.0.2.10:3478',
      'turn:192.0.2.10:3478?transport=udp',
    ]);
  });

  test('are the advertised ones where there are any', () => {
    const advertise = ['turn:turn.example.org', 'stun:stun.example.org'];
    expect(urls({ advertise }, ['udp://127.0.0.1:3478']).toSorted()).toEqual(advertise.toSorted());
  });

  test.each([
    ['udp://0.0.0.0:3478', 'meet.example.org:7880', 'turn:meet.example.org:3478?transport=udp'],
    ['udp://0.0.0.0:3478', '192.0.2.1', 'turn:192.0.2.1:3478?transport=udp'],
    ['udp://[::]:3478', '[2001:db8::1]:7880', 'turn:[2001:db8::1]:3478?transport=udp'],
    ['udp://[::]:3478', 'localhost', 'turn:localhost:3478?transport=udp'],
    ['udp://[::]:3478', '192.0.2.1:80', 'turn:192.0.2.1:3478?transport=udp'],
    ['tls://[::]:443', 'meet.example.org', 'turns:meet.example.org:443?transport=tcp'],
  ])('of the wildcard %s are the host that was called: %s', (listener, host, expected) => {
    expect(urls({}, [listener], host)).toContain(expected);
  });

  test.each([
    ['udp://0.0.0.0:3478', '[2001:db8::1]'],
    ['udp://0.0.0.0:3478', ''],
    ['udp://0.0.0.0:3478', 'a b'],
    ['udp://0.0.0.0:3478', 'host?x=y'],
    ['udp://0.0.0.0:3478', 'user@host'],
    ['udp://0.0.0.0:3478', '[not-an-address]'],
    ['udp://0.0.0.0:3478', 'x'.repeat(300)],
  ])('of the wildcard %s are none when the host was %s', (listener, host) => {
    expect(urls({}, [listener], host)).toEqual([]);
  });

  test('of an IPv6 wildcard beside an IPv4 listener at its port are none for an IPv4 host', () => {
    const both = ['udp://[::]:3478', 'udp://198.51.100.1:3478'];
    expect(urls({}, both, '192.0.2.1:80').join(' ')).not.toContain('192.0.2.1');
  });

  test('are not repeated where two wildcards meet under one name', () => {
    const both = ['udp://0.0.0.0:3478', 'udp://[::]:3478'];
    expect(urls({}, both, 'meet.example.org')).toHaveLength(2);
  });
});

describe('credentials', () => {
  test('are accepted by the TURN server, until they expire after 12 hours', () => {
    const settings = turn();
    const { servers, expiresAt } = iceServerMaker(
      () => settings,
      listeners,
      clock,
    )('ann', 'localhost');
    const [stun, relay] = servers;
    expect(stun).toEqual({ urls: ['stun:127.0.0.1:3478'] });
    const password = createHmac('sha1', SECRET)
      .update(relay?.username ?? '')
      .digest('base64');
    expect(relay?.credential).toBe(password);
    expect(expiresAt).toBe(1_700_000_000_000 + 12 * 3_600_000);
    const store = new CredentialStore(settings, clock);
    const keysAt = (wall: number): number =>
      store.candidates(relay?.username ?? '', PASSWORD_ALGORITHM_MD5, wall, false).length;
    expect([keysAt(expiresAt - 1), keysAt(expiresAt)]).toEqual([1, 0]);
  });

  test('name nobody, but stay the same for one participant', () => {
    const make = iceServerMaker(() => turn(), listeners, clock);
    const name = (identity: string): string =>
      make(identity, '').servers.at(-1)?.username?.split(':')[1] ?? '';
    expect(name('ann')).toMatch(/^[\w-]{16}$/);
    expect(name('ann')).toBe(name('ann'));
    expect(name('ann')).not.toBe(name('bob'));
    expect(name('x'.repeat(128))).toHaveLength(16);
  });

  test('are made with the first of several secrets', () => {
    const make = iceServerMaker(() => turn({ secrets: ['new-secret', SECRET] }), listeners, clock);
    const { username = '', credential } = make('ann', '').servers[1] ?? { urls: [] };
    expect(credential).toBe(createHmac('sha1', 'new-secret').update(username).digest('base64'));
  });

  test('are not made without a secret: STUN only', () => {
    const make = iceServerMaker(() => turn({ secrets: [] }), listeners, clock);
    expect(make('ann', '').servers).toEqual([{ urls: ['stun:127.0.0.1:3478'] }]);
  });
});
