// What relaying costs in memory: nothing per packet of ours, in both directions, for a long time.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HandOver } from '../../../shared/net/hand-over.ts';
import type { Neighbours } from '../../../turn/index.ts';
import { data, FAMILY_6, peer, SEND_INDICATION, TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { bytesPerTurn, liveBytes, WARM_UP_TURNS } from '../../support/turn/heap.ts';
import { inTurn } from '../../support/turn/in-turn.ts';
import { channelData, message } from '../../support/turn/message.ts';
import { twoCores } from '../../support/turn/two-workers.ts';
import { address, relayOn, type WorldOptions } from '../../support/turn/world.ts';

const PAYLOAD = 1200;
const INDICATIONS = 200_000;
const DROPPED = 100_000;

/** Loopback, and public addresses whose words have the top bit set: V8 keeps larger numbers on the heap. */
const PLACES = {
  'low addresses': {
    client: '127.0.0.3',
    peers: ['127.0.0.1', '127.0.0.2'],
    six: false,
    packets: 1_000_000,
  },
  'high addresses': {
    client: '217.70.184.38',
    peers: ['223.5.5.5', '208.67.222.222'],
    six: false,
    packets: 200_000,
  },
  'IPv6 addresses': {
    client: '2a00::ffff:ffff',
    peers: ['2a00:ffff::f000:1', '2a00:eeee::1'],
    six: true,
    packets: 200_000,
  },
};

/** Where somebody answers inside the process, whom nobody sends to. */
function otherwiseBusy(): HandOver {
  const inside = new HandOver(HandOver.memory(1), 0, () => false);
  inside.register(address('127.0.0.1', 7882), { onHandedOver: () => undefined });
  return inside;
}

async function session(
  { client: host, peers, six }: (typeof PLACES)[keyof typeof PLACES],
  options: WorldOptions = {},
) {
  const world = new CoreWorld({ handOver: otherwiseBusy(), ...options });
  const listener = six ? world.listener6 : world.listener4;
  const client = new TurnClient(world.endpointAt(host), listener);
  await client.challenge();
  const [bound, unbound] = peers.map((peerHost) => world.endpointAt(peerHost));
  const { relayed } = await client.allocate(...(six ? [FAMILY_6] : []));
  const outcomes = [
    await client.bind(0x4000, bound!.address),
    await client.permit(unbound!.address),
  ];
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['success', 'success']);
  world.engine.countOnly = true;
  return { world, listener, client, bound: bound!, unbound: unbound!, relayed };
}

describe.each(Object.entries(PLACES))('%s', (name, place) => {
  it('ChannelData is relayed both ways without allocating', async () => {
    const { world, listener, client, bound, relayed } = await session(place);
    const { engine } = world;
    const out = channelData(0x4000, randomBytes(PAYLOAD));
    const back = new Uint8Array(randomBytes(PAYLOAD));
    const sentBefore = engine.counters.sent;
    const live = liveBytes();
    const perPacket = [
      bytesPerTurn((turns) => {
        engine.handOver(listener, client.endpoint.address, out, out.length, turns);
      }, place.packets),
      bytesPerTurn((turns) => {
        engine.handOver(relayed, bound.address, back, back.length, turns);
      }, place.packets),
    ];
    const grown = liveBytes() - live;
    const shown = perPacket.map((n) => n.toFixed(2)).join(', ');
    process.stdout.write(`${name}: ChannelData out, back: ${shown} B\n`);
    expect(engine.counters.sent - sentBefore).toBe(2 * (place.packets + WARM_UP_TURNS));
    expect(Math.max(...perPacket)).toBeLessThan(4);
    expect(grown).toBeLessThan(200_000);
  });

  it('Send and Data indications are relayed without allocating', async () => {
    const { world, listener, client, unbound, relayed } = await session(place);
    const { engine } = world;
    const attributes = [peer(unbound.address), data(randomBytes(PAYLOAD))];
    const out = message(SEND_INDICATION, randomBytes(12), attributes);
    const back = new Uint8Array(randomBytes(PAYLOAD));
    const sentBefore = engine.counters.sent;
    const send = bytesPerTurn((turns) => {
      engine.handOver(listener, client.endpoint.address, out, out.length, turns);
    }, INDICATIONS);
    const receive = bytesPerTurn((turns) => {
      engine.handOver(relayed, unbound.address, back, back.length, turns);
    }, INDICATIONS);
    process.stdout.write(`${name}: Send, Data: ${send.toFixed(2)}, ${receive.toFixed(2)} B\n`);
    expect(engine.counters.sent - sentBefore).toBe(2 * (INDICATIONS + WARM_UP_TURNS));
    expect(send).toBeLessThan(4);
    expect(receive).toBeLessThan(4);
  });
});

/** Takes everything. */
const neighbours: Neighbours = { forward: () => true };

