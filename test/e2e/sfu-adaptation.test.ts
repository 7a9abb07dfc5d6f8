// A camera in three sizes through the real program in real browsers: the network of one who looks on becomes narrow
// and wide again. What he sees goes on, smaller and large again, and another one does not notice.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import {
  enterBy,
  enterWithFilm,
  isShown,
  largestBps,
  longestGap,
  mediaPort,
  picturesOf,
  publishFilm,
  reasonOf,
  watchFilm,
} from '../support/e2e/narrow-meeting.ts';
import type { Browser } from '../support/e2e/narrow-meeting.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { UdpBottleneck } from '../support/e2e/udp-bottleneck.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { ownAddress } from '../support/peers/whip-meeting.ts';

const WHOLE = 720;
const CAP_BPS = 500_000;
const CAPPED_MS = 6000;
/** What the camera sends is far more than that when it begins. */
const FULL_BPS = 1_000_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const now = (): number => performance.timeOrigin + performance.now();

let chromium: Chromium;
let firefox: Firefox;
let host: SternaHost;
let path: UdpBottleneck | undefined;

beforeAll(async () => {
  [chromium, firefox] = await Promise.all([Chromium.launch(), Firefox.launch()]);
});
afterEach(async () => {
  path?.close();
  await Promise.all([chromium.closePages(), firefox.closePages()]);
  await host.sterna.stop();
  chromium.throwErrors();
});
afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
});

/** @param media where the server receives it: Firefox has no candidates on loopback */
async function narrowsAndWidens(
  media: string,
  publish: () => Promise<unknown>,
  browser: Browser,
): Promise<void> {
  host = await startHost({ media });
  await publish();
  const wide = await watchFilm(chromium, host);
  path = await UdpBottleneck.to(media, await mediaPort(wide));
  const narrow = await enterBy(path.port, browser, host);
  // A busy machine takes its time to make pictures as large as they may be.
  await expect
    .poll(() => largestBps(host), { timeout: 60_000, interval: 500 })
    .toBeGreaterThan(FULL_BPS);
  await Promise.all([isShown(narrow, WHOLE, 3000), isShown(wide.page, WHOLE, 3000)]);

  const cappedAt = now();
  path.bps = CAP_BPS;
  await expect.poll(() => reasonOf(narrow)).toEqual(['bandwidth', 'Slow connection']);
  await sleep(CAPPED_MS);
  const releasedAt = now();
  path.bps = Number.POSITIVE_INFINITY;
  await isShown(narrow, WHOLE, 1000);
  const endedAt = now();

  const [shown, others] = await Promise.all([picturesOf(narrow), picturesOf(wide.page)]);
  const after = (from: number, holds: (height: number) => boolean): number =>
    Math.round(
      (shown.find(({ at, height }) => at > from && holds(height))?.at ?? Number.NaN) - from,
    );
  const fellAfter = after(cappedAt, (height) => height < WHOLE);
  const returnedAfter = after(releasedAt, (height) => height === WHOLE);
  const gap = longestGap(shown, cappedAt, endedAt);
  const othersGap = longestGap(others, cappedAt, endedAt);
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(
    `smaller after ${fellAfter} ms, large again ${returnedAfter} ms after the release; ` +
      `longest time without a picture ${gap} ms, and ${othersGap} ms where nothing changed`,
  );
  expect(fellAfter).toBeLessThan(2000);
  expect(returnedAfter).toBeLessThan(10_000);
  // What a busy machine holds up it holds up for both.
  expect(gap - othersGap).toBeLessThan(500);
  expect(others.filter(({ at, height }) => at >= cappedAt && height !== WHOLE)).toEqual([]);
}

test('a narrow network is a smaller picture and no pause, and a wide one a large picture', () =>
  narrowsAndWidens('127.0.0.1', () => publishFilm(chromium, host), chromium));

test('so it is in Firefox', () =>
  narrowsAndWidens(ownAddress(), () => publishFilm(chromium, host), firefox));

test('and where Firefox publishes', () =>
  narrowsAndWidens(ownAddress(), () => enterWithFilm(firefox, host), chromium));
