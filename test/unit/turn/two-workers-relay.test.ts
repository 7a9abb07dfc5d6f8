// Between the clients of two workers: data goes from the one server to the other without the kernel, and
// everything is as it would be through it.
/* oxlint-disable vitest/no-standalone-expect -- onTwo and onTwoCores are tests */

import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import {
  data,
  EVEN_PORT_RESERVE,
  FAMILY_6,
  peer,
  receivedBy,
  SEND_INDICATION,
  TurnClient,
} from '../../support/turn/client.ts';
import { message } from '../../support/turn/message.ts';
import { onTwo, onTwoCores, settled, type TwoWorkers } from '../../support/turn/two-workers.ts';
import { address, allDrops, relayOn } from '../../support/turn/world.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

interface Ends {
  readonly near: TurnClient;
  readonly far: TurnClient;
  /** The relayed addresses of the two, as their clients know them. */
  readonly nearAt: TransportAddress;
  readonly farAt: TransportAddress;
}

/** A client at each worker, the near one at the first. */
async function ends({ a, b }: Pick<TwoWorkers, 'a' | 'b'>): Promise<Ends> {
  const near = await TurnClient.of(a);
  const far = await TurnClient.of(b);
  const nearAt = (await near.allocate()).relayed;
  const farAt = (await far.allocate()).relayed;
  return { near, far, nearAt, farAt };
}

const circuited = ({ a, b }: TwoWorkers): number[] => [
  a.server.stats().shortCircuited,
  b.server.stats().shortCircuited,
];

/** Nothing but loopback relays may be reached, whose hosts are denied otherwise. */
const RELAYS_ONLY = { peers: { allow: [], deny: [] } };
const BEHIND_NAT = { relays: [relayOn('127.0.0.1', '203.0.113.5')], ...RELAYS_ONLY };

for (const [what, options, ways] of [
  ['from one worker to the other', {}, [2, 1]],
  ['where only relays may be reached', RELAYS_ONLY, [2, 1]],
  ['between external addresses', BEHIND_NAT, [2, 1]],
  ['through the kernel, to a worker that is no neighbour', { strangers: true }, [0, 0]],
  ['through the kernel, between external addresses', { strangers: true, ...BEHIND_NAT }, [0, 0]],
] as const) {
  onTwo(
    `data goes in both directions, by indication and by channel, ${what}`,
    async (two) => {
      const { near, far, nearAt, farAt } = await ends(two);
      await near.permit(farAt);
      await far.permit(nearAt);
      near.sendTo(farAt, bytes('one'));
      await settled(two.a, two.b);
      expect(await far.relayedToMe()).toEqual([`data ${nearAt.toString()} one`]);
      expect((await near.bind(0x4001, farAt)).outcome).toBe('success');
      near.sendChannel(0x4001, bytes('two'));
      await settled(two.a, two.b);
      expect(await far.relayedToMe()).toEqual([`data ${nearAt.toString()} two`]);
      expect((await far.bind(0x4002, nearAt)).outcome).toBe('success');
      far.sendChannel(0x4002, bytes('three'));
      await settled(two.a, two.b);
      expect(await near.relayedToMe()).toEqual(['channel 0x4001 three']);
      expect(circuited(two)).toEqual(ways);
      expect(two.handover.forwarded).toEqual(ways[0] === 0 ? [] : [1, 1, 0]);
      expect([await allDrops(two.a), await allDrops(two.b)]).toEqual([{}, {}]);
    },
    options,
  );
}

onTwo('every length arrives as it was sent, the empty one too', async (two) => {
  const { near, far, nearAt, farAt } = await ends(two);
  await near.bind(0x4000, farAt);
  await far.bind(0x4000, nearAt);
  for (const length of [0, 1, 3, 4, 1200, 9000]) {
    const payload = randomBytes(length);
    near.sendChannel(0x4000, payload);
    await settled(two.a, two.b);
    expect(await far.relayedToMe()).toEqual([`channel 0x4000 ${payload.toString('latin1')}`]);
  }
});

onTwo('IPv6 relays have neighbours as well', async (two) => {
  const near = await TurnClient.of(two.a, { family: 6 });
  const far = await TurnClient.of(two.b);
  const nearAt = (await near.allocate(FAMILY_6)).relayed;
  const farAt = (await far.allocate(FAMILY_6)).relayed;
  await near.permit(farAt);
  await far.permit(nearAt);
  near.sendTo(farAt, bytes('six'));
  await settled(two.a, two.b);
  expect(await far.relayedToMe()).toEqual([`data ${nearAt.toString()} six`]);
  expect(circuited(two)).toEqual([1, 0]);
});

