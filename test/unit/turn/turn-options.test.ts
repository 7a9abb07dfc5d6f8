// What the media worker makes of the configuration for the TURN core.

import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { settingsSchema } from '../../../shared/config/schema.ts';
import {
  checkRelayPorts,
  commonsOptions,
  listenerAddresses,
  turnOptions,
  datagramListeners,
} from '../../../server/media/turn-options.ts';
import type { TurnOptions } from '../../../turn/index.ts';
import { Commons } from '../../../turn/index.ts';

const settings = (turn: Record<string, unknown>) => settingsSchema.parse({ turn }).turn;

function optionsOf(turn: Record<string, unknown>): TurnOptions {
  const parsed = settings(turn);
  const commons = new Commons(Commons.memory(commonsOptions(parsed, 1)), 0);
  return turnOptions(parsed, systemClock, commons);
}

it('makes milliseconds, words and numbers of the defaults', () => {
  const options = optionsOf({});
  expect(options.lifetimes).toEqual({
    allocation: 600_000,
    allocationMax: 3_600_000,
    permission: 300_000,
    channel: 600_000,
    nonce: 3_600_000,
  });
  expect(options).toMatchObject({
    quotaPerUser: 128,
    perAllocation: { permissions: 1024, channels: 1024, bandwidth: 0 },
    channelNumberMax: 0x4fff,
    mobility: true,
    alternateServers: [],
    redirect: 'draining',
  });
});

it('makes addresses of the alternate servers', () => {
  const options = optionsOf({
    mobility: false,
    redirect: 'always',
    alternateServers: ['192.0.2.7:3478', '[2001:db8::7]:5000'],
  });
  expect(options.alternateServers.map(String)).toEqual(['192.0.2.7:3478', '[2001:db8::7]:5000']);
  expect(options).toMatchObject({ mobility: false, redirect: 'always' });
});

it('pairs each relay address with its external one', () => {
  const relay = {
    addresses: ['127.0.0.1', '::1'],
    external: { '127.0.0.1': '203.0.113.5' },
    ports: '50000-50009',
  };
  const { relays } = optionsOf({ relay });
  expect(relays.map(({ local, external }) => [local.host, external?.host])).toEqual([
    ['127.0.0.1', '203.0.113.5'],
    ['::1', undefined],
  ]);
});

it('tells what the workers share', () => {
  const relay = { addresses: ['127.0.0.1', '::1', '127.0.0.2'], ports: '50000-50009' };
  const quota = { total: 77, perUser: 7 };
  const limits = { bandwidth: { perAllocation: 10_000, perUser: 20_000, total: 30_000 } };
  expect(commonsOptions(settings({ relay, quota, limits }), 3)).toEqual({
    hosts: 3,
    ports: { first: 50_000, last: 50_009 },
    quotaTotal: 77,
    unauthorizedPerSecond: 10,
    allocationsPerSecond: 100,
    bandwidth: { perUser: 20_000, total: 30_000 },
    workers: 3,
  });
});

it('opens the legacy channels when told to', () => {
  expect(optionsOf({ legacyChannels: true }).channelNumberMax).toBe(0x7fff);
});

it('lists the listeners as they are written', () => {
  const listeners = ['udp://127.0.0.1:3478', 'udp://[::1]:3479'];
  const addresses = listenerAddresses(settings({ listeners })).map(String);
  expect(addresses).toEqual(['127.0.0.1:3478', '[::1]:3479']);
});

const udp = (listeners: readonly string[], natDiscovery: string): string[] =>
  datagramListeners(settings({ listeners, natDiscovery })).udp.map(({ address }) =>
    address.toString(),
  );

it('opens the listeners and no more without NAT discovery', () => {
  const listeners = ['udp://127.0.0.1:1001', 'udp://[::1]:1001'];
  expect(udp(listeners, '')).toEqual(['127.0.0.1:1001', '[::1]:1001']);
  expect(optionsOf({ listeners }).natDiscovery).toBeUndefined();
});

const dual = (listeners: readonly string[], natDiscovery = ''): boolean[] => {
  const { udp: plain, dtls } = datagramListeners(settings({ listeners, natDiscovery }));
  return [...plain, ...dtls].map(({ dualStack }) => dualStack);
};

