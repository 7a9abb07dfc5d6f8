// A server that may have no more than 256 descriptors: who comes too late is told so, who is there goes on, and all is
// well once some have gone.

import { expect, it, onTestFinished } from 'vitest';
import { call } from '../support/http-call.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { EchoPeer } from '../support/fault/echo-peer.ts';
import { held } from '../support/fault/held.ts';
import { openDescriptors } from '../support/fault/server-state.ts';
import {
  echoed,
  Refusal,
  type TurnAllocation,
  TurnSocket,
  turnConfig,
} from '../support/fault/turn-socket.ts';

const DESCRIPTORS = 256;
const CLIENTS = 270;
const CHANNEL = 0x4000;

it.each(['linux', 'portable'])('out of descriptors, on the %s engine', async (engine) => {
  const config = { engine, turn: turnConfig() };
  const sterna = await Sterna.start({ config, descriptors: DESCRIPTORS });
  onTestFinished(() => sterna.kill());
  const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => TurnSocket.open()));
  const peer = await EchoPeer.open();
  const server = sterna.listener(4);
  const health = async (): Promise<number> => {
    const answer = call(sterna.port, 'GET', '/healthz', { connection: 'close' });
    return (await answer.catch(() => ({ status: 0 }))).status;
  };

  /** One allocation for each client, as far as there are any to be had; what the others were told. */
  async function fill(): Promise<{ allocations: TurnAllocation[]; refusals: number[] }> {
    const allocations: TurnAllocation[] = [];
    const refusals: number[] = [];
    for (const socket of sockets) {
      try {
        allocations.push(await socket.allocate(server));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refusals.push(error.code);
      }
    }
    return { allocations, refusals };
  }

  const before = openDescriptors(sterna);
  const first = await fill();
  expect(first.allocations.length).toBeGreaterThan(100);
  expect(first.refusals.length).toBeGreaterThan(0);
  expect(new Set(first.refusals)).toEqual(new Set([508]));
  const most = openDescriptors(sterna);
  expect(most).toBeLessThanOrEqual(DESCRIPTORS);
  for (const allocation of first.allocations) await allocation.bind(CHANNEL, peer.address);
  expect(await echoed(CHANNEL, first.allocations)).toBe(first.allocations.length);
  // The Linux engine leaves some descriptors to HTTP. Without any, Node accepts and closes at once.
  const answered = engine === 'linux' ? 200 : 0;
  for (let n = 0; n < 3; n++) expect(await health()).toBe(answered);

  const gone = first.allocations.slice(0, 50);
  const kept = first.allocations.slice(50);
  for (const allocation of gone) await allocation.delete();
  const second = await fill();
  // Those who have one already are told so (437); as many as went can come.
  expect(second.allocations).toHaveLength(gone.length);
  expect(await echoed(CHANNEL, kept)).toBe(kept.length);

  for (const allocation of [...kept, ...second.allocations]) await allocation.delete();
  await expect.poll(() => openDescriptors(sterna)).toBe(before);
  expect(await health()).toBe(200);
  for (const socket of sockets) socket.close();
  peer.close();
  await sterna.stop();
  held(
    `${first.allocations.length} allocations with ${DESCRIPTORS} descriptors (${before} before, ${most} then), ` +
      `508 for ${first.refusals.length}, all relaying, HTTP ${answered}; ${gone.length} gone, as many new ones came`,
  );
});
