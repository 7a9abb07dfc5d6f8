// RFC 8656 s21: whom a client may reach through the server: never what only the server can reach, never the
// server itself, and other clients through their relays.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ADDITIONAL_6,
  ALLOCATE,
  FAMILY_6,
  receivedBy,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import type { CoreWorld } from '../support/turn/core-world.ts';
import { onBoth, onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { mobile, show } from '../support/turn/mobile.ts';
import {
  address,
  allDrops,
  drops,
  type Endpoint,
  relayOn,
  type World,
} from '../support/turn/world.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Relays on public addresses, and no list: what a server does that nobody configured. */
const PUBLIC = {
  relays: [relayOn('198.41.0.10'), relayOn('2600:1f18::10')],
  peers: { allow: [], deny: [] },
};

async function refusals(world: World, host: string): Promise<string> {
  const client = await TurnClient.of(world);
  const family = address(host).family;
  await client.allocate(...(family === 6 ? [FAMILY_6] : []));
  const permitted = await client.permit(address(host, 5000));
  const bound = await client.bind(0x4000, address(host, 5000));
  client.sendTo(address(host, 5000), bytes('x'));
  client.sendChannel(0x4000, bytes('x'));
  const dropped = Object.keys(await allDrops(world))
    .toSorted()
    .join(' ');
  await client.refresh(0);
  return `${permitted.outcome} ${bound.outcome} ${dropped}`;
}

const CLASSES: Record<string, string[]> = {
  loopback: ['127.0.0.1', '127.9.9.9', '127.255.255.255', '::1'],
  'the unspecified address': ['0.0.0.0', '0.1.2.3', '::'],
  'private networks': [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.1.1',
    'fd00::1',
    'fc00::1',
  ],
  'shared and link-local addresses': ['100.64.0.1', '169.254.1.1', 'fe80::1', 'fec0::1'],
  'cloud metadata': [
    '169.254.169.254',
    '100.100.100.200',
    '192.0.0.192',
    'fd00:ec2::254',
    '168.63.129.16',
  ],
  'multicast and broadcast': [
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    'ff02::1',
    'ff0e::1',
  ],
  'reserved networks': [
    '240.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '203.0.113.1',
    '2001:db8::1',
    '100::1',
  ],
  'IPv4 inside IPv6, mapped': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8'],
  'IPv4 inside IPv6, compatible': ['::127.0.0.1', '::8.8.8.8'],
  'IPv4 inside IPv6, translated': ['::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1'],
  'tunnels, Teredo and 6to4': [
    '2001::1',
    '2001:0:1:2:3:4:80ff:fffe',
    '2002:7f00:1::1',
    '2002:808:808::1',
  ],
};
for (const [what, hosts] of Object.entries(CLASSES)) {
  onCore(
    `RFC 8656 s21.2: ${what}: refused 403 by default, and nothing is sent there`,
    async (world) => {
      const outcomes = await inTurn(hosts, (host) => refusals(world, host));
      expect(outcomes).toEqual(hosts.map(() => '403 403 no-channel no-permission'));
      expect(hosts.map((host) => world.engine.inbox(address(host, 5000)).length)).toEqual(
        hosts.map(() => 0),
      );
    },
    PUBLIC,
  );
}

onCore(
  'RFC 8656 s21.2: public addresses of both families are peers by default',
  async (world) => {
    const hosts = ['8.8.8.8', '1.1.1.1', '223.255.255.254', '2001:4860:4860::8888', '2a00::1'];
    const outcomes = await inTurn(hosts, async (host) =>
      (await refusals(world, host)).slice(0, 15),
    );
    expect(outcomes).toEqual(hosts.map(() => 'success success'));
    const got = hosts.map((host) => world.engine.inbox(address(host, 5000)).length);
    expect(got).toEqual(hosts.map(() => 2));
  },
  PUBLIC,
);

onCore(
  'RFC 8656 s21.2: an allow list opens what it names, a deny list closes what it names and is stronger',
  async (world) => {
    const verdicts = await inTurn(
      ['10.1.0.1', '10.1.2.3', '10.2.0.1', '8.8.8.8', '8.8.4.4', 'fd00::5', 'fd00::6'],
      async (host) => `${host} ${(await refusals(world, host)).slice(0, 3)}`,
    );
    expect(verdicts).toEqual([
      '10.1.0.1 suc',
      '10.1.2.3 403',
      '10.2.0.1 403',
      '8.8.8.8 403',
      '8.8.4.4 suc',
      'fd00::5 suc',
      'fd00::6 403',
    ]);
  },
  { ...PUBLIC, peers: { allow: ['10.1.0.0/16', 'fd00::5'], deny: ['10.1.2.0/24', '8.8.8.8'] } },
);

onCore(
  'RFC 8656 s21.2: an allow list of all IPv6 opens no IPv4 that is denied',
  async (world) => {
    const hosts = ['::ffff:127.0.0.1', '::7f00:1', '::ffff:0:a00:1', '64:ff9b::a9fe:a9fe'];
    const outcomes = await inTurn([...hosts, '64:ff9b:1::a00:1'], (host) => refusals(world, host));
    expect(outcomes).toEqual(Array(5).fill('403 403 no-channel no-permission'));
    expect((await refusals(world, '64:ff9b::808:808')).slice(0, 7)).toBe('success');
  },
  { ...PUBLIC, peers: { allow: ['::/0'], deny: [] } },
);

onCore(
  'RFC 8656 s21.4: Teredo and 6to4 are no peers, whatever the allow list says',
  async (world) => {
    const hosts = ['2002:808:808::1', '2001:0:808:808:0:0:f7f7:f7f7', '2600::200:5efe:808:808'];
    const outcomes = await inTurn(hosts, (host) => refusals(world, host));
    expect(outcomes).toEqual(Array(3).fill('403 403 no-channel no-permission'));
  },
  { ...PUBLIC, peers: { allow: ['::/0', '2002::/16', '2001::/32'], deny: [] } },
);

onCore(
  'RFC 8656 s21.4: an Allocate from a Teredo or 6to4 address is refused 403',
  async (world) => {
    const outcomes = await inTurn(
      ['2002:808:808::1', '2001:0:808:808::f7f7:f7f7'],
      async (host) => {
        const client = new TurnClient(world.endpointAt(host), world.listener6);
        await client.challenge();
        return (await client.request(ALLOCATE, UDP)).outcome;
      },
    );
    expect(outcomes).toEqual(['403', '403']);
  },
);

onCore(
  'RFC 8656 s21.4: an allocation does not move to a Teredo or 6to4 address, either: 403',
  async (world) => {
    const { ticket } = await mobile(world);
    const client = new TurnClient(world.endpointAt('2002:808:808::1'), world.listener6);
    await client.challenge();
    expect((await show(client, ticket)).outcome).toBe('403');
    expect((await show(await TurnClient.of(world), ticket)).outcome).toBe('success');
  },
);

const PRIVATE_RELAYS = { peers: { allow: [], deny: [] } };

onEveryTransport(
  'RFC 8656 s21.2: a loopback peer that is no relay gets nothing, with a permission for its address too',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    const { relayed } = await client.allocate();
    expect((await client.permit(address('127.9.9.9'))).outcome).toBe('403');
    expect((await client.permit(host.address)).outcome).toBe('success');
    expect((await client.bind(0x4000, host.address)).outcome).toBe('403');
    client.sendTo(host.address, bytes('x'));
    host.send(bytes('y'), relayed);
    expect(await receivedBy(host)).toEqual([]);
    expect(await client.relayedToMe()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'forbidden-peer': 2 });
  },
  PRIVATE_RELAYS,
);