it('opens the IPv6 wildcard for both families where no IPv4 socket wants its port', () => {
  expect(dual(['udp://[::]:1001', 'udp://127.0.0.1:1002'])).toEqual([true, false]);
  expect(dual(['udp://[::]:1001', 'udp://127.0.0.1:1001'])).toEqual([false, false]);
  const tls = [
    'dtls://[::]:1001',
    'udp://127.0.0.1:1001',
    'tcp://127.0.0.1:1003',
    'dtls://[::]:1003',
  ];
  expect(dual(tls)).toEqual([false, false, true]);
  // The four of NAT discovery are 127.0.0.1 and 127.0.0.2 at both ports.
  const discovering = ['udp://127.0.0.1:1001', 'udp://[::]:1002', 'udp://[::]:1003'];
  expect(dual(discovering, 'udp://127.0.0.2:1002').slice(0, 3)).toEqual([false, false, true]);
});

it('opens the missing combinations of NAT discovery behind the listeners, each once', () => {
  const alternate = 'udp://127.0.0.2:1002';
  const few = ['udp://[::1]:9', 'udp://127.0.0.1:1001'];
  expect(udp(few, alternate)).toEqual([
    '[::1]:9',
    '127.0.0.1:1001',
    '127.0.0.1:1002',
    '127.0.0.2:1001',
    '127.0.0.2:1002',
  ]);
  const most = ['udp://127.0.0.1:1001', alternate, 'udp://127.0.0.2:1001'];
  expect(udp(most, alternate)).toEqual([
    '127.0.0.1:1001',
    '127.0.0.2:1002',
    '127.0.0.2:1001',
    '127.0.0.1:1002',
  ]);
  const { natDiscovery } = optionsOf({ listeners: few, natDiscovery: alternate });
  expect([natDiscovery?.primary, natDiscovery?.alternate].map(String)).toEqual([
    '127.0.0.1:1001',
    '127.0.0.2:1002',
  ]);
});

it('forbids every address of this machine that a wildcard listener answers at', () => {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  for (const [listeners, families, beside] of [
    [['udp://0.0.0.0:3478'], ['IPv4'], 0],
    [['tcp://[::]:3478'], ['IPv4', 'IPv6'], 0],
    [['udp://[::]:3478', 'dtls://192.0.2.1:3478'], ['IPv6'], 1],
  ] as const) {
    const { forbiddenPeers } = optionsOf({ listeners: [...listeners] });
    const expected = own.filter(({ family }) => (families as readonly string[]).includes(family));
    expect(forbiddenPeers).toHaveLength(expected.length + beside);
    expect(forbiddenPeers.every(({ port }) => port === 3478)).toBe(true);
  }
});

it('forbids what else the process listens at, plainly named and behind wildcards', () => {
  const parsed = settings({ listeners: ['tcp://192.0.2.1:3478', 'tls://[2001:db8::1]:5349'] });
  const commons = new Commons(Commons.memory(commonsOptions(parsed, 1)), 0);
  const services = [
    { host: '192.0.2.1', port: 7881 },
    { host: '0.0.0.0', port: 7880 },
  ];
  const { forbiddenPeers } = turnOptions(parsed, systemClock, commons, services);
  const forbidden = forbiddenPeers.map(String);
  expect(forbidden.slice(0, 3)).toEqual(['192.0.2.1:3478', '[2001:db8::1]:5349', '192.0.2.1:7881']);
  expect(forbidden).toContain('127.0.0.1:7880');
  expect(forbidden).not.toContain('0.0.0.0:7880');
});

it('takes as many shared relay ports as every worker can have, and names the key where there are fewer', () => {
  expect(optionsOf({}).sharedPorts).toBe(0);
  expect(optionsOf({ relayPortsPerWorker: 8 }).sharedPorts).toBe(8);
  const shared = settings({ relayPortsPerWorker: 8, relay: { ports: '50000-50023' } });
  checkRelayPorts(shared, 3);
  expect(() => checkRelayPorts(shared, 4)).toThrow(
    'turn.relayPortsPerWorker: 4 workers can have 6 each of the 24 in turn.relay.ports; correct one of the two',
  );
});

it('draws relay ports below the bound it is given', () => {
  const { random } = optionsOf({});
  const draws = Array.from({ length: 300 }, () => random(7));
  expect(new Set(draws)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
});
