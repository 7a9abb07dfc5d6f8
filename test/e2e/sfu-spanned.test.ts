// A room that spans three media workers, one for each of its participants, who are Chromium pages: all see and hear
// all, and when a worker dies, those of the others miss nothing.

import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { Chromium } from '../support/chromium.ts';
import { statsOf } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import { metrics } from '../support/fault/server-state.ts';
import { FrameWatch } from '../support/frame-watch.ts';
import { SdkPage } from '../support/sdk-page.ts';

const WORKERS = 3;
const NAMES = ['ann', 'bob', 'cleo'] as const;

let browser: Chromium;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
});
afterAll(() => browser.close());

/** The number of the worker that the inspector found as the n-th. */
async function indexOf(inspector: Inspector, n: number): Promise<number | undefined> {
  const expression = "process.getBuiltinModule('node:worker_threads').workerData.index";
  const answer = await inspector.askWorker('Runtime.evaluate', { expression }, n);
  return z.object({ result: z.object({ value: z.number() }) }).parse(answer).result.value;
}

test('a room of three workers, of which one dies', async () => {
  const host = await startHost({ workers: WORKERS, participantsPerWorker: 1, nodeFlags: INSPECT });
  // A server whose log has the death of a worker may not `stop`.
  onTestFinished(() => host.sterna.kill());
  const { sterna } = host;
  const pages = new Map<string, SdkPage>();
  for (const identity of NAMES) {
    const page = await (await SdkPage.open(browser, host)).films();
    pages.set(identity, await page.join({ identity }));
  }
  const allSee = (frames?: number): Promise<unknown> =>
    Promise.all([...pages.values()].map((page) => page.sees(NAMES.length - 1, frames)));
  const workers = async (): Promise<(number | undefined)[]> => {
    const all = await Promise.all(NAMES.map((name) => statsOf(sterna, name)));
    return all.map(({ transport }) => transport?.worker);
  };

  await allSee();
  const before = await workers();
  expect(new Set(before).size).toBe(WORKERS);
  for (const name of NAMES) {
    // Two microphones and two cameras, of which nobody waits for anything.
    const heard = async (): Promise<number> => {
      const { subscriptions } = await statsOf(sterna, name);
      return subscriptions.filter(({ waits, packets }) => waits === null && packets > 20).length;
    };
    await expect.poll(heard, { timeout: 10_000 }).toBe(4);
  }
  const read = await metrics(sterna);
  expect(read('sterna_sfu_publications')).toBe(6);
  expect(read('sterna_sfu_pipes')).toBe(12);
  expect(read('sterna_sfu_piped_packets_total', 'direction', 'in')).toBeGreaterThan(100);
  expect(read('sterna_sfu_pipe_dropped_packets_total')).toBe(0);

  const inspector = await Inspector.attach(sterna, WORKERS);
  const sessions = await Promise.all(
    Array.from({ length: WORKERS }, (_, i) => indexOf(inspector, i)),
  );
  const { ann, bob } = Object.fromEntries(pages);
  const watch = await FrameWatch.begin({ ann: ann!, bob: bob! });
  await killWorker(inspector, 'exit', sessions.indexOf(before[2]));
  const [exited] = await sterna.waitForEvents('media.exited');
  inspector.close();
  expect(exited?.['worker']).toBe(before[2]);
  const cleo = pages.get('cleo')!;
  await expect.poll(() => cleo.sent(), { timeout: 20_000 }).toContain('offer');
  await allSee(20);
  expect((await watch.end()).missing).toEqual({});
  for (const page of [ann!, bob!]) expect(await page.sent()).toEqual(['join']);
  const after = await workers();
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  // Nobody is there: the worker that came in the place of the dead one has room.
  expect(new Set(after).size).toBe(WORKERS);
  const again = await metrics(sterna);
  expect(again('sterna_sfu_pipes')).toBe(12);
  expect(again('sterna_sfu_pipe_dropped_packets_total')).toBe(0);
});
