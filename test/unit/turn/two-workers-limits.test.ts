// The limits of two TURN servers of one process: what one may do at one worker it may not do again at the other.
/* oxlint-disable vitest/no-standalone-expect -- onTwo and onTwoCores are tests */

import { expect } from 'vitest';
import { mintRestCredential } from '../../../turn/index.ts';
import { ALLOCATE, receivedBy, TurnClient, UDP } from '../../support/turn/client.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import { onTwo, onTwoCores, settled } from '../../support/turn/two-workers.ts';
import { allDrops, OTHER_PASSWORD, OTHER_USER, type World } from '../../support/turn/world.ts';

const OTHER = { username: OTHER_USER, password: OTHER_PASSWORD };

/** 8 of them are what a limit of 10,000 bytes a second lets through at once. */
const PAYLOAD = Buffer.alloc(8000, 'x');
const RATE = 10_000;

/** How many of 10 datagrams to a peer come there. */
async function sends(world: World, options: { username?: string; password?: string } = {}) {
  const client = await TurnClient.of(world, options);
  const peer = await world.endpoint();
  await client.allocate();
  await client.bind(0x4000, peer.address);
  return async (): Promise<number> => {
    for (let i = 0; i < 10; i++) client.sendChannel(0x4000, PAYLOAD);
    return (await receivedBy(peer)).length;
  };
}

onTwo(
  'the bandwidth of a user is one at both workers, and his alone',
  async ({ a, b }) => {
    const first = await (await sends(a))();
    const second = await (await sends(b))();
    expect(first).toBeGreaterThanOrEqual(8);
    // What time brings meanwhile is no second burst.
    expect(second).toBeLessThan(8);
    expect(await allDrops(b)).toEqual({ bandwidth: 10 - second });
    expect(await (await sends(b, OTHER))()).toBeGreaterThanOrEqual(8);
  },
  { bandwidth: { perUser: RATE } },
);

onTwo(
  'the total bandwidth is that of both workers',
  async ({ a, b }) => {
    expect(await (await sends(a))()).toBeGreaterThanOrEqual(8);
    expect(await (await sends(b, OTHER))()).toBeLessThan(8);
  },
  { bandwidth: { total: RATE } },
);

onTwoCores(
  'what a client of one sends to a client of the other counts for both of them',
  async ({ a, b }) => {
    const [near, far] = [await TurnClient.of(a), await TurnClient.of(b, OTHER)];
    const [here, there] = [await near.allocate(), await far.allocate()];
    await near.bind(0x4000, there.relayed);
    await far.bind(0x4001, here.relayed);
    const exchange = async (from: TurnClient, channel: number, to: TurnClient): Promise<number> => {
      for (let i = 0; i < 10; i++) from.sendChannel(channel, PAYLOAD);
      await settled(a, b);
      return (await to.relayedToMe()).length;
    };
    expect(await exchange(near, 0x4000, far)).toBe(8);
    expect(await allDrops(a)).toEqual({ bandwidth: 2 });
    expect(await exchange(far, 0x4001, near)).toBe(0);
    expect(await allDrops(b)).toEqual({ bandwidth: 10 });
    const [sent, received] = [a.server.stats().traffic.udp, b.server.stats().traffic.udp];
    expect([sent.sentPackets, received.receivedPackets]).toEqual([8, 8]);
  },
  { bandwidth: { perUser: RATE } },
);

onTwoCores(
  'the rate of allocations of a network is over both workers',
  async ({ a, b }) => {
    const outcomes = await inTurn(upTo(6), async (i) => {
      const world = i % 2 === 0 ? a : b;
      const endpoint = world.endpointAt('198.51.100.1', 5000 + i);
      const client = new TurnClient(endpoint, world.listener4);
      await client.challenge();
      return (await client.request(ALLOCATE, UDP)).outcome;
    });
    expect(outcomes).toEqual([...upTo(4).map(() => 'success'), '508', '508']);
  },
  { allocationsPerSecond: 4 },
);

const SECRET = 'a shared secret';

onTwoCores(
  'the bandwidth has room for every user who has an allocation, however many have been',
  async ({ a, b }) => {
    const outcomes = await inTurn(upTo(20), async (i) => {
      const { username, credential: password } = mintRestCredential(SECRET, `${i}`, 4_000_000_000);
      const client = await TurnClient.of(i % 2 === 0 ? a : b, { username, password });
      const { outcome } = await client.request(ALLOCATE, UDP);
      await client.refresh(0);
      return outcome;
    });
    expect(new Set(outcomes)).toEqual(new Set(['success']));
  },
  { secrets: [SECRET], bandwidth: { perUser: RATE }, quota: { perUser: 2, total: 2 } },
);
