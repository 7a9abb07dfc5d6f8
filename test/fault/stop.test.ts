// A server that is told to stop while 1,000 allocations relay: it ends by itself, and closes everything.

import { expect, it } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { inParallel } from '../support/fault/in-parallel.ts';
import { TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';

const ALLOCATIONS = 1000;
const CHANNEL = 0x4000;

it.each(['linux', 'portable'])('SIGTERM amid traffic, on the %s engine', async (engine) => {
  const sterna = await Sterna.start({ config: { engine, turn: turnConfig() } });
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
  const time = (line: typeof closed): number => Date.parse(String(line?.['time']));
  held(
    `${deleted.length} allocations ended, exit code 0; ${echoes - before} echoes after the signal; ` +
      `${time(deleted[0]) - time(draining)} ms until the first ended, ${time(closed) - time(draining)} ms in all`,
  );
});
