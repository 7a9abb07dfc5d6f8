// A camera in two sizes through the real program in real Chromium: one subscriber's network becomes narrow and wide
// again, and another one does not notice.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { statsOf } from '../support/e2e/room-stats.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { UdpBottleneck } from '../support/e2e/udp-bottleneck.ts';
import { SdkPage } from '../support/sdk-page.ts';

declare global {
  interface Window {
    /** Heights of the pictures as they change, and the longest time without one since it was asked for, milliseconds. */
    pictures: { heights: number[]; longestGap: number; at: number };
  }
}

const WHOLE = 360;
const HALF = 180;

let browser: Chromium;
let host: SternaHost;
let path: UdpBottleneck;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
});
afterAll(async () => {
  await browser.close();
  path?.close();
  await host.sterna.stop();
});

/** Pictures that no encoder makes small. */
async function publish(): Promise<void> {
  const page = await SdkPage.open(browser, host);
  await page.page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [480, 360];
    const context = canvas.getContext('2d')!;
    setInterval(() => {
      for (let i = 0; i < 60; i++) {
        context.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
        context.fillRect(Math.random() * 480, Math.random() * 360, 30, 30);
      }
    }, 66);
    window.media = canvas.captureStream(15);
  });
  await page.join({ identity: 'ann', simulcast: true });
}

/** @param port what the server's candidates are changed to */
async function watch(identity: string, port = 0): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await page.page.evaluate((given) => {
    window.RTCPeerConnection = class extends window.RTCPeerConnection {
      override async setRemoteDescription({
        type,
        sdp = '',
      }: RTCSessionDescriptionInit): Promise<void> {
        const candidate = /(a=candidate:\S+ 1 udp \d+ \S+) \d+ /g;
        const moved = given === 0 ? sdp : sdp.replaceAll(candidate, `$1 ${given} `);
        await super.setRemoteDescription({ type, sdp: moved });
      }
    };
  }, port);
  await page.join({ identity, media: false });
  await page.page.evaluate(() => {
    window.pictures = { heights: [], longestGap: 0, at: 0 };
    const video = document.createElement('video');
    document.body.append(video);
    video.muted = true;
    video.srcObject = [...window.room.participants.values()][0]!.stream;
    void video.play();
    const onFrame = (): void => {
      const { pictures } = window;
      const now = performance.now();
      if (pictures.at > 0) pictures.longestGap = Math.max(pictures.longestGap, now - pictures.at);
      pictures.at = now;
      if (pictures.heights.at(-1) !== video.videoHeight) pictures.heights.push(video.videoHeight);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  });
  return page;
}

const mediaPort = (page: SdkPage): Promise<number> =>
  page.page.evaluate(() => {
    const { sdp = '' } = window.pcs[0]?.remoteDescription ?? {};
    return Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+) /.exec(sdp)?.[1]);
  });

const becomes = (page: SdkPage, height: number): Promise<void> =>
  expect
    .poll(() => page.page.evaluate(() => window.pictures.heights.at(-1)), { timeout: 20_000 })
    .toBe(height);

/** Bits a second of the larger size, as the server counts them. */
async function largest(): Promise<number> {
  const { tracks } = await statsOf(host.sterna, 'ann');
  return Math.max(...tracks.flatMap(({ streams }) => streams.map(({ bitrateBps }) => bitrateBps)));
}

const reason = (page: SdkPage): Promise<string | undefined> =>
  page.page.evaluate(() => {
    const [ann] = window.room.participants.values();
    return ann?.publications.find(({ kind }) => kind === 'video')?.quality?.reason;
  });

const gap = (page: SdkPage): Promise<number> =>
  page.page.evaluate(() => {
    const longest = window.pictures.longestGap;
    window.pictures.longestGap = 0;
    return longest;
  });

test('who has a narrow network is sent less, at once and alone, and more when it is wide', async () => {
  await publish();
  const cleo = await watch('cleo');
  path = await UdpBottleneck.to('127.0.0.1', await mediaPort(cleo));
  const bob = await watch('bob', path.port);
  for (const page of [bob, cleo]) await becomes(page, WHOLE);

  // A busy machine takes its time to make pictures as large as they may be.
  await expect.poll(() => largest(), { timeout: 30_000, interval: 500 }).toBeGreaterThan(420_000);
  await Promise.all([gap(bob), gap(cleo)]);
  path.bps = 280_000;
  await becomes(bob, HALF);
  await expect.poll(() => reason(bob)).toBe('bandwidth');
  await becomes(cleo, WHOLE);
  path.bps = Number.POSITIVE_INFINITY;
  await becomes(bob, WHOLE);
  // What a busy machine holds up it holds up for both.
  const [narrow, wide] = await Promise.all([gap(bob), gap(cleo)]);
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(`longest time without a picture: ${narrow} ms, and ${wide} ms where nothing changed`);
  expect(narrow - wide).toBeLessThan(5000);
});
