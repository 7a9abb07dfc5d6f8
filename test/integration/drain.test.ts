// All media workers drain together, and one that is started in the place of a dead one does with them.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import type { MediaHost } from '../../server/media/host.ts';
import { loadConfig } from '../../shared/config/load.ts';
import { silentLogger } from '../../shared/log.ts';

/** Turns of 50 ms that a new worker may take. */
const PATIENCE = 200;

/** The built one, since its workers are programs of their own. */
async function startHost(): Promise<MediaHost> {
  const built = new URL('../../dist/server/media/host.js', import.meta.url).href;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what tsc made of that file
  const module = (await import(built)) as typeof import('../../server/media/host.ts');
  const config = loadConfig({ environment: {}, ipv6Loopback: false });
  return module.MediaHost.start(
    {
      ...config,
      engine: 'linux',
      workers: 2,
      sfu: { ...config.sfu, enabled: false },
      turn: { ...config.turn, listeners: ['udp://127.0.0.1:0'] },
    },
    silentLogger,
  );
}

async function draining(host: MediaHost): Promise<(boolean | undefined)[]> {
  const { workers } = await host.report();
  return workers.map(({ stats }) => stats?.turn.draining);
}

it('drains in every worker, those that start meanwhile too, until it is told to stop', async () => {
  const threads: Worker[] = [];
  const onWorker = (thread: Worker): number => threads.push(thread);
  process.on('worker', onWorker);
  onTestFinished(() => void process.off('worker', onWorker));
  const host = await startHost();
  onTestFinished(() => host.close());
  expect(await draining(host)).toEqual([false, false]);
  host.drain(true);
  expect(await draining(host)).toEqual([true, true]);

  void threads[0]!.terminate();
  for (let n = 0; n < PATIENCE && (threads.length < 3 || !host.healthy); n++) await sleep(50);
  const { workers } = await host.report();
  expect(workers.reduce((sum, { deaths }) => sum + deaths, 0)).toBe(1);
  for (let n = 0; n < PATIENCE && (await draining(host)).includes(undefined); n++) await sleep(50);
  expect(await draining(host)).toEqual([true, true]);
  host.drain(false);
  expect(await draining(host)).toEqual([false, false]);
});
