// RFC 8656 s8: Refresh, and how allocations end: by refresh to zero, by expiry, family by family in a dual
// allocation.
/* oxlint-disable vitest/no-standalone-expect -- the drivers are tests */

import { expect } from 'vitest';
import {
  ADDITIONAL_6,
  ALLOCATE,
  FAMILY_4,
  FAMILY_6,
  lifetime,
  receivedBy,
  REFRESH,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import { onCore, onEveryTransport } from '../support/turn/drivers.ts';
import { inTurn } from '../support/turn/in-turn.ts';
import { u8 } from '../support/turn/message.ts';
import { allDrops, drops, type World } from '../support/turn/world.ts';

const LIFETIME = 0x000d;
const XOR_RELAYED = 0x0016;

const DESIRED: [string, number | undefined, number][] = [
  ['none', undefined, 600],
  ['1', 1, 600],
  ['600', 600, 600],
  ['601', 601, 601],
  ['3600', 3600, 3600],
  ['3601', 3601, 3600],
  ['0xffffffff', 0xffffffff, 3600],
];
for (const [asked, seconds, granted] of DESIRED) {
  onEveryTransport(
    `RFC 8656 s8.2: a desired lifetime of ${asked} is answered ${granted}`,
    async (world) => {
      const client = await TurnClient.of(world);
      await client.allocate();
      const response = await client.refresh(seconds);
      expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', granted]);
    },
  );
}

onEveryTransport(
  'RFC 8656 s8.2: a malformed LIFETIME is refused 400 and changes nothing',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const outcomes = await inTurn([0, 1, 3, 5, 8], (length) =>
      client.request(REFRESH, [LIFETIME, new Uint8Array(length)]),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(5).fill('400'));
    expect(world.server.stats().allocations).toBe(1);
  },
);

onEveryTransport(
  'RFC 8656 s8.2: a lifetime of zero deletes the allocation, its socket and its quota',
  async (world) => {
    const client = await TurnClient.of(world);
    const before = world.counters.sockets;
    const { relayed } = await client.allocate(ADDITIONAL_6);
    expect(world.counters.sockets).toBe(before + 2);
    const response = await client.refresh(0);
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 0]);
    expect(world.counters.sockets).toBe(before);
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect(world.events.deleted).toMatchObject([{ user: 'user', reason: 'refreshed-to-zero' }]);
    expect(world.events.deleted[0]?.relayed[0]).toBe(relayed.toString());
  },
);

onEveryTransport('RFC 8656 s8.2: a retransmitted deletion is refused 437', async (world) => {
  const client = await TurnClient.of(world);
  await client.allocate();
  const request = client.build(REFRESH, [lifetime(0)]);
  expect((await client.exchange(request)).outcome).toBe('success');
  expect((await client.exchange(request)).outcome).toBe('437');
});

onEveryTransport(
  'RFC 8656 s8.2: once deleted, the 5-tuple may allocate again, and gets nothing of the old',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    await client.allocate();
    await client.permit(host.address);
    await client.bind(0x4000, host.address);
    await client.refresh(0);
    const { relayed } = await client.allocate();
    client.sendChannel(0x4000, Buffer.from('x'));
    client.sendTo(host.address, Buffer.from('x'));
    host.send(Buffer.from('y'), relayed);
    expect(await receivedBy(host)).toEqual([]);
    expect(await client.relayedToMe()).toEqual([]);
    expect(await allDrops(world)).toEqual({ 'no-channel': 1, 'no-permission': 2 });
  },
);

onCore(
  'RFC 8656 s6: an allocation lives until its lifetime is over, to the millisecond',
  async (world) => {
    const client = await TurnClient.of(world);
    const host = await world.endpoint();
    const { relayed } = await client.allocate();
    world.advance(599_999);
    await client.permit(host.address);
    await client.bind(0x4000, host.address);
    host.send(Buffer.from('in'), relayed);
    client.sendChannel(0x4000, Buffer.from('out'));
    expect(await client.relayedToMe()).toEqual(['channel 0x4000 in']);
    expect(await receivedBy(host)).toEqual([`${relayed.toString()} out`]);
    world.advance(1);
    host.send(Buffer.from('in'), relayed);
    client.sendChannel(0x4000, Buffer.from('out'));
    client.sendTo(host.address, Buffer.from('out'));
    expect(await client.relayedToMe()).toEqual([]);
    expect(await receivedBy(host)).toEqual([]);
    expect(await drops(world, 'no-allocation')).toBe(3);
    expect((await client.refresh()).outcome).toBe('437');
    expect((await client.allocate()).response.outcome).toBe('success');
  },
);

onCore('RFC 8656 s6: data does not refresh an allocation, permission or channel', async (world) => {
  const client = await TurnClient.of(world);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  await client.bind(0x4000, host.address);
  await inTurn(Array(6).keys(), async () => {
    world.advance(99_999);
    client.sendChannel(0x4000, Buffer.from('x'));
    host.send(Buffer.from('y'), relayed);
    await world.settle();
  });
  expect(await client.relayedToMe()).toEqual([
    'channel 0x4000 y',
    'channel 0x4000 y',
    'channel 0x4000 y',
  ]);
  world.advance(6);
  expect((await client.refresh()).outcome).toBe('437');
});

