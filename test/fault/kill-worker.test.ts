// A media worker that dies: the log says so, and another one serves in its place.

import { expect, it } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { type Death, killWorker, SMALL_HEAP } from '../support/fault/kill-worker.ts';
import { TurnSocket, turnConfig } from '../support/fault/turn-socket.ts';

it.each<{ death: Death; code: number }>([
  { death: 'throw', code: 1 },
  { death: 'exit', code: 9 },
  { death: 'terminate', code: 13 },
  { death: 'memory', code: 1 },
])('$death', async ({ death, code }) => {
  const sterna = await Sterna.start({
    config: { turn: turnConfig() },
    nodeFlags: [...INSPECT, SMALL_HEAP],
  });
  const client = await TurnSocket.open();
  await client.allocate(sterna.listener(4));
  const inspector = await Inspector.attach(sterna);
  await killWorker(inspector, death);
  const [exited] = await sterna.waitForEvents('media.exited');
  expect(exited?.['code']).toBe(code);
  inspector.close();
  const health = async (): Promise<number> => (await fetch(`${sterna.url}/healthz`)).status;
  await expect.poll(health, { timeout: 10_000 }).toBe(200);
  client.close();
  await sterna.kill();
  held(`ended with code ${code}, and healthy again`);
});