it('handing over to another worker and taking in allocate nothing, Data indications one view', async () => {
  // Behind a NAT external addresses are looked up on the way.
  const relays = [relayOn('127.0.0.1', '203.0.113.5')];
  const { a, b } = await twoCores({ relays, neighbours });
  const clients = [await TurnClient.of(a), await TurnClient.of(b), await TurnClient.of(b)] as const;
  const [near, unbound, bound] = await inTurn(clients, async (client) => {
    const { relayed } = await client.allocate();
    return { client, relayed, inside: address('127.0.0.1', relayed.port) };
  });
  await near!.client.bind(0x4000, bound!.relayed);
  await unbound!.client.permit(near!.relayed);
  await bound!.client.bind(0x4001, near!.relayed);
  a.engine.countOnly = true;
  const sentBefore = b.counters.sent;
  const out = channelData(0x4000, randomBytes(PAYLOAD));
  const payload = new Uint8Array(randomBytes(PAYLOAD));
  const takeIn = (to: typeof bound): number =>
    bytesPerTurn((turns) => {
      for (let i = 0; i < turns; i++) {
        b.server.fromNeighbour(near!.inside, to!.inside, payload, 0, PAYLOAD, 5_000_000);
      }
    }, INDICATIONS);
  const handOver = bytesPerTurn((turns) => {
    a.engine.handOver(a.listener4, near!.client.endpoint.address, out, out.length, turns);
  }, INDICATIONS);
  const [indication, channel] = [takeIn(unbound), takeIn(bound)];
  expect(a.server.stats().shortCircuited).toBe(INDICATIONS + WARM_UP_TURNS);
  expect(b.counters.sent - sentBefore).toBe(2 * (INDICATIONS + WARM_UP_TURNS));
  expect(handOver).toBeLessThan(4);
  expect(indication).toBeLessThan(130);
  expect(channel).toBeLessThan(4);
});

it('somebody inside the process is reached and answers without allocating, at this worker and at another', async () => {
  const memory = HandOver.memory(2);
  let forwarded = 0;
  const handOver = new HandOver(memory, 0, () => ++forwarded > 0);
  const world = new CoreWorld({ relays: [relayOn('127.0.0.1', '203.0.113.5')], handOver });
  const client = await TurnClient.of(world);
  await client.allocate();
  const [here, there] = [address('203.0.113.5', 7882), address('203.0.113.5', 7883)];
  const answer = new Uint8Array(randomBytes(PAYLOAD));
  handOver.register(here, {
    onHandedOver: (from, to, _bytes, _offset, _length, now) =>
      world.server.fromInside(to, from, answer, 0, PAYLOAD, now),
  });
  new HandOver(memory, 1, () => false).register(there, { onHandedOver: () => undefined });
  await client.bind(0x4000, here);
  await client.bind(0x4001, there);
  world.engine.countOnly = true;
  const sentBefore = world.counters.sent;
  const perPacket = [0x4000, 0x4001].map((channel) => {
    const out = channelData(channel, randomBytes(PAYLOAD));
    return bytesPerTurn((turns) => {
      world.engine.handOver(world.listener4, client.endpoint.address, out, out.length, turns);
    }, INDICATIONS);
  });
  const shown = perPacket.map((n) => n.toFixed(2)).join(', ');
  process.stdout.write(`inside, here and back, there: ${shown} B\n`);
  expect(world.counters.sent - sentBefore).toBe(INDICATIONS + WARM_UP_TURNS);
  expect(forwarded).toBe(INDICATIONS + WARM_UP_TURNS);
  expect(Math.max(...perPacket)).toBeLessThan(4);
});

it.each([
  ['relays', 1e10],
  ['drops', 10_000],
])(
  'with every limit on bandwidth it %s without allocating, while time goes on',
  async (does, rate) => {
    const bandwidth = { perAllocation: rate, perUser: rate, total: rate };
    const { world, listener, client, bound, relayed } = await session(PLACES['high addresses'], {
      bandwidth,
    });
    const { engine } = world;
    const out = channelData(0x4000, randomBytes(PAYLOAD));
    const back = new Uint8Array(randomBytes(PAYLOAD));
    const sentBefore = engine.counters.sent;

    const perPacket = bytesPerTurn((turns) => {
      for (let i = 0; i < turns; i += 1000) {
        engine.handOver(listener, client.endpoint.address, out, out.length, 500);
        engine.handOver(relayed, bound.address, back, back.length, 500);
        engine.now += 50;
      }
    }, INDICATIONS);
    const passed = engine.counters.sent - sentBefore;
    const asked = INDICATIONS + WARM_UP_TURNS;
    expect(world.server.stats().drops.bandwidth).toBe(asked - passed);
    expect([passed, passed < 200]).toEqual(does === 'relays' ? [asked, false] : [passed, true]);
    process.stdout.write(`with limits it ${does}: ${perPacket.toFixed(2)} B\n`);
    expect(perPacket).toBeLessThan(4);
  },
);

it('what is dropped allocates nothing either', async () => {
  const { world, client, relayed } = await session(PLACES['low addresses']);
  const { engine } = world;
  const stranger = world.endpointAt('127.0.0.200').address;
  const unknown = channelData(0x4abc, randomBytes(100));
  const noise = new Uint8Array(100).fill(0xff);
  const fates: [string, () => number][] = [
    ['not-stun', () => drop(world.listener4, stranger, noise)],
    ['no-allocation', () => drop(world.listener4, stranger, unknown)],
    ['no-channel', () => drop(world.listener4, client.endpoint.address, unknown)],
    ['no-permission', () => drop(relayed, stranger, noise)],
  ];
  function drop(to: typeof relayed, from: typeof relayed, bytes: Uint8Array): number {
    return bytesPerTurn((turns) => {
      engine.handOver(to, from, bytes, bytes.length, turns);
    }, DROPPED);
  }
  const costs = fates.map(([, run]) => run());
  expect(Math.max(...costs)).toBeLessThan(4);
  const counted = fates.map(
    ([reason]) => (world.server.stats().drops as Record<string, number>)[reason],
  );
  expect(counted).toEqual(Array(4).fill(DROPPED + WARM_UP_TURNS));
});
