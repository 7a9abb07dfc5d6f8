// Floods from sources that do not exist: nothing is kept for who has not authenticated, and who has is
// bounded.

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { ALLOCATE, BINDING, TurnClient, UDP } from '../../support/turn/client.ts';
import { CoreWorld } from '../../support/turn/core-world.ts';
import { liveBytes } from '../../support/turn/heap.ts';
import { message, sign, text } from '../../support/turn/message.ts';

const SOURCES = 100_000;

const forged = sign(
  message(ALLOCATE, randomBytes(12), [
    UDP,
    text(0x0006, 'user'),
    text(0x0014, 'example.org'),
    text(0x0015, 'obMatJos2gAAAAAAAAAAAAAAAAAAAAAAA'),
  ]),
  'sha1',
  randomBytes(16),
);

const FLOODS: [string, Uint8Array][] = [
  ['Allocates', message(ALLOCATE, randomBytes(12), [UDP])],
  ['Bindings', message(BINDING, randomBytes(12))],
  ['forged credentials', forged],
  ['noise', new Uint8Array(200).fill(0x16)],
  ['ChannelData', new Uint8Array(200).fill(0x40)],
];
it.each(FLOODS)('100,000 sources of %s leave nothing behind', (_, bytes) => {
  const world = new CoreWorld({ unauthorizedPerSecond: 10 });
  world.engine.countOnly = true;
  const from = new TransportAddress();
  const run = (sources: number): void => {
    for (let i = 0; i < sources; i++) {
      from.setV4((i * 2_654_435_761) >>> 0, 1024 + (i & 0x7fff));
      world.engine.handOver(world.listener4, from, bytes, bytes.length, 1);
      if (i % 100 === 0) world.engine.now += 1;
    }
  };
  run(1000);
  const before = liveBytes();
  run(SOURCES);
  expect(liveBytes() - before).toBeLessThan(500_000);
  expect(world.server.stats()).toMatchObject({ allocations: 0, reservations: 0, users: 0 });
  expect(world.counters.sockets).toBe(2);
});

it('made-up REST user names fill a bounded cache of keys', async () => {
  const world = new CoreWorld({ secrets: ['a shared secret'] });
  const client = await TurnClient.of(world);
  world.engine.countOnly = true;
  const run = (first: number, count: number): void => {
    for (let i = first; i < first + count; i++) {
      client.username = `${4_000_000_000 + i}:${'x'.repeat(450)}`;
      const request = client.build(ALLOCATE, [UDP]);
      const { address } = client.endpoint;
      world.engine.handOver(world.listener4, address, request, request.length, 1);
    }
  };
  run(0, 6000);
  const before = liveBytes();
  run(6000, 10_000);
  expect(liveBytes() - before).toBeLessThan(1_000_000);
});

it('a thousand bindings and permissions of one allocation go with it', async () => {
  const world = new CoreWorld();
  const client = await TurnClient.of(world);
  const before = world.counters.sockets;
  await client.allocate();
  const peers = Array.from({ length: 1000 }, (_, i) =>
    new TransportAddress().setV4(0x7f010000 + i, 9),
  );
  await client.permit(...peers);
  await Promise.all(peers.slice(0, 300).map((peer, i) => client.bind(0x4000 + i, peer)));
  await client.refresh(0);
  expect(world.server.stats()).toMatchObject({ allocations: 0, users: 0 });
  expect(world.counters.sockets).toBe(before);
});
