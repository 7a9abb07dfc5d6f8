// RFC 8656 s9, s10: permissions, and CreatePermission, which installs all of its peers or none.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ADDITIONAL_6,
  CREATE_PERMISSION,
  FAMILY_6,
  peer,
  receivedBy,
  TurnClient,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import type { AttributeSource } from '../support/turn/message.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { address, allDrops, drops } from '../support/turn/world.ts';

const XOR_PEER = 0x0012;
const DENIED = address('10.0.0.1', 5000);

onEveryTransport('RFC 8656 s9: an unpermitted peer reaches nobody', async (world) => {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  host.send(Buffer.from('hello'), relayed);
  expect(await client.relayedToMe()).toEqual([]);
  expect(await drops(world, 'no-permission')).toBe(1);
});

onEveryTransport(
  'RFC 8656 s9: a permission lets its peer send, and the client answer',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    const { relayed } = await client.allocate();
    expect((await client.permit(host.address)).outcome).toBe('success');
    host.send(Buffer.from('hello'), relayed);
    client.sendTo(host.address, Buffer.from('hi'));
    expect(await client.relayedToMe()).toEqual([`data ${host.address.toString()} hello`]);
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} hi`]);
  },
);

onEveryTransport(
  'RFC 8656 s9: a permission is for an IP address, whatever the port',
  async (world) => {
    const client = await TurnClient.of(world);
    const [host, other] = [await world.endpoint(), await world.endpoint()];
    const { relayed } = await client.allocate();
    await client.permit(address(host.address.host, 1));
    host.send(Buffer.from('a'), relayed);
    expect(await client.relayedToMe()).toEqual([`data ${host.address.toString()} a`]);
    other.send(Buffer.from('b'), relayed);
    expect(await client.relayedToMe()).toEqual([`data ${other.address.toString()} b`]);
  },
);

onEveryTransport('RFC 8656 s10.1: the port of a CreatePermission may be 0', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate();
  expect((await client.permit(address('127.0.0.1', 0))).outcome).toBe('success');
});

onCore('RFC 8656 s9: a permission is for one IP address exactly', async (world) => {
  const client = await TurnClient.of(world);
  const { relayed } = await client.allocate();
  await client.permit(address('127.0.0.7'));
  for (const host of ['127.0.0.6', '127.0.0.8', '127.0.1.7', '126.0.0.7']) {
    world.endpointAt(host).send(Buffer.from('x'), relayed);
  }
  expect(await client.relayedToMe()).toEqual([]);
  expect(await drops(world, 'no-permission')).toBe(4);
});

onCore('RFC 8656 s9: permissions of one allocation say nothing about another', async (world) => {
  const [client, other] = [await TurnClient.of(world), await TurnClient.of(world)];
  await client.allocate();
  const { relayed } = await other.allocate();
  await client.permit(address('127.0.0.7'));
  world.endpointAt('127.0.0.7').send(Buffer.from('x'), relayed);
  expect(await other.relayedToMe()).toEqual([]);
});

onCore('RFC 8656 s9: a permission holds for 300 seconds, to the millisecond', async (world) => {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  await client.permit(host.address);
  world.advance(299_999);
  host.send(Buffer.from('in'), relayed);
  client.sendTo(host.address, Buffer.from('out'));
  expect(await client.relayedToMe()).toHaveLength(1);
  expect(await receivedBy(host)).toHaveLength(1);
  world.advance(1);
  host.send(Buffer.from('in'), relayed);
  client.sendTo(host.address, Buffer.from('out'));
  expect(await client.relayedToMe()).toEqual([]);
  expect(await receivedBy(host)).toEqual([]);
  expect(await drops(world, 'no-permission')).toBe(2);
});

for (const swept of [false, true]) {
  onCore(
    `RFC 8656 s9: CreatePermission and ChannelBind renew it, ${swept ? 'swept' : 'unswept'}`,
    async (world) => {
      const client = await TurnClient.of(world);
      const host = await world.endpoint();
      const { relayed } = await client.allocate();
      const seen = await inTurn(upTo(6), async (i) => {
        await (i % 2 === 0 ? client.permit(host.address) : client.bind(0x4000, host.address));
        world.advance(299_999);
        if (swept) world.sweep();
        host.send(Buffer.from('x'), relayed);
        const before = (await client.relayedToMe()).length;
        world.advance(1);
        if (swept) world.sweep();
        host.send(Buffer.from('x'), relayed);
        const after = (await client.relayedToMe()).length;
        await client.refresh();
        return `${before} ${after}`;
      });
      expect(seen).toEqual(Array(6).fill('1 0'));
    },
  );
}

onEveryTransport(
  'RFC 8656 s11.2: sending does not refresh a permission of another peer, nor make one',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    await client.allocate();
    client.sendTo(host.address, Buffer.from('x'));
    client.sendTo(host.address, Buffer.from('x'));
    expect(await receivedBy(host)).toEqual([]);
    expect(await drops(world, 'no-permission')).toBe(2);
  },
);

onEveryTransport(
  'RFC 8656 s10.2: CreatePermission without XOR-PEER-ADDRESS is refused 400',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.request(CREATE_PERMISSION)).outcome).toBe('400');
  },
);

const INVALID: Record<string, AttributeSource> = {
  'an empty one': [XOR_PEER, []],
  'a family of 0': [XOR_PEER, [0, 0, 1, 2, 3, 4, 5, 6]],
  'a family of 3': [XOR_PEER, [0, 3, 1, 2, 3, 4, 5, 6]],
  'IPv4 in 20 bytes': [XOR_PEER, [0, 1, ...new Uint8Array(18)]],
  'IPv6 in 8 bytes': [XOR_PEER, [0, 2, 1, 2, 3, 4, 5, 6]],
  'a byte too few': [XOR_PEER, [0, 1, 1, 2, 3, 4, 5]],
  'a byte too many': [XOR_PEER, [0, 1, 1, 2, 3, 4, 5, 6, 7]],
};
for (const [what, attribute] of Object.entries(INVALID)) {
  onEveryTransport(
    `RFC 8656 s10.2: an invalid XOR-PEER-ADDRESS, ${what}, is refused 400 and none installed`,
    async (world) => {
      const client = await TurnClient.of(world);
      await client.allocate();
      const good = peer(address('127.0.0.1'));
      const outcomes = [
        await client.request(CREATE_PERMISSION, attribute),
        await client.request(CREATE_PERMISSION, good, attribute),
        await client.request(CREATE_PERMISSION, peer(DENIED), attribute),
        await client.request(CREATE_PERMISSION, peer(address('::1')), attribute),
      ];
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['400', '400', '400', '400']);
      client.sendTo(address('127.0.0.1', 5000), Buffer.from('x'));
      expect(await allDrops(world)).toEqual({ 'no-permission': 1 });
    },
  );
}

onEveryTransport(
  'RFC 8656 s10.2: a peer of another family is refused 443 and none installed',
  async (world) => {
    const client = await TurnClient.of(world);
    const six = await TurnClient.of(world);
    await client.allocate();
    await six.allocate(FAMILY_6);
    const [host4, host6] = [address('127.0.0.1', 5000), address('::1', 5000)];
    expect((await client.permit(host6)).outcome).toBe('443');
    expect((await client.permit(host4, host6)).outcome).toBe('443');
    expect((await six.permit(host6, host4)).outcome).toBe('443');
    expect((await six.permit(host6)).outcome).toBe('success');
    client.sendTo(host4, Buffer.from('x'));
    expect(await allDrops(world)).toEqual({ 'no-permission': 1 });
  },
);

onEveryTransport(
  'RFC 8656 s10.2: a dual allocation takes peers of both families',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate(ADDITIONAL_6);
    expect((await client.permit(address('127.0.0.1'), address('::1'))).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s10.2: one denied peer among allowed ones is refused 403 and none installed',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const allowed = address('127.0.0.1', 5000);
    expect((await client.permit(allowed, DENIED)).outcome).toBe('403');
    expect((await client.permit(DENIED, allowed)).outcome).toBe('403');
    client.sendTo(allowed, Buffer.from('x'));
    client.sendTo(DENIED, Buffer.from('x'));
    expect(await allDrops(world)).toEqual({ 'no-permission': 2 });
  },
);

onCore(
  'RFC 8656 s10.2: a refused CreatePermission does not refresh what there was',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const allowed = address('127.0.0.1', 5000);
    await client.permit(allowed);
    world.advance(200_000);
    expect((await client.permit(allowed, DENIED)).outcome).toBe('403');
    world.advance(100_000);
    client.sendTo(allowed, Buffer.from('x'));
    expect(await drops(world, 'no-permission')).toBe(1);
  },
);

onEveryTransport(
  'RFC 8656 s10.2: several peers in one request are all permitted, repeated ones once',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const hosts = upTo(50).map((i) => address(`127.0.0.${i + 1}`, i));
    expect((await client.permit(...hosts, ...hosts)).outcome).toBe('success');
    for (const host of hosts) client.sendTo(address(host.host, 9), Buffer.from('x'));
    expect(await allDrops(world)).toEqual({});
  },
);

const numbered = (i: number): TransportAddress => new TransportAddress().setV4(0x7f000100 + i, 0);

onCore(
  'RFC 8656 s10.2: permissions beyond the bound are refused 508, none installed',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const max = 1024;
    const first = await inTurn(upTo(max / 64), (i) =>
      client.permit(...upTo(64).map((n) => numbered(i * 64 + n))),
    );
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
    expect((await client.permit(numbered(max))).outcome).toBe('508');
    expect((await client.permit(numbered(0), numbered(max))).outcome).toBe('508');
    expect((await client.bind(0x4000, numbered(max + 1).setV4(0x7f00ffff, 5))).outcome).toBe('508');
    expect((await client.permit(...upTo(500).map(numbered))).outcome).toBe('success');
    client.sendTo(new TransportAddress().setV4(numbered(max).w0, 5), Buffer.from('x'));
    expect(await drops(world, 'no-permission')).toBe(1);
    world.advance(300_000);
    expect((await client.permit(numbered(max))).outcome).toBe('success');
  },
);

onCore(
  'RFC 8656 s10.2: one request with more peers than the bound is refused 508',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.permit(...upTo(1025).map(numbered))).outcome).toBe('508');
    expect((await client.permit(...upTo(5000).map(numbered))).outcome).toBe('508');
    expect((await client.permit(...upTo(1024).map(numbered))).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s10.2: a retransmitted CreatePermission is answered again',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const request = client.build(CREATE_PERMISSION, [peer(address('127.0.0.1'))]);
    expect((await client.exchange(request)).outcome).toBe('success');
    expect((await client.exchange(request)).outcome).toBe('success');
  },
);
