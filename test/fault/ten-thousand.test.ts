// 10,000 allocations on one server, twice: all of them relay, and when they are gone everything is as it was.

import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { type Endpoint, Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { inParallel } from '../support/fault/in-parallel.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { metrics, openDescriptors, residentMiB } from '../support/fault/server-state.ts';
import { type TurnAllocation, TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';

/** A client's socket has one allocation at each listener, so that the test needs fewer sockets than the server. */
const LISTENERS = 4;
const CLIENTS = 2500;
const ALLOCATIONS = LISTENERS * CLIENTS;
const AT_ONCE = 128;
const CHANNEL = 0x4000;
const MIB = 1024 * 1024;

/** What the heap may grow by in the second round: 100 bytes an allocation. */
const HEAP_GROWTH_MAX = 100 * ALLOCATIONS;

it('10,000 allocations relay both ways and leave nothing behind, twice', async () => {
  const limit = Number(
    /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1],
  );
  if (limit < ALLOCATIONS + 200)
    throw new Error(`ulimit -Hn is ${limit}, this needs ${ALLOCATIONS + 200}`);
  const sterna = await Sterna.start({
    config: {
      workers: 1,
      // Every socket that is counted is one of TURN's.
      sfu: { enabled: false },
      turn: turnConfig({
        listeners: Array.from({ length: LISTENERS }, (_, n) => `udp://127.0.0.${n + 1}:0`),
        relay: { addresses: ['127.0.0.1'], ports: '10000-65535' },
      }),
    },
    nodeFlags: INSPECT,
  });
  onTestFinished(() => sterna.kill());
  const servers = sterna.listeners;
  const peer = await EchoPeer.open();
  const clients = await inParallel(Array.from({ length: CLIENTS }), AT_ONCE, () =>
    TurnSocket.open(),
  );
  const pairs = clients.flatMap((client) => servers.map((server) => ({ client, server })));
  const inspector = await Inspector.attach(sterna);
  const descriptors = openDescriptors(sterna);
  const heaps: number[] = [await inspector.heapOfWorker()];
  const resident: number[] = [residentMiB(sterna)];
  const peaks: string[] = [];

  for (let round = 0; round < 2; round++) {
    const allocations = await inParallel(pairs, AT_ONCE, ({ client, server }) =>
      client.allocate(server),
    );
    const read = await metrics(sterna);
    expect(read('sterna_turn_allocations')).toBe(ALLOCATIONS);
    expect(read('sterna_media_sockets')).toBe(ALLOCATIONS + LISTENERS);
    expect(new Set(allocations.map(({ relayed }) => relayed.port)).size).toBe(ALLOCATIONS);
    peaks.push(`${openDescriptors(sterna)} descriptors, ${residentMiB(sterna)} MiB`);

    peer.received = 0;
    expect(await exchange(clients, allocations, peer.address)).toBe(ALLOCATIONS);
    expect(peer.received).toBe(ALLOCATIONS);

    await inParallel(allocations, AT_ONCE, (allocation) => allocation.delete());
    await expect.poll(async () => (await metrics(sterna))('sterna_turn_allocations')).toBe(0);
    expect((await metrics(sterna))('sterna_media_sockets')).toBe(LISTENERS);
    await expect.poll(() => openDescriptors(sterna)).toBe(descriptors);
    heaps.push(await inspector.heapOfWorker());
    resident.push(residentMiB(sterna));
  }

  expect(heaps[2]! - heaps[1]!).toBeLessThan(HEAP_GROWTH_MAX);
  expect(resident[2]! - resident[1]!).toBeLessThan(64);
  const read = await metrics(sterna);
  expect(read('sterna_turn_users')).toBe(0);
  expect(read('sterna_media_datagrams_send_dropped_total')).toBe(0);
  inspector.close();
  for (const client of clients) client.close();
  peer.close();
  await sterna.stop();
  held(
    `2 x ${ALLOCATIONS} allocations, each relayed both ways; at most ${peaks.join(' and ')}; before and after each ` +
      `round ${descriptors} descriptors, ${resident.join(', ')} MiB, ` +
      `worker's heap ${heaps.map((bytes) => (bytes / MIB).toFixed(1)).join(', ')} MiB`,
  );
});

/** A datagram through each allocation to the peer and back; how many came back through the one they went by. */
async function exchange(
  clients: readonly TurnSocket[],
  allocations: readonly TurnAllocation[],
  peer: Endpoint,
): Promise<number> {
  const waiting = new Map<string, () => void>();
  for (const client of clients) {
    client.onData = (from, channel, payload) => {
      if (channel === CHANNEL) waiting.get(`${from.host}:${payload.toString()}`)?.();
    };
  }
  const echoes = await inParallel(allocations, AT_ONCE, async (allocation, n) => {
    await allocation.bind(CHANNEL, peer);
    await new Promise<void>((resolve) => {
      waiting.set(`${allocation.server.host}:${n}`, resolve);
      allocation.sendChannel(CHANNEL, Buffer.from(String(n)));
    });
  });
  return echoes.length;
}
