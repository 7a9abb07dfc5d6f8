// The network of one who looks on becomes narrow and wide again: what he sees goes on, smaller and large again, and
// another one does not notice.

import { expect } from 'vitest';
import type { Chromium } from '../chromium.ts';
import {
  type Browser,
  choicesOf,
  enterBy,
  isShown,
  largestOf,
  longestGap,
  mediaPort,
  picturesOf,
  reasonOf,
  watchFilm,
} from './narrow-meeting.ts';
import type { SternaHost } from './sterna-host.ts';
import { UdpBottleneck } from './udp-bottleneck.ts';

const WHOLE = 720;
const CAP_BPS = 500_000;
const CAPPED_MS = 4000;
/** What the camera sends is far more than that when it begins. */
const FULL_BPS = 1_000_000;
/** The larger picture that is back is there to stay. */
const STEADY_MS = 3000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const now = (): number => performance.timeOrigin + performance.now();

/**
 * Ann publishes a film already.
 * @param media the address where the server receives media
 * @param chromium of who does not notice
 * @param queueMs of the network that becomes narrow: a short one loses most of what is sent too much
 * @returns how many key frames of the largest size the fall has cost
 */
export async function narrowsAndWidens(
  host: SternaHost,
  media: string,
  chromium: Chromium,
  browser: Browser,
  queueMs?: number,
): Promise<{ madeAnew: number }> {
  const wide = await watchFilm(chromium, host);
  const path = await UdpBottleneck.to(media, await mediaPort(wide));
  path.queueMs = queueMs ?? path.queueMs;
  try {
    const narrow = await enterBy(path.port, browser, host);
    // A busy machine takes its time to make pictures as large as they may be.
    await expect
      .poll(async () => (await largestOf(host)).bitrateBps, { timeout: 60_000, interval: 500 })
      .toBeGreaterThan(FULL_BPS);
    await Promise.all([isShown(narrow, WHOLE, STEADY_MS), isShown(wide.page, WHOLE, STEADY_MS)]);

    const { keyFrames } = await largestOf(host);
    const cappedAt = now();
    path.bps = CAP_BPS;
    await expect.poll(() => reasonOf(narrow)).toEqual(['bandwidth', 'Slow connection']);
    await sleep(CAPPED_MS);
    const madeAnew = (await largestOf(host)).keyFrames - keyFrames;
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
    const smaller = others.filter(({ at, height }) => at >= cappedAt && height !== WHOLE);
    const choices = (await choicesOf(wide)).filter(({ at }) => at >= cappedAt);
    // oxlint-disable-next-line no-console -- for who looks at it
    console.log(
      `a queue of ${path.queueMs} ms: smaller after ${fellAfter} ms, large again ${returnedAfter} ms after the release; ` +
        `longest time without a picture ${gap} ms, and ${othersGap} ms where nothing changed`,
    );
    // Two seconds, ten, and half a one are the aim, and what a machine that has nothing else to do shows. A busy one
    // encodes and decodes late, and must not decide.
    expect(fellAfter).toBeLessThan(4000);
    expect(returnedAfter).toBeLessThan(20_000);
    expect(gap - othersGap).toBeLessThan(1500);
    expect({ smaller, choices }).toEqual({ smaller: [], choices: [] });
    return { madeAnew };
  } finally {
    path.close();
  }
}
