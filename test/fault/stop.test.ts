// A server that is told to stop while 1,000 allocations relay: it ends by itself, and closes everything.

import { expect, it, onTestFinished } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { inParallel } from '../support/fault/in-parallel.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import { metrics } from '../support/fault/server-state.ts';
import { TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';

const ALLOCATIONS = 1000;
const CHANNEL = 0x4000;

it.each(['linux', 'portable'])('SIGTERM amid traffic, on the %s engine', async (engine) => {
  const sterna = await Sterna.start({ config: { engine, turn: turnConfig() } });
  onTestFinished(() => sterna.kill());
  const peer = await EchoPeer.open();
  const sockets = await inParallel(Array.from({ length: ALLOCATIONS }), 128, () =>
    TurnSocket.open(),
  );
  const allocations = await inParallel(sockets, 128, async (socket) => {
    const allocation = await socket.allocate(sterna.listener(4));
    await allocation.bind(CHANNEL, peer.address);
    return allocation;
  });
  // Each sends again what comes back, so that datagrams are under way when the signal comes, and after it.
  let echoes = 0;
  for (const allocation of allocations) {
    allocation.socket.onData = (_from, channel, payload) => {
      echoes++;
      allocation.sendChannel(channel, payload);
    };
    allocation.sendChannel(CHANNEL, Buffer.from('round and round'));
  }
  await expect.poll(() => echoes, { timeout: 20_000 }).toBeGreaterThan(3 * ALLOCATIONS);

  const before = echoes;
  await sterna.stop('SIGTERM');
  for (const socket of sockets) socket.close();
  peer.close();
  const deleted = sterna.events('allocation.deleted');
  const [draining] = sterna.events('server.draining');
  const [closed] = sterna.events('server.closed');
  expect(deleted).toHaveLength(ALLOCATIONS);
  expect(new Set(deleted.map(({ reason }) => reason))).toEqual(new Set(['closed']));
  expect(sterna.events('media.terminated')).toEqual([]);
  const [stopped] = sterna.events('media.stopped');
  expect(stopped).toMatchObject({ worker: 0, sockets: 0 });
  const time = (line: typeof closed): number => Date.parse(String(line?.['time']));
  held(
    `${deleted.length} allocations ended, exit code 0; ${echoes - before} echoes after the signal; ` +
      `${time(deleted[0]) - time(draining)} ms until the first ended, ` +
      `the worker's sockets closed ${String(stopped?.['ms'])} ms after its command, ${time(closed) - time(draining)} ms in all`,
  );
});

it('SIGTERM with a media worker that hears nothing any more', async () => {
  const sterna = await Sterna.start({
    config: { engine: 'linux', workers: 1, turn: turnConfig() },
    nodeFlags: INSPECT,
  });
  onTestFinished(() => sterna.kill());
  const inspector = await Inspector.attach(sterna);
  await killWorker(inspector, 'hang');
  // It has been told, and hears of it at its next tick; from then on it does not answer.
  await expect
    .poll(async () => (await metrics(sterna))('sterna_media_up'), { timeout: 20_000 })
    .toBe(0);
  inspector.close();
  await expect(sterna.stop('SIGTERM')).rejects.toThrow(/^sterna ended, code 0, signal null\n/);
  expect(sterna.events('media.terminated')).toHaveLength(1);
  expect(sterna.events('server.closed')).toHaveLength(1);
  held('terminated, exit code 0');
});
