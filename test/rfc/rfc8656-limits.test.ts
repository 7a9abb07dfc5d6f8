// RFC 8656: what one client gets of the server, whatever it asks for. Permissions and channels of an allocation (s10.2,
// s12.2), new allocations of a network (s7.2), bandwidth (s21.3.1).
/* oxlint-disable vitest/no-standalone-expect -- onBoth and onCore are tests */

import { expect } from 'vitest';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  ALLOCATE,
  EVEN_PORT_RESERVE,
  receivedBy,
  REFRESH,
  reservationToken,
  TurnClient,
  UDP,
} from '../support/turn/client.ts';
import type { CoreWorld } from '../support/turn/core-world.ts';
import { onBoth, onCore } from '../support/turn/drivers.ts';
import { liveBytes } from '../support/turn/heap.ts';
import { inTurn, upTo } from '../support/turn/in-turn.ts';
import {
  address,
  allDrops,
  drops,
  OTHER_PASSWORD,
  OTHER_USER,
  type World,
} from '../support/turn/world.ts';

const TOKEN = 0x0022;
const OTHER = { username: OTHER_USER, password: OTHER_PASSWORD };

const loopback = (i: number): TransportAddress => new TransportAddress().setV4(0x7f000100 + i, 9);

onBoth(
  'RFC 8656 s10.2: permissions beyond turn.limits.permissions are refused 508, and those that stand are refreshed',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    expect((await client.permit(...upTo(3).map(loopback))).outcome).toBe('success');
    expect((await client.permit(loopback(3))).outcome).toBe('508');
    expect((await client.permit(loopback(0), loopback(3))).outcome).toBe('508');
    expect((await client.bind(0x4000, loopback(3))).outcome).toBe('508');
    expect((await client.permit(...upTo(3).map(loopback))).outcome).toBe('success');
    expect((await client.bind(0x4000, loopback(2))).outcome).toBe('success');
    const next = await TurnClient.of(world);
    await next.allocate();
    expect((await next.permit(loopback(3))).outcome).toBe('success');
  },
  { permissions: 3 },
);

onBoth(
  'RFC 8656 s12.2: channels beyond turn.limits.channels are refused 508, and those that stand are refreshed',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const bind = async (i: number): Promise<string> =>
      (await client.bind(0x4000 + i, address('127.0.0.1', 5000 + i))).outcome;
    expect(await inTurn([0, 1, 2, 0, 1, 3], bind)).toEqual([
      'success',
      'success',
      '508',
      'success',
      'success',
      '508',
    ]);
    expect((await client.permit(loopback(7))).outcome).toBe('success');
  },
  { channels: 2 },
);

const FLOOD = 70_000;
const AT_ONCE = 1000;

onCore(
  'RFC 8656 s10.2: 70,000 peers fill an allocation up to its bound and nothing beyond it',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    const peers = upTo(FLOOD).map(loopback);
    await client.permit(...peers.slice(0, AT_ONCE));
    await client.permit(...peers.slice(AT_ONCE, 1024));
    const before = liveBytes();
    const outcomes = await inTurn(upTo(FLOOD / AT_ONCE), (i) =>
      client.permit(...peers.slice(Math.max(1, i) * AT_ONCE, (Math.max(1, i) + 1) * AT_ONCE)),
    );
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['508']));
    expect(liveBytes() - before).toBeLessThan(1_000_000);
    expect((await client.permit(...peers.slice(0, 1024))).outcome).toBe('success');
    for (const each of [peers[0]!, peers[1023]!, peers[1024]!, peers[FLOOD - 1]!]) {
      client.sendTo(each, Buffer.from('x'));
    }
    expect(await allDrops(world)).toEqual({ 'no-permission': 2 });
  },
);

onCore(
  'RFC 8656 s9: at the bound each permission makes room when its own time is over, and not before',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    await client.bind(0x4000, loopback(0));
    await client.permit(loopback(1));
    world.advance(10_000);
    await client.permit(loopback(2));
    expect((await client.permit(loopback(3))).outcome).toBe('508');
    world.advance(289_999);
    expect((await client.permit(loopback(3))).outcome).toBe('508');
    world.advance(1);
    expect((await client.permit(loopback(3))).outcome).toBe('success');
    expect((await client.permit(loopback(4))).outcome).toBe('508');
    world.advance(10_000);
    expect((await client.permit(loopback(4))).outcome).toBe('success');
    expect((await client.permit(loopback(5))).outcome).toBe('508');
    // That of the channel is long over, and renewed with it as long as it is bound.
    expect((await client.bind(0x4000, loopback(0))).outcome).toBe('success');
    await client.refresh(3600);
    world.advance(3_000_000);
    expect((await client.permit(loopback(5), loopback(6), loopback(7))).outcome).toBe('success');
  },
  { permissions: 3 },
);