async function pairOfClients(world: World) {
  const [a, b] = [await TurnClient.of(world), await TurnClient.of(world)];
  const [relayA, relayB] = [(await a.allocate()).relayed, (await b.allocate()).relayed];
  expect((await a.permit(relayB)).outcome).toBe('success');
  expect((await b.permit(relayA)).outcome).toBe('success');
  return { a, b, relayA, relayB };
}

for (const external of [undefined, '203.0.113.5']) {
  const options = {
    relays: [relayOn('127.0.0.1', external), relayOn('::1')],
    peers: { allow: [], deny: [] },
  };
  const what = external === undefined ? 'their addresses' : 'their external addresses';
  onEveryTransport(
    `RFC 8656 s11: two clients of this server reach one another through their relays, by ${what}`,
    async (world) => {
      const { a, b, relayA, relayB } = await pairOfClients(world);
      expect(relayA.host).toBe(external ?? '127.0.0.1');
      a.sendTo(relayB, bytes('to b'));
      expect(await b.relayedToMe()).toEqual([`data ${relayA.toString()} to b`]);
      expect((await b.bind(0x4000, relayA)).outcome).toBe('success');
      b.sendChannel(0x4000, bytes('to a'));
      expect(await a.relayedToMe()).toEqual([`data ${relayB.toString()} to a`]);
      a.sendTo(relayB, bytes('again'));
      expect(await b.relayedToMe()).toEqual(['channel 0x4000 again']);
    },
    options,
  );
  onEveryTransport(
    `RFC 8656 s21.2: a relay that is gone is no peer any more, by ${what}`,
    async (world) => {
      const { a, b, relayB } = await pairOfClients(world);
      expect((await a.bind(0x4000, relayB)).outcome).toBe('success');
      await b.refresh(0);
      a.sendTo(relayB, bytes('x'));
      a.sendChannel(0x4000, bytes('x'));
      expect(await allDrops(world)).toEqual({ 'forbidden-peer': 2 });
      expect((await a.bind(0x4001, address(relayB.host, 9))).outcome).toBe('403');
    },
    options,
  );
}

