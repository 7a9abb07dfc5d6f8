// One encoding with three sizes inside, as real Chromium makes it of VP9 and of AV1: whoever wants a small picture is
// sent the lower layers alone, and all of them when it wants a large one, and goes on seeing pictures all the time.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';

/** Chromium makes no layer of less than 240 by 135. */
const SIZE = { width: 960, height: 540 };
const FPS = 8;

let browser: Chromium;
let host: SternaHost;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
});

async function publish(room: string, codec: 'vp9' | 'av1'): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await page.page.evaluate(
    ({ width, height, fps }) => {
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d')!;
      setInterval(() => {
        for (let i = 0; i < 20; i++) {
          context.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
          context.fillRect(Math.random() * width, Math.random() * height, 60, 60);
        }
      }, 1000 / fps);
      window.media = canvas.captureStream(fps);
    },
    { ...SIZE, fps: FPS },
  );
  const video = { codec, scalabilityMode: 'L3T3_KEY' };
  await page.join({ room, identity: 'ann', simulcast: true, video });
  // However busy the machine is.
  await page.page.evaluate(async () => {
    const sender = window.pcs[0]!.getSenders().find(({ track }) => track?.kind === 'video')!;
    const parameters = sender.getParameters();
    await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' });
  });
  return page;
}

interface Received {
  height: number;
  decoded: number;
  requests: number;
  codec: string;
}

function received(page: SdkPage): Promise<Received> {
  return page.page.evaluate(async () => {
    type Entry = Record<string, number & string> & { type: string };
    const all: Entry[] = [];
    (await window.pcs[0]!.getStats()).forEach((one: Entry) => all.push(one));
    const video = all.find(({ type, kind }) => type === 'inbound-rtp' && String(kind) === 'video');
    const codec = all.find(({ id }) => id === video?.codecId);
    return {
      height: video?.frameHeight ?? 0,
      decoded: video?.framesDecoded ?? 0,
      requests: video?.pliCount ?? 0,
      codec: codec?.mimeType ?? '',
    };
  });
}

const wants = (page: SdkPage, size: { w: number; h: number }): Promise<void> =>
  page.page.evaluate(async (wish) => {
    const [ann] = window.room.participants.values();
    const video = ann!.publications.find(({ kind }) => kind === 'video')!;
    await window.room.subscribe(video, wish);
  }, size);

const becomes = (page: SdkPage, height: number): Promise<void> =>
  expect.poll(async () => (await received(page)).height, { timeout: 20_000 }).toBe(height);

test.each(['vp9', 'av1'] as const)('%s L3T3_KEY: as many layers as are wanted', async (codec) => {
  await publish(codec, codec);
  const bob = await SdkPage.open(browser, host);
  await bob.join({ room: codec, identity: 'bob', media: false });
  await becomes(bob, SIZE.height);
  expect((await received(bob)).codec).toBe(`video/${codec.toUpperCase()}`);
  const before = await received(bob);
  for (const [wish, height] of [
    // Codecs like an even number of lines.
    [{ w: 160, h: 90 }, 136],
    [{ w: 480, h: 360 }, SIZE.height / 2],
    [{ w: 1280, h: 720 }, SIZE.height],
  ] as const) {
    await wants(bob, wish);
    await becomes(bob, height);
    const { decoded } = await received(bob);
    await expect
      .poll(async () => (await received(bob)).decoded, { timeout: 20_000 })
      .toBeGreaterThan(decoded + 4);
  }
  // Whatever was left out, nothing was missed.
  expect((await received(bob)).requests - before.requests).toBeLessThanOrEqual(1);
});