onCore(
  'RFC 8656 s9: at the bound short permissions make room, though a channel lasts much longer',
  async (world) => {
    const client = await TurnClient.of(world);
    await client.allocate();
    await client.bind(0x4000, loopback(0));
    const outcomes = await inTurn(upTo(5), async (i) => {
      const [one, two] = [loopback(2 * i + 1), loopback(2 * i + 2)];
      const { outcome } = await client.permit(one, two);
      const full = await client.permit(loopback(999));
      world.advance(10_000);
      return [outcome, full.outcome];
    });
    expect(outcomes).toEqual(upTo(5).map(() => ['success', '508']));
  },
  {
    permissions: 3,
    lifetimes: {
      allocation: 600_000,
      allocationMax: 600_000,
      permission: 10_000,
      channel: 3_600_000,
      nonce: 3_600_000,
    },
  },
);

onBoth(
  'RFC 8656 s7.2: a network that asks for more allocations a second than it may is refused 508',
  async (world) => {
    const clients = await inTurn(upTo(15), () => TurnClient.of(world));
    const outcomes = await inTurn(clients, async (client) => {
      const request = client.build(ALLOCATE, [UDP]);
      const [first, again] = [await client.exchange(request), await client.exchange(request)];
      return first.outcome === 'success' ? again.outcome : first.outcome;
    });
    // Two at once; a 15th would take as long as 6 s.
    expect(outcomes.slice(0, 2)).toEqual(['success', 'success']);
    expect(new Set(outcomes)).toEqual(new Set(['success', '508']));
    const six = await TurnClient.of(world, { family: 6 });
    expect((await six.request(ALLOCATE, UDP)).outcome).toBe('success');
  },
  { allocationsPerSecond: 2 },
);

onCore(
  'RFC 8656 s7.2: retransmissions and what asks for no new allocation do not count for its rate',
  async (world) => {
    const clients = await inTurn(upTo(3), () => TurnClient.of(world));
    const first = clients[0]!.build(ALLOCATE, [UDP]);
    const outcomes = [
      await clients[0]!.exchange(first),
      await clients[0]!.exchange(first),
      await clients[0]!.request(ALLOCATE, UDP),
      await clients[0]!.request(REFRESH),
      await clients[1]!.request(ALLOCATE),
      await clients[1]!.request(ALLOCATE, UDP),
      await clients[2]!.request(ALLOCATE, UDP),
    ].map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['success', 'success', '437', 'success', '400', 'success', '508']);
  },
  { allocationsPerSecond: 2 },
);