onCore(
  'RFC 8656 s6: an expired allocation frees its quota and its port with the next sweep',
  async (world) => {
    const client = await TurnClient.of(world);
    const before = world.counters.sockets;
    await client.allocate(ADDITIONAL_6);
    world.advance(600_000);
    world.sweep();
    expect(world.counters.sockets).toBe(before);
    expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
    expect(world.events.deleted).toMatchObject([{ reason: 'expired' }]);
  },
);

onCore(
  'RFC 8656 s8.2: a refresh sets the time anew, from the moment of the refresh',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate(lifetime(3600));
    world.advance(1000);
    await client.refresh(700);
    world.advance(699_999);
    world.sweep();
    expect((await client.permit(client.endpoint.address)).outcome).toBe('success');
    world.advance(1);
    expect((await client.permit(client.endpoint.address)).outcome).toBe('437');
  },
);

onEveryTransport(
  'RFC 8656 s8.2: REQUESTED-ADDRESS-FAMILY that the allocation has not is refused 443',
  async (world) => {
    const four = await TurnClient.of(world);
    const six = await TurnClient.of(world);
    await four.allocate();
    await six.allocate(FAMILY_6);
    const responses = [
      await four.refresh(0, FAMILY_6),
      await six.refresh(0, FAMILY_4),
      await four.refresh(undefined, u8(0x0017, 3)),
      await four.refresh(undefined, u8(0x0017, 0)),
    ];
    expect(responses.map(({ outcome }) => outcome)).toEqual(['443', '443', '443', '443']);
    expect(world.server.stats().allocations).toBe(2);
    expect((await four.refresh(0, FAMILY_4)).outcome).toBe('success');
  },
);

onEveryTransport(
  'RFC 8656 s18.6: a REQUESTED-ADDRESS-FAMILY of another length is refused 400 in Refresh',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.refresh(0, [0x0017, [1]])).outcome).toBe('400');
    expect(world.server.stats().allocations).toBe(1);
  },
);

async function dual(world: World) {
  const client = await TurnClient.of(world);
  const [host4, host6] = [await world.endpoint(4), await world.endpoint(6)];
  const { response } = await client.allocate(ADDITIONAL_6);
  const [relay4, relay6] = response.addresses(XOR_RELAYED);
  await client.permit(host4.address, host6.address);
  await client.bind(0x4004, host4.address);
  await client.bind(0x4006, host6.address);
  return { client, host4, host6, relay4: relay4!, relay6: relay6! };
}

onEveryTransport(
  'RFC 8656 s8.1: deleting one family leaves permissions and channels of the other alone',
  async (world) => {
    const { client, host4, host6, relay6 } = await dual(world);
    const before = world.counters.sockets;
    const response = await client.refresh(0, FAMILY_4);
    expect([response.outcome, response.u32(LIFETIME)]).toEqual(['success', 0]);
    expect(world.counters.sockets).toBe(before - 1);
    client.sendChannel(0x4004, Buffer.from('x'));
    client.sendTo(host4.address, Buffer.from('x'));
    client.sendChannel(0x4006, Buffer.from('six'));
    client.sendTo(host6.address, Buffer.from('sent'));
    host6.send(Buffer.from('back'), relay6);
    expect(await receivedBy(host4)).toEqual([]);
    const six = relay6.toString();
    expect(await receivedBy(host6)).toEqual([`${six} six`, `${six} sent`]);
    expect(await client.relayedToMe()).toEqual(['channel 0x4006 back']);
    expect((await client.permit(host4.address)).outcome).toBe('443');
    expect((await client.bind(0x4005, host4.address)).outcome).toBe('443');
    expect((await client.refresh(0, FAMILY_4)).outcome).toBe('443');
    expect((await client.request(ALLOCATE, UDP)).outcome).toBe('437');
    expect((await client.refresh(0, FAMILY_6)).outcome).toBe('success');
    expect(world.server.stats().allocations).toBe(0);
  },
);

onEveryTransport('RFC 8656 s8.1: a Refresh without family is for both', async (world) => {
  const { client } = await dual(world);
  expect((await client.refresh(0)).outcome).toBe('success');
  expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
  expect(world.counters.sockets).toBe(2);
});

onCore('RFC 8656 s6: each relay of a dual allocation has its own time-to-expiry', async (world) => {
  const { client, host4, host6, relay4, relay6 } = await dual(world);
  world.advance(400_000);
  expect((await client.refresh(undefined, FAMILY_6)).outcome).toBe('success');
  await client.permit(host4.address, host6.address);
  world.advance(199_999);
  host4.send(Buffer.from('four'), relay4);
  expect(await client.relayedToMe()).toEqual(['channel 0x4004 four']);
  world.advance(1);
  host4.send(Buffer.from('four'), relay4);
  host6.send(Buffer.from('six'), relay6);
  client.sendChannel(0x4004, Buffer.from('x'));
  expect(await client.relayedToMe()).toHaveLength(1);
  expect(await receivedBy(host4)).toEqual([]);
  expect((await client.refresh(undefined, FAMILY_4)).outcome).toBe('443');
  expect((await client.refresh()).outcome).toBe('success');
  expect(world.counters.sockets).toBe(3);
  world.advance(600_000);
  world.sweep();
  expect(world.counters.sockets).toBe(2);
});
