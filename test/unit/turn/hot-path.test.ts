// What relaying costs in memory: nothing per packet of ours, in both directions, for a long time.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { data, peer, SEND_INDICATION, TurnClient } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { bytesPerTurn, liveBytes } from '../../support/turn/heap.ts';
import { channelData, message } from '../../support/turn/message.ts';

const PAYLOAD = 1200;
const PACKETS = 1_000_000;

async function session() {
  const world = new CoreWorld();
  const client = await TurnClient.of(world);
  const [bound, unbound] = [await world.endpoint(), await world.endpoint()];
  const { relayed } = await client.allocate();
  await client.bind(0x4000, bound.address);
  await client.permit(unbound.address);
  world.engine.countOnly = true;
  return { world, client, bound, unbound, relayed };
}

it('ChannelData is relayed both ways without allocating, a million packets each', async () => {
  const { world, client, bound, relayed } = await session();
  const { engine } = world;
  const out = channelData(0x4000, randomBytes(PAYLOAD));
  const back = new Uint8Array(randomBytes(PAYLOAD));
  const sentBefore = engine.counters.sent;
  const live = liveBytes();
  const perPacket = [
    bytesPerTurn((turns) => {
      engine.handOver(world.listener4, client.endpoint.address, out, out.length, turns);
    }, PACKETS),
    bytesPerTurn((turns) => {
      engine.handOver(relayed, bound.address, back, back.length, turns);
    }, PACKETS),
  ];
  const grown = liveBytes() - live;
  process.stdout.write(
    `ChannelData out, back: ${perPacket.map((n) => n.toFixed(2)).join(', ')} B\n`,
  );
  expect(engine.counters.sent - sentBefore).toBe(2 * (PACKETS + 30_000));
  expect(Math.max(...perPacket)).toBeLessThan(4);
  expect(grown).toBeLessThan(200_000);
});

it('Send indications are relayed without allocating, Data indications with one view at most', async () => {
  const { world, client, unbound, relayed } = await session();
  const { engine } = world;
  const attributes = [peer(unbound.address), data(randomBytes(PAYLOAD))];
  const out = message(SEND_INDICATION, randomBytes(12), attributes);
  const back = new Uint8Array(randomBytes(PAYLOAD));
  const sentBefore = engine.counters.sent;
  const send = bytesPerTurn((turns) => {
    engine.handOver(world.listener4, client.endpoint.address, out, out.length, turns);
  }, 200_000);
  const receive = bytesPerTurn((turns) => {
    engine.handOver(relayed, unbound.address, back, back.length, turns);
  }, 200_000);
  process.stdout.write(`Send, Data indication: ${send.toFixed(2)}, ${receive.toFixed(2)} B\n`);
  expect(engine.counters.sent - sentBefore).toBe(2 * 230_000);
  expect(send).toBeLessThan(4);
  expect(receive).toBeLessThan(130);
});

it('what is dropped allocates nothing either', async () => {
  const { world, client, relayed } = await session();
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
    }, 100_000);
  }
  const costs = fates.map(([, run]) => run());
  expect(Math.max(...costs)).toBeLessThan(4);
  const counted = fates.map(
    ([reason]) => (world.server.stats().drops as Record<string, number>)[reason],
  );
  expect(counted).toEqual(Array(4).fill(130_000));
});