onCore(
  'RFC 8656 s7.2: the rate of allocations is that of a network, comes back with time, and counts reservations',
  async (world) => {
    const at = async (host: string): Promise<TurnClient> => {
      const client = new TurnClient(world.endpointAt(host), world.listener4);
      await client.challenge();
      return client;
    };
    const one = await at('198.51.100.1');
    const token = (await one.allocate(EVEN_PORT_RESERVE)).response.value(TOKEN);
    const loop = await inTurn(upTo(4), async () => {
      await one.refresh(0);
      return (await one.request(ALLOCATE, UDP)).outcome;
    });
    expect(loop).toEqual(['success', 'success', '508', '508']);
    const taker = await at('198.51.100.1');
    expect((await taker.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('508');
    const neighbour = await at('198.51.100.2');
    expect((await neighbour.request(ALLOCATE, UDP)).outcome).toBe('success');
    world.advance(334);
    expect((await taker.request(ALLOCATE, UDP, reservationToken(token))).outcome).toBe('success');
    expect((await one.request(ALLOCATE, UDP)).outcome).toBe('508');
    expect(world.events.created).toHaveLength(5);
  },
  { allocationsPerSecond: 3 },
);

/** 8 of them, and no 9th, are what a limit of 10,000 bytes a second lets through at once. */
const PAYLOAD = Buffer.alloc(8000, 'x');
const RATE = 10_000;
const AT_LEAST = 8;

/** An allocation with a channel to a peer, through which datagrams go both ways. */
async function session(world: World, options: { username?: string; password?: string } = {}) {
  const client = await TurnClient.of(world, options);
  const host = await world.endpoint();
  const { relayed } = await client.allocate();
  await client.bind(0x4000, host.address);
  return {
    client,
    /** How many of so many came through, out and back. */
    passed: async (out: number, back: number): Promise<number[]> => {
      for (let i = 0; i < out; i++) client.sendChannel(0x4000, PAYLOAD);
      const sent = (await receivedBy(host)).length;
      for (let i = 0; i < back; i++) host.send(PAYLOAD, relayed);
      return [sent, (await client.relayedToMe()).length];
    },
  };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

/** The rest of a burst on an engine whose time goes on: at 0.8 s for one more, the last is far away. */
async function expectLimited(world: World, passed: number, asked: number): Promise<void> {
  expect(passed).toBeGreaterThanOrEqual(AT_LEAST);
  expect(passed).toBeLessThan(asked);
  expect(await allDrops(world)).toEqual({ bandwidth: asked - passed });
}

onBoth(
  'RFC 8656 s21.3.1: an allocation relays what its limit lets through, both ways together, and drops the rest',
  async (world) => {
    const { passed, client } = await session(world);
    const [out, back] = await passed(5, 20);
    expect(out).toBe(5);
    await expectLimited(world, out! + back!, 25);
    expect((await client.refresh()).outcome).toBe('success');
  },
  { bandwidth: { perAllocation: RATE } },
);

onBoth(
  'RFC 8656 s21.3.1: the allocations of one user share its limit, and no other user does',
  async (world) => {
    const sessions = [await session(world), await session(world)];
    const ours = (await inTurn(sessions, ({ passed }) => passed(6, 6))).map(sum);
    expect(ours[0]).toBeGreaterThanOrEqual(AT_LEAST);
    await expectLimited(world, sum(ours), 24);
    expect(sum(await (await session(world, OTHER)).passed(4, 4))).toBe(8);
  },
  { bandwidth: { perUser: RATE } },
);

onBoth(
  'RFC 8656 s21.3.1: all allocations share the total',
  async (world) => {
    const sessions = [await session(world), await session(world, OTHER)];
    const all = (await inTurn(sessions, ({ passed }) => passed(6, 6))).map(sum);
    await expectLimited(world, sum(all), 24);
  },
  { bandwidth: { total: RATE } },
);

onCore(
  'RFC 8656 s21.3.1: Send and Data indications and empty datagrams count, and time brings the limit back',
  async (world: CoreWorld) => {
    const client = await TurnClient.of(world);
    const host = world.endpointAt('127.0.0.9');
    const { relayed } = await client.allocate();
    await client.permit(host.address);
    const through = async (payload: Uint8Array): Promise<number[]> => {
      for (let i = 0; i < 2500; i++) client.sendTo(host.address, payload);
      const out = (await host.rest()).length;
      for (let i = 0; i < 2500; i++) host.send(payload, relayed);
      return [out, (await client.endpoint.rest()).length];
    };
    // 65,536 / 28 with the headers of IP and UDP.
    expect(await through(Buffer.alloc(0))).toEqual([2340, 0]);
    expect(await drops(world, 'bandwidth')).toBe(2660);
    world.advance(1000);
    // 10,016 / 1028.
    expect(await through(Buffer.alloc(1000))).toEqual([9, 0]);
    world.advance(60_000);
    host.send(PAYLOAD, relayed);
    expect(await client.relayedToMe()).toHaveLength(1);
    expect(await through(Buffer.alloc(1000))).toEqual([55, 0]);
  },
  { bandwidth: { perAllocation: RATE } },
);

onCore(
  'RFC 8656 s21.3.1: what is dropped for one limit is not taken off another',
  async (world: CoreWorld) => {
    const [first, second] = [await session(world), await session(world)];
    // The user has 12 of them, an allocation 8.
    expect(await first.passed(20, 0)).toEqual([8, 0]);
    expect(await second.passed(20, 0)).toEqual([4, 0]);
    world.advance(1000);
    expect(await second.passed(20, 0)).toEqual([5, 0]);
    expect(await first.passed(20, 0)).toEqual([1, 0]);
  },
  { bandwidth: { perAllocation: RATE, perUser: 100_000 } },
);

onBoth('RFC 8656 s21.3.1: without limits nothing is dropped for one', async (world) => {
  const { passed } = await session(world);
  expect(await passed(30, 30)).toEqual([30, 30]);
  expect(await allDrops(world)).toEqual({});
});
