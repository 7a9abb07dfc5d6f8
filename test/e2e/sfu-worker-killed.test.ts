// A media worker dies in a call of real Chromium pages: its rooms get another one and see each other again, within the
// same sessions; the rooms of the other worker miss nothing.

import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { askStats, statsOf } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import type { Death } from '../support/fault/kill-worker.ts';
import { metrics } from '../support/fault/server-state.ts';
import { FrameWatch } from '../support/frame-watch.ts';
import { SdkPage } from '../support/sdk-page.ts';

let browser: Chromium;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
});
afterAll(() => browser.close());

/** Killed in the end: a server whose log has the death of a worker may not `stop`. */
async function serve(workers: number): Promise<SternaHost> {
  const host = await startHost({ workers, nodeFlags: INSPECT });
  onTestFinished(() => host.sterna.kill());
  return host;
}

async function kill(host: SternaHost, death: Death, workers: number): Promise<number> {
  const inspector = await Inspector.attach(host.sterna, workers);
  await killWorker(inspector, death);
  const [exited] = await host.sterna.waitForEvents('media.exited');
  inspector.close();
  return Number(exited?.['worker']);
}

const open = async (host: SternaHost): Promise<SdkPage> =>
  (await SdkPage.open(browser, host)).films();

const allSee = (pages: readonly SdkPage[], frames?: number): Promise<unknown> =>
  Promise.all(pages.map((page) => page.sees(pages.length - 1, frames)));

/** Who is in the room, as a page has it, and what is told of a session that it lost. */
async function standing(page: SdkPage): Promise<{ sids: string[]; trouble: string[] }> {
  const sids = await page.page.evaluate(() => [
    window.room.self.sid,
    ...window.room.participants.keys(),
  ]);
  const trouble = (await page.events()).filter((event) => /^(?:state|left|closed)/.test(event));
  return { sids, trouble };
}

test.each<Death>(['exit', 'hang'])('of two: %s', async (death) => {
  const host = await serve(2);
  const rooms: SdkPage[][] = [];
  for (const room of ['r', 's']) {
    const pages: SdkPage[] = [];
    for (const name of ['ann', 'bob']) {
      const page = await open(host);
      pages.push(await page.join({ identity: `${name} of ${room}`, room }));
    }
    await allSee(pages);
    rooms.push(pages);
  }
  const before = await Promise.all(rooms.flat().map(standing));
  const watches: FrameWatch[] = [];
  for (const [ann, bob] of rooms) watches.push(await FrameWatch.begin({ ann: ann!, bob: bob! }));

  const dead = await kill(host, death, 2);
  // Rooms are dealt out in turn.
  const others = rooms[1 - dead]!;
  const orphans = rooms[dead]!;
  await allSee(others);
  const [lost] = await host.sterna.waitForEvents('media.lost');
  expect(lost).toMatchObject({ level: 'warn', worker: dead, transports: 2 });
  for (const page of orphans) {
    await expect.poll(async () => await page.sent(), { timeout: 20_000 }).toContain('offer');
  }
  await allSee(orphans, 20);
  await allSee(others);

  expect((await watches[1 - dead]!.end()).missing).toEqual({});
  for (const page of others) expect(await page.sent()).toEqual(['join']);
  // The same sessions on the same sockets: a socket begins with a join.
  for (const page of orphans) {
    expect((await page.sent()).filter((type) => type === 'join')).toEqual(['join']);
  }
  const after = await Promise.all(rooms.flat().map(standing));
  expect(after).toEqual(before);
  const read = await metrics(host.sterna);
  expect(read('sterna_media_worker_restarts_total')).toBe(1);
  expect(read('sterna_media_worker_restarts_total', 'worker', String(dead))).toBe(1);
  expect(read('sterna_media_up')).toBe(2);
  expect(read('sterna_sfu_transports', 'state', 'connected')).toBe(4);
});

test('of one: who is muted stays muted, and who comes meanwhile is seen', async () => {
  const host = await serve(1);
  const [ann, bob, cleo] = [await open(host), await open(host), await open(host)];
  await ann.join({ identity: 'ann' });
  await bob.join({ identity: 'bob' });
  await allSee([ann, bob]);
  await bob.page.evaluate(() => window.room.local.enableMicrophone(false));
  await expect.poll(async () => await bob.sent()).toContain('mute');

  await kill(host, 'exit', 1);
  const asked = await askStats(host.sterna, 'r/participants/ann/stats');
  // The next worker may be there already.
  const known = { participant: { identity: 'ann' } };
  const unknown = { status: 503, reason: 'MEDIA_UNAVAILABLE' };
  expect(asked.body).toMatchObject(asked.status === 200 ? known : unknown);
  await cleo.join({ identity: 'cleo' });
  await allSee([ann, bob, cleo], 20);
  const microphone = (await statsOf(host.sterna, 'bob')).tracks.find(
    ({ source }) => source === 'microphone',
  );
  expect(microphone?.muted).toBe(true);
  const { subscriptions } = await statsOf(host.sterna, 'ann');
  expect(subscriptions.find(({ track }) => track === microphone?.sid)).toMatchObject({
    waits: 'muted',
    packets: 0,
  });
  await bob.page.evaluate(() => window.room.local.enableMicrophone(true));
  const heard = async (): Promise<number> => {
    const now = await statsOf(host.sterna, 'ann');
    return now.subscriptions.find(({ track }) => track === microphone?.sid)?.packets ?? 0;
  };
  await expect.poll(heard, { timeout: 10_000 }).toBeGreaterThan(20);
});