describe('the far worker asks', () => {
  onTwoCores('for a permission, which may expire', async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    const say = async (): Promise<string[]> => {
      await near.permit(farAt);
      near.sendTo(farAt, bytes('x'));
      return far.relayedToMe();
    };
    expect(await say()).toEqual([]);
    await far.permit(nearAt);
    two.a.advance(299_999);
    expect(await say()).toHaveLength(1);
    two.a.advance(1);
    expect(await say()).toEqual([]);
    expect(await allDrops(two.b)).toEqual({ 'no-permission': 2 });
    expect(await allDrops(two.a)).toEqual({});
    expect(circuited(two)).toEqual([3, 0]);
  });

  onTwoCores('for a channel, and makes an indication once it has expired', async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    await far.bind(0x4000, nearAt);
    const say = async (): Promise<string[]> => {
      await near.refresh(3600);
      await far.refresh(3600);
      await near.permit(farAt);
      await far.permit(nearAt);
      near.sendTo(farAt, bytes('x'));
      return far.relayedToMe();
    };
    two.a.advance(599_999);
    expect(await say()).toEqual(['channel 0x4000 x']);
    two.a.advance(1);
    expect(await say()).toEqual([`data ${nearAt.toString()} x`]);
  });

  onTwoCores('for an allocation that has not expired, though nobody has swept it', async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    two.a.advance(500_000);
    await near.refresh(3600);
    await near.permit(farAt);
    await far.permit(nearAt);
    two.a.advance(100_000);
    near.sendTo(farAt, bytes('x'));
    expect(await far.endpoint.rest()).toEqual([]);
    expect(await allDrops(two.b)).toEqual({ 'no-allocation': 1 });
  });

  onTwoCores('for a peer at that port, not only at that address', async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    const third = await TurnClient.of(two.a);
    const thirdAt = (await third.allocate()).relayed;
    await far.bind(0x4000, nearAt);
    await third.permit(farAt);
    await near.permit(farAt);
    third.sendTo(farAt, bytes('third'));
    near.sendTo(farAt, bytes('near'));
    expect(await far.relayedToMe()).toEqual([
      `data ${thirdAt.toString()} third`,
      'channel 0x4000 near',
    ]);
  });
});

onTwo(
  'what the far worker does not take now is dropped and counted, and later goes',
  async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    await near.permit(farAt);
    await far.permit(nearAt);
    two.handover.busy = true;
    near.sendTo(farAt, bytes('lost'));
    await settled(two.a, two.b);
    expect(await allDrops(two.a)).toEqual({ 'neighbour-busy': 1 });
    expect(circuited(two)).toEqual([0, 0]);
    two.handover.busy = false;
    near.sendTo(farAt, bytes('found'));
    await settled(two.a, two.b);
    expect(await far.relayedToMe()).toEqual([`data ${nearAt.toString()} found`]);
  },
);

onTwoCores('both allocations count what went between them', async (two) => {
  const { near, far, nearAt, farAt } = await ends(two);
  await near.bind(0x4000, farAt);
  await far.permit(nearAt);
  near.sendChannel(0x4000, bytes('12345'));
  near.sendChannel(0x4000, bytes('678'));
  await settled(two.a, two.b);
  await near.refresh(0);
  await far.refresh(0);
  expect(two.a.events.deleted[0]).toMatchObject({ sentPackets: 2, sentBytes: 8 });
  expect(two.b.events.deleted[0]).toMatchObject({ receivedPackets: 2, receivedBytes: 8 });
});

onTwoCores(
  'with DONT-FRAGMENT the kernel has to do it',
  async (two) => {
    const { near, far, nearAt, farAt } = await ends(two);
    await near.permit(farAt);
    await far.permit(nearAt);
    const whole = [peer(farAt), data(bytes('whole')), [0x001a, []] as const];
    near.endpoint.send(message(SEND_INDICATION, randomBytes(12), whole), near.server);
    expect(await far.relayedToMe()).toEqual([`data ${nearAt.toString()} whole`]);
    expect(two.handover.forwarded).toEqual([]);
  },
  { canSetDontFragment: true },
);

describe('where only relays may be reached', () => {
  onTwo(
    "a relay of the other worker is a peer for as long as it lives, and a reservation's port never",
    async (two) => {
      const near = await TurnClient.of(two.a);
      await near.allocate();
      const far = await TurnClient.of(two.b);
      const farAt = (await far.allocate(EVEN_PORT_RESERVE)).relayed;
      const reserved = address(farAt.host, farAt.port + 1);
      expect((await near.bind(0x4000, farAt)).outcome).toBe('success');
      expect((await near.bind(0x4001, reserved)).outcome).toBe('403');
      near.sendTo(reserved, bytes('x'));
      expect(await allDrops(two.a)).toEqual({ 'forbidden-peer': 1 });
      await far.refresh(0);
      near.sendTo(farAt, bytes('x'));
      near.sendChannel(0x4000, bytes('x'));
      expect(await allDrops(two.a)).toEqual({ 'forbidden-peer': 3 });
      expect(await allDrops(two.b)).toEqual({});
    },
    RELAYS_ONLY,
  );

  onTwo(
    'a socket at the host of the relays that is none of them gets nothing and says nothing',
    async (two) => {
      const near = await TurnClient.of(two.a);
      const { relayed } = await near.allocate();
      const stranger = await two.b.endpoint();
      await near.permit(stranger.address);
      near.sendTo(stranger.address, bytes('x'));
      stranger.send(bytes('y'), relayed);
      await settled(two.a, two.b);
      expect(await receivedBy(stranger)).toEqual([]);
      expect(await near.relayedToMe()).toEqual([]);
      expect(await allDrops(two.a)).toEqual({ 'forbidden-peer': 2 });
    },
    RELAYS_ONLY,
  );
});

onTwoCores('a datagram for a relay that is gone when it arrives is dropped', async (two) => {
  const { a, b } = two;
  const gone = address('127.0.0.1', 50_000);
  b.server.fromNeighbour(address('127.0.0.1', 50_001), gone, bytes('x'), 0, 1, a.engine.now);
  expect(await allDrops(b)).toEqual({ 'no-allocation': 1 });
});
