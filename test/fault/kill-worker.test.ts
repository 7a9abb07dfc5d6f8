// A media worker that dies, however it dies: those of the other one notice nothing, another serves in its place at the
// same address, and nothing of the dead one stays open.

import { expect, it } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { type Death, killWorker, SMALL_HEAP } from '../support/fault/kill-worker.ts';
import { metrics, openDescriptors } from '../support/fault/server-state.ts';
import { echoed, TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';

const WORKERS = 2;
const ALLOCATIONS = 24;
const CHANNEL = 0x4000;

it.each<{ death: Death; code: number }>([
  { death: 'throw', code: 1 },
  { death: 'exit', code: 9 },
  { death: 'terminate', code: 13 },
  { death: 'memory', code: 1 },
])('by $death', async ({ death, code }) => {
  const sterna = await Sterna.start({
    config: { engine: 'linux', workers: WORKERS, turn: turnConfig() },
    nodeFlags: [...INSPECT, SMALL_HEAP],
  });
  const server = sterna.listener(4);
  const peer = await EchoPeer.open();
  const inspector = await Inspector.attach(sterna, WORKERS);
  const idle = openDescriptors(sterna);
  const sockets = await Promise.all(Array.from({ length: ALLOCATIONS }, () => TurnSocket.open()));
  const allocations = await Promise.all(sockets.map((socket) => socket.allocate(server)));
  for (const allocation of allocations) await allocation.bind(CHANNEL, peer.address);
  expect(await echoed(CHANNEL, allocations)).toBe(ALLOCATIONS);

  await killWorker(inspector, death);
  const [exited] = await sterna.waitForEvents('media.exited');
  expect(exited?.['code']).toBe(code);
  const created = sterna.events('allocation.created');
  const ofTheDead = new Set(
    created.filter(({ worker }) => worker === exited?.['worker']).map(({ client }) => client),
  );
  const lost = allocations.filter(({ socket }) => ofTheDead.has(`127.0.0.1:${socket.port}`));
  const others = allocations.filter((allocation) => !lost.includes(allocation));
  expect(lost.length).toBeGreaterThan(0);
  expect(others.length).toBeGreaterThan(0);
  expect(await echoed(CHANNEL, others)).toBe(others.length);

  await expect
    .poll(async () => (await metrics(sterna))('sterna_media_up'), { timeout: 15_000 })
    .toBe(WORKERS);
  // The same client at the same listener, so in the place of the worker that died.
  const again = await Promise.all(lost.map(({ socket }) => socket.allocate(server)));
  for (const allocation of again) await allocation.bind(CHANNEL, peer.address);
  expect(await echoed(CHANNEL, again)).toBe(lost.length);
  for (const allocation of [...others, ...again]) await allocation.delete();
  await expect.poll(() => openDescriptors(sterna)).toBe(idle);

  inspector.close();
  for (const socket of sockets) socket.close();
  peer.close();
  await sterna.kill();
  held(
    `code ${code}; ${others.length} went on, ${lost.length} came again to the same listener; ` +
      `${idle} descriptors before and after`,
  );
});