onEveryTransport(
  'RFC 8656 s12.2: the external and the internal address of a relay are one peer',
  async (world) => {
    const { a, relayB } = await pairOfClients(world);
    const inside = address('127.0.0.1', relayB.port);
    expect((await a.bind(0x4000, relayB)).outcome).toBe('success');
    expect((await a.bind(0x4000, inside)).outcome).toBe('success');
    expect((await a.bind(0x4001, inside)).outcome).toBe('400');
  },
  { relays: [relayOn('127.0.0.1', '203.0.113.5')], peers: { allow: [], deny: [] } },
);

onEveryTransport(
  'RFC 8656 s18.5: behind a NAT the relayed address is the external one, and outside peers are as they are',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    const { response } = await client.allocate(ADDITIONAL_6);
    const [relay4, relay6] = response.addresses(0x0016);
    expect([relay4?.host, relay6?.host]).toEqual(['203.0.113.5', '2001:db8::5']);
    await client.permit(host.address);
    host.send(bytes('x'), address('127.0.0.1', relay4!.port));
    expect(await client.relayedToMe()).toEqual([`data ${host.address.toString()} x`]);
    expect(world.events.created[0]?.relayed).toEqual([relay4!.toString(), relay6!.toString()]);
  },
  {
    relays: [relayOn('127.0.0.1', '203.0.113.5'), relayOn('::1', '2001:db8::5')],
    peers: { allow: ['127.0.0.0/8'], deny: [] },
  },
);

async function isNoPeer(world: World, client: TurnClient, target: Endpoint['address']) {
  expect((await client.bind(0x4000, target)).outcome).toBe('403');
  expect((await client.permit(target)).outcome).toBe('success');
  const before = world.counters.received;
  client.sendTo(target, bytes('\0\x01\0\0'));
  expect(await drops(world, 'forbidden-peer')).toBe(1);
  expect(world.counters.received - before).toBe(1);
}

for (const [what, peers] of [
  ['by default', { allow: [], deny: [] }],
  ['whatever the allow list says', { allow: ['0.0.0.0/0', '::/0'], deny: [] }],
] as const) {
  onBoth(
    `RFC 8656 s21.1.7: a listener of the server is never a peer, ${what}`,
    async (world) => {
      const client = await TurnClient.of(world);
      await client.allocate(ADDITIONAL_6);
      await isNoPeer(world, client, world.listener4);
      expect((await client.bind(0x4001, world.listener6)).outcome).toBe('403');
    },
    { peers },
  );
}

onBoth(
  'RFC 8656 s21.1.7: a listener behind the external address of a relay is no peer either',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    await isNoPeer(world, client, address('203.0.113.5', world.listener4.port));
  },
  { relays: [relayOn('127.0.0.1', '203.0.113.5')] },
);

onBoth(
  'RFC 8656 s21.1.7: further addresses can be made no peers',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    await isNoPeer(world, client, address('127.0.0.1', 7880));
  },
  { forbiddenPeers: [address('127.0.0.1', 7880)] },
);

onEveryTransport(
  'RFC 8656 s21.1.7: a client that is its own peer gets its data back once, and no more',
  async (world) => {
    const client = await TurnClient.of(world);
    const { relayed } = await client.allocate();
    await client.permit(relayed);
    await client.bind(0x4000, relayed);
    client.sendChannel(0x4000, bytes('me'));
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 me']);
    await client.bind(0x4001, client.endpoint.address);
    client.sendChannel(0x4001, bytes('myself'));
    const raw = (await client.endpoint.rest()).map((each) => each.bytes.toString());
    expect(raw).toEqual(['myself']);
  },
);

async function spoofed(world: CoreWorld, method: 'refresh' | 'permit'): Promise<string> {
  const client = await TurnClient.of(world);
  await client.allocate();
  const password = client.password;
  client.password = 'guess';
  const response =
    method === 'refresh' ? await client.refresh(0) : await client.permit(address('127.0.0.1'));
  client.password = password;
  return response.outcome;
}

onCore(
  'RFC 8656 s21.1.3: faked refreshes and permissions are refused and change nothing',
  async (world) => {
    expect(await spoofed(world, 'refresh')).toBe('401 unsigned');
    expect(await spoofed(world, 'permit')).toBe('401 unsigned');
    expect(world.server.stats().allocations).toBe(2);
  },
);
