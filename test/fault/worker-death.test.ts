// One of three media workers dies: the clients of the others notice nothing, and what it held is free again.

import { expect, it, onTestFinished } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { type Death, killWorker, SMALL_HEAP } from '../support/fault/kill-worker.ts';
import { metrics, openDescriptors } from '../support/fault/server-state.ts';
import {
  echoed,
  Refusal,
  type TurnAllocation,
  TurnSocket,
  turnConfig,
} from '../support/fault/turn-socket.ts';
import { REFRESH } from '../support/turn/client.ts';
import { freePorts } from '../support/free-ports.ts';

const CHANNEL = 0x4000;
const CLIENTS = 60;
/** Few enough that ports which are not given back would be missed. */
const PORTS = 100;

async function health(sterna: Sterna): Promise<number> {
  return (await fetch(`${sterna.url}/healthz`)).status;
}

/** By worker, from the log. */
function byWorker(sterna: Sterna, all: readonly TurnAllocation[]): Map<number, TurnAllocation[]> {
  const created = sterna.events('allocation.created');
  const groups = new Map<number, TurnAllocation[]>();
  for (const allocation of all) {
    const client = `127.0.0.1:${allocation.socket.port}`;
    const worker = Number(created.findLast((line) => line['client'] === client)?.['worker']);
    groups.set(worker, [...(groups.get(worker) ?? []), allocation]);
  }
  return groups;
}

it.each<Death>(['throw', 'exit', 'terminate', 'memory', 'hang'])('%s', async (death) => {
  const firstPort = await freePorts(['127.0.0.1'], PORTS);
  const sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers: 3,
      turn: turnConfig({
        relay: { addresses: ['127.0.0.1'], ports: `${firstPort}-${firstPort + PORTS - 1}` },
        quota: { perUser: CLIENTS, total: CLIENTS },
      }),
    },
    nodeFlags: [...INSPECT, SMALL_HEAP],
  });
  onTestFinished(() => sterna.kill());
  const peer = await EchoPeer.open();
  const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => TurnSocket.open()));
  const server = sterna.listener(4);
  const all = await Promise.all(sockets.map((socket) => socket.allocate(server)));
  await Promise.all(all.map((allocation) => allocation.bind(CHANNEL, peer.address)));
  await sterna.waitForEvents('allocation.created', CLIENTS);
  expect(await echoed(CHANNEL, all)).toBe(CLIENTS);
  expect(await health(sterna)).toBe(200);
  const descriptors = openDescriptors(sterna);

  const inspector = await Inspector.attach(sterna, 3);
  await killWorker(inspector, death, 1);
  const [exited] = await sterna.waitForEvents('media.exited');
  inspector.close();
  const dead = Number(exited?.['worker']);
  const groups = byWorker(sterna, all);
  const orphans = groups.get(dead) ?? [];
  const others = all.filter((allocation) => !orphans.includes(allocation));
  expect(orphans.length).toBeGreaterThan(0);

  // While it is dead, and after another has taken its place.
  expect(await health(sterna)).toBe(200);
  expect(await echoed(CHANNEL, others)).toBe(others.length);
  const up = async (): Promise<number> => (await metrics(sterna))('sterna_media_up');
  await expect.poll(up, { timeout: 15_000 }).toBe(3);
  expect(await echoed(CHANNEL, others)).toBe(others.length);
  const read = await metrics(sterna);
  expect(read('sterna_media_worker_restarts_total')).toBe(1);
  expect(read('sterna_turn_allocations')).toBe(others.length);
  expect(read('sterna_turn_users')).toBe(1);

  // Its clients are told (RFC 8656 s8.2), and the quota, full before, has room for as many as it lost.
  const told = await Promise.allSettled(orphans.map((orphan) => orphan.request(REFRESH)));
  const codes = told.map((one) => (one.status === 'rejected' ? refusalOf(one.reason) : 0));
  expect(new Set(codes)).toEqual(new Set([437]));
  const again = await Promise.all(orphans.map(({ socket }) => socket.allocate(server)));
  await Promise.all(again.map((allocation) => allocation.bind(CHANNEL, peer.address)));
  expect(await echoed(CHANNEL, [...others, ...again])).toBe(CLIENTS);
  const one = await TurnSocket.open();
  await expect(one.allocate(server)).rejects.toThrow('486');
  one.close();
  await expect.poll(() => openDescriptors(sterna)).toBeLessThanOrEqual(descriptors);

  held(`worker ${dead} had ${orphans.length} of ${CLIENTS} clients; ${descriptors} descriptors`);
  for (const socket of sockets) socket.close();
  peer.close();
});

function refusalOf(error: unknown): number {
  return error instanceof Refusal ? error.code : -1;
}
