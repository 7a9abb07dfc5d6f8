// Rooms of mode `auto` through the real program in real Chromium: two exchange media directly, a third one brings them
// back to the server, and when it has left they are direct again; nobody sees or hears anything of it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MediaGaps } from '../support/e2e/media-gaps.ts';
import type { Gaps } from '../support/e2e/media-gaps.ts';
import { askStats } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';

/** What nobody shall notice, milliseconds; beyond what a busy machine makes by itself. */
const GAP_MAX = 500;
const LOOK = { timeout: 20_000, interval: 100 };

let browser: Chromium;
let host: SternaHost;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost({ mode: 'auto' })]);
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
});

interface RoomAnswer {
  room: { route: string };
  participants: { direct: number; subscriptions: { packets: number }[] }[];
}

async function stats(room = 'r'): Promise<RoomAnswer> {
  const { body } = await askStats(host.sterna, `${room}/stats`);
  return body as RoomAnswer;
}

/** Packets that the server has sent on so far. */
async function forwarded(): Promise<number> {
  const { participants } = await stats();
  const slots = participants.flatMap(({ subscriptions }) => subscriptions);
  return slots.reduce((sum, { packets }) => sum + packets, 0);
}

async function forwardedIn(ms: number): Promise<number> {
  const before = await forwarded();
  await pause(ms);
  return (await forwarded()) - before;
}

/** Ports of the connection between the two, as this end sees it. */
const pair = (page: SdkPage): Promise<{ local: unknown; remote: unknown }> =>
  page.page.evaluate(async () => {
    const pc = window.pcs.findLast(({ signalingState }) => signalingState !== 'closed');
    const report: ReadonlyMap<string, Record<string, unknown>> = new Map(await pc?.getStats());
    const transport = [...report.values()].find(({ type }) => type === 'transport');
    const selected = report.get(String(transport?.['selectedCandidatePairId']));
    const port = (field: string): unknown => report.get(String(selected?.[field]))?.['port'];
    return { local: port('localCandidateId'), remote: port('remoteCandidateId') };
  });

const isDirect = async (room = 'r'): Promise<number[]> =>
  (await stats(room)).participants.map(({ direct }) => direct);

const names = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() =>
    [...window.room.participants.values()].flatMap(({ name, tracks }) =>
      tracks.length === 2 ? [name] : [],
    ),
  );

/** A page whose encoders begin again slowly: who did not wait for them would see and hear nothing so long. */
async function open(): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await MediaGaps.publishes(page);
  await page.page.evaluate((slowMs) => {
    window.RTCPeerConnection = class extends window.RTCPeerConnection {
      override addTransceiver(
        ...given: Parameters<RTCPeerConnection['addTransceiver']>
      ): RTCRtpTransceiver {
        const transceiver = super.addTransceiver(...given);
        const { sender } = transceiver;
        const replace = sender.replaceTrack.bind(sender);
        sender.replaceTrack = async (track) => {
          if (track) await new Promise((resolve) => setTimeout(resolve, slowMs));
          await replace(track);
        };
        return transceiver;
      }
    };
  }, 2 * GAP_MAX);
  return page;
}

const films = async (): Promise<SdkPage> => (await SdkPage.open(browser, host)).films();

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const most = (of: readonly Gaps[], kind: keyof Gaps): number =>
  Math.max(...of.map((one) => one[kind]));

function expectNone(what: string, calm: readonly Gaps[], gaps: readonly Gaps[]): void {
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(`${what}: ${JSON.stringify(gaps)}; where nothing changed: ${JSON.stringify(calm)}`);
  const page = most(gaps, 'page');
  const picture = most(gaps, 'picture') - Math.max(most(calm, 'picture'), page);
  const sound = most(gaps, 'sound') - Math.max(most(calm, 'sound'), page);
  expect(picture, 'without a picture').toBeLessThan(GAP_MAX);
  expect(sound, 'without a sound').toBeLessThan(GAP_MAX);
}

test('two are direct, three are not, two are again, and nobody notices', async () => {
  const [ann, bob, cleo] = await Promise.all([open(), open(), open()]);
  await ann.join({ identity: 'ann' });
  await bob.join({ identity: 'bob' });
  await Promise.all([ann.heard('track bob', 2), bob.heard('track ann', 2)]);
  const watches = [await MediaGaps.of(ann, 'bob'), await MediaGaps.of(bob, 'ann')];
  const take = (): Promise<Gaps[]> => Promise.all(watches.map((watch) => watch.take()));
  const streams = await ann.page.evaluateHandle(
    () => [...window.room.participants.values()][0]?.stream,
  );
  await pause(500);
  await take();

  await expect.poll(() => isDirect(), LOOK).toEqual([2, 2]);
  const first = await take();
  const [atAnn, atBob] = [await pair(ann), await pair(bob)];
  expect(atAnn).toEqual({ local: atBob.remote, remote: atBob.local });
  expect((await stats()).room.route).toBe('p2p');
  // Who has been told last sends both ways until then.
  await expect.poll(() => forwardedIn(500), LOOK).toBe(0);
  expect(await forwardedIn(2000)).toBe(0);
  const calm = await take();
  expectNone('to each other', calm, first);

  await cleo.join({ identity: 'cleo' });
  await expect.poll(() => isDirect(), LOOK).toEqual([0, 0, 0]);
  for (const [page, others] of [
    [ann, ['bob', 'cleo']],
    [bob, ['ann', 'cleo']],
    [cleo, ['ann', 'bob']],
  ] as const) {
    await expect.poll(() => names(page), LOOK).toEqual(others);
    await page.sees(2);
    await expect.poll(() => page.lines(), LOOK).toHaveLength(1);
  }
  expectNone('to the server', calm, await take());

  await cleo.page.evaluate(() => window.room.leave());
  await expect.poll(() => isDirect(), LOOK).toEqual([2, 2]);
  await pause(500);
  expectNone('and back', calm, await take());
  expect(
    await ann.page.evaluate(
      (stream) => [...window.room.participants.values()][0]?.stream === stream,
      streams,
    ),
  ).toBe(true);
  expect((await ann.events()).filter((event) => event.startsWith('no track bob'))).toEqual([]);
});

test('a direct way that is dead is given up, and media goes on through the server', async () => {
  const room = 'dead';
  const [ann, bob] = await Promise.all([films(), films()]);
  await ann.join({ identity: 'ann', room });
  await bob.join({ identity: 'bob', room });
  await expect.poll(() => isDirect(room), LOOK).toEqual([2, 2]);
  await Promise.all([ann.sees(1), bob.sees(1)]);
  // As a cable that is drawn: the other end hears nothing of it.
  await bob.page.evaluate(() => window.pcs.at(-1)?.close());
  await expect.poll(() => isDirect(room), LOOK).toEqual([0, 0]);
  await Promise.all([ann.sees(1), bob.sees(1)]);
  expect(await ann.page.evaluate(() => window.room.isDirect)).toBe(false);
  await expect.poll(() => ann.lines(), LOOK).toHaveLength(1);
  expect(await ann.events()).not.toContain('no track bob video');
});
