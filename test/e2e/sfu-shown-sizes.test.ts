// A camera in two sizes through the real program in real Chromium: what is received follows the element that shows it,
// and the publisher sends what somebody is shown and nothing else.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';

const WHOLE = 360;
const HALF = 180;
/** A busy machine takes its time to make pictures as large as they may be. */
const PATIENT = { timeout: 30_000, interval: 100 };

let browser: Chromium;
let host: SternaHost;
let ann: SdkPage;
let bob: SdkPage;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
  ann = await SdkPage.open(browser, host);
  await ann.page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [480, 360];
    const context = canvas.getContext('2d')!;
    setInterval(() => {
      context.fillStyle = `hsl(${performance.now() % 360} 90% 50%)`;
      context.fillRect(0, 0, 480, 360);
    }, 66);
    window.media = canvas.captureStream(15);
  });
  await ann.join({ identity: 'ann', simulcast: true });
  bob = await SdkPage.open(browser, host);
  await bob.join({ identity: 'bob', media: false });
  await bob.heard('track ann video');
  await bob.page.evaluate(() => {
    const video = document.createElement('video');
    Object.assign(video, { id: 'ann', muted: true, autoplay: true });
    document.body.replaceChildren(video);
    const [publisher] = window.room.participants.values();
    publisher!.publications.find(({ kind }) => kind === 'video')!.attach(video);
  });
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
});

const style = (css: string): Promise<void> =>
  bob.page.evaluate((text) => {
    document.querySelector('video')!.style.cssText = text;
  }, css);

/** Lines of the picture that is shown, and what is said of it. */
const seen = (): Promise<{ lines: number; quality: unknown; frames: number }> =>
  bob.page.evaluate(() => {
    const video = document.querySelector('video')!;
    const [publisher] = window.room.participants.values();
    const publication = publisher!.publications.find(({ kind }) => kind === 'video')!;
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    return { lines: video.videoHeight, quality: publication.quality, frames };
  });

/** By rid, what the publisher encodes, and how much it has sent. */
const sent = (): Promise<Record<string, { active: boolean; bytes: number }>> =>
  ann.page.evaluate(async () => {
    const streams: Record<string, { active: boolean; bytes: number }> = {};
    const report = await window.pcs[0]!.getStats();
    for (const one of report.values() as Iterable<Record<string, unknown>>) {
      if (one['type'] !== 'outbound-rtp' || one['kind'] !== 'video') continue;
      streams[String(one['rid'])] = {
        active: one['active'] === true,
        bytes: Number(one['bytesSent']),
      };
    }
    return streams;
  });

const active = async (): Promise<Record<string, boolean>> =>
  Object.fromEntries(Object.entries(await sent()).map(([rid, one]) => [rid, one.active]));

test('what is shown small is sent small, and what is not shown is not sent', async () => {
  await style('display: block; width: 96px; height: 72px');
  await expect
    .poll(seen, PATIENT)
    .toMatchObject({ lines: HALF, quality: { layer: 0, paused: false, reason: 'limit' } });
  await expect.poll(active, PATIENT).toEqual({ h: true, f: false });
  const resting = await sent();
  const { frames } = await seen();
  await expect.poll(async () => (await seen()).frames, PATIENT).toBeGreaterThan(frames + 5);
  // Nobody says that the publisher could do better: it was told not to.
  expect((await seen()).quality).toMatchObject({ reason: 'limit' });
  expect((await sent())['f']!.bytes).toBe(resting['f']!.bytes);

  await style('display: block; width: 640px; height: 480px');
  await expect.poll(active, PATIENT).toEqual({ h: true, f: true });
  await expect.poll(seen, PATIENT).toMatchObject({ lines: WHOLE, quality: { layer: 1 } });

  await style('display: none');
  await expect
    .poll(seen, PATIENT)
    .toMatchObject({ lines: WHOLE, quality: { layer: -1, paused: true, reason: 'hidden' } });
  await expect.poll(active, PATIENT).toEqual({ h: false, f: false });

  const { frames: frozen } = await seen();
  await style('display: block; width: 640px; height: 480px');
  await expect.poll(active, PATIENT).toEqual({ h: true, f: true });
  await expect.poll(seen, PATIENT).toMatchObject({ lines: WHOLE, quality: { paused: false } });
  expect((await seen()).frames).toBeGreaterThan(frozen);

  const quality = (of: 'low' | 'auto'): Promise<void> =>
    bob.page.evaluate(async (given) => {
      const [publisher] = window.room.participants.values();
      await publisher!.publications.find(({ kind }) => kind === 'video')!.setQuality(given);
    }, of);
  await quality('low');
  await expect.poll(seen, PATIENT).toMatchObject({ lines: HALF, quality: { reason: 'limit' } });
  await quality('auto');
  await expect.poll(seen, PATIENT).toMatchObject({ lines: WHOLE });

  await bob.page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await expect.poll(seen, PATIENT).toMatchObject({ quality: { reason: 'hidden' } });
});
