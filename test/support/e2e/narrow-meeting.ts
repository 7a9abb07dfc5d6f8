// A camera of 720 lines in three sizes, somebody whose network a test makes narrow, and somebody whose network stays as
// it is: what each is shown, picture by picture.

import { expect } from 'vitest';
import type { Room } from '../../../sdk/index.ts';
import type { Chromium } from '../chromium.ts';
import type { ScriptablePage } from '../peers/browser-peer.ts';
import { SdkPage } from '../sdk-page.ts';
import { statsOf } from './room-stats.ts';
import type { SternaHost } from './sterna-host.ts';

declare global {
  interface Window {
    sternaRoom?: Room;
    /** Each picture as it was shown, with the time since the epoch in milliseconds. */
    pictures: { at: number; height: number }[];
    /** Each change of what the server sends of that picture, and why. */
    choices: Choice[];
    serverPort: number;
  }
}

export interface Choice {
  readonly at: number;
  readonly layer: number;
  readonly reason: string;
}

export interface Picture {
  readonly at: number;
  readonly height: number;
}

/** Of the page, which may be of either browser. */
export interface Browser {
  open(url: string): Promise<ScriptablePage>;
}

const FRAMES_A_SECOND = 24;

/**
 * Runs in the page: shapes that move slowly before a room that does not, which key frames are large of, and the noise
 * of a sensor. That makes a large picture cost much, and is too fine for a small one.
 */
function film(framesASecond: number): void {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280, 720];
  const context = canvas.getContext('2d')!;
  const room = document.createElement('canvas');
  [room.width, room.height] = [canvas.width, canvas.height];
  const wall = room.getContext('2d')!;
  for (let i = 0; i < 600; i++) {
    wall.fillStyle = `hsl(${(i * 7) % 360} 20% ${30 + ((i * 13) % 40)}%)`;
    wall.fillRect((i * 397) % 1280, (i * 661) % 720, 24 + (i % 79), 20 + (i % 63));
  }
  const noise = Array.from({ length: 8 }, () => {
    const tile = document.createElement('canvas');
    [tile.width, tile.height] = [256, 256];
    const grain = tile.getContext('2d')!;
    const image = grain.createImageData(256, 256);
    for (let i = 0; i < image.data.length; i += 4) {
      image.data.fill(Math.random() < 0.5 ? 0 : 255, i, i + 3);
      image.data[i + 3] = Math.random() * 5;
    }
    grain.putImageData(image, 0, 0);
    return context.createPattern(tile, 'repeat')!;
  });
  let frame = 0;
  setInterval(() => {
    frame++;
    context.drawImage(room, 0, 0);
    for (let i = 0; i < 6; i++) {
      context.fillStyle = `hsl(${i * 60} 50% 50%)`;
      const x = 640 + 400 * Math.sin(frame / (60 + 7 * i) + i);
      const y = 360 + 200 * Math.cos(frame / (50 + 5 * i) + 2 * i);
      context.beginPath();
      context.ellipse(x, y, 150 - i * 15, 110 - i * 10, frame / 100, 0, 7);
      context.fill();
    }
    context.fillStyle = noise[frame % noise.length]!;
    context.fillRect(0, 0, 1280, 720);
  }, 1000 / framesASecond);
  for (const camera of window.media.getVideoTracks()) camera.stop();
  const tracks = canvas.captureStream(framesASecond).getVideoTracks();
  window.media = new MediaStream([...window.media.getAudioTracks(), ...tracks]);
}

/** Runs in the page: notes each picture of that video. */
function watchPictures(selector: string): void {
  const video = document.querySelector<HTMLVideoElement>(selector)!;
  window.pictures = [];
  const onPicture = (_now: number, { presentationTime }: VideoFrameCallbackMetadata): void => {
    const at = performance.timeOrigin + presentationTime;
    window.pictures.push({ at, height: video.videoHeight });
    video.requestVideoFrameCallback(onPicture);
  };
  video.requestVideoFrameCallback(onPicture);
}

/**
 * Publishes from a page of the SDK.
 * @param codec in three encodings of VP8 where it is left out, and else in one with three sizes inside
 */
export async function publishFilm(
  browser: Chromium,
  host: SternaHost,
  codec?: 'vp9' | 'av1',
): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await page.page.evaluate(film, FRAMES_A_SECOND);
  const layers = codec === undefined ? {} : { video: { codec, scalabilityMode: 'L3T3_KEY' } };
  await page.join({ identity: 'ann', simulcast: true, ...layers });
  if (codec === undefined) return page;
  // However busy the machine is.
  await page.page.evaluate(async () => {
    const sender = window.pcs[0]!.getSenders().find(({ track }) => track?.kind === 'video')!;
    const parameters = sender.getParameters();
    await sender.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' });
  });
  return page;
}

/** Somebody who only looks, in a page of the SDK, which costs less than a meeting page. */
export async function watchFilm(browser: Chromium, host: SternaHost): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  await page.join({ identity: 'wide', media: false });
  await page.page.evaluate(() => {
    const video = document.createElement('video');
    document.body.append(video);
    video.width = 160;
    video.muted = true;
    video.srcObject = [...window.room.participants.values()][0]!.stream;
    void video.play();
    window.choices = [];
    window.room.on('quality', ({ publication: { quality } }) => {
      if (!quality) return;
      const at = performance.timeOrigin + performance.now();
      window.choices.push({ at, layer: quality.layer, reason: quality.reason });
    });
  });
  await page.page.evaluate(watchPictures, 'video');
  return page;
}

/** Where the server receives the media of that page. */
export const mediaPort = (page: SdkPage): Promise<number> =>
  page.page.evaluate(() => {
    const { sdp = '' } = window.pcs[0]?.remoteDescription ?? {};
    return Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+) /.exec(sdp)?.[1]);
  });

/** The meeting page, before anybody has joined. */
const openPage = (browser: Browser, host: SternaHost, token: string): Promise<ScriptablePage> =>
  browser.open(`${host.url}/#token=${token}`);

async function enter(page: ScriptablePage): Promise<void> {
  await page.evaluate((_none) => document.querySelector<HTMLElement>('#join')?.click(), undefined);
  await expect
    .poll(() => page.evaluate((_none) => window.sternaRoom?.state, undefined), { timeout: 20_000 })
    .toBe('connected');
}

/** Publishes from a meeting page, which any browser can show. */
export async function enterWithFilm(browser: Browser, host: SternaHost): Promise<void> {
  const page = await openPage(browser, host, host.token({ identity: 'ann' }));
  const isReady = (): Promise<boolean> =>
    page.evaluate((_none) => document.querySelector('#preview-video') !== null, undefined);
  await expect.poll(isReady).toBe(true);
  await page.evaluate(async (_none) => {
    window.media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  }, undefined);
  await page.evaluate(film, FRAMES_A_SECOND);
  await page.evaluate((_none) => {
    navigator.mediaDevices.getUserMedia = async () => window.media;
    document.querySelector('#camera')?.dispatchEvent(new Event('change'));
  }, undefined);
  await enter(page);
}

/** The meeting page of somebody who only looks, to whom all media goes by that port instead. */
export async function enterBy(
  port: number,
  browser: Browser,
  host: SternaHost,
): Promise<ScriptablePage> {
  const token = host.token({ identity: 'narrow', grants: { canPublish: false } });
  const page = await openPage(browser, host, token);
  await page.evaluate((given) => {
    const { prototype } = RTCPeerConnection;
    type Set = (this: RTCPeerConnection, given: RTCSessionDescriptionInit) => Promise<void>;
    // oxlint-disable-next-line unbound-method -- it is called with `this`
    const before: Set = prototype.setRemoteDescription;
    prototype.setRemoteDescription = function moved({
      type,
      sdp = '',
    }: RTCSessionDescriptionInit): Promise<void> {
      // And there is no way around it.
      const udp = sdp.replaceAll(/a=candidate:\S+ 1 tcp .*\r\n/gi, '');
      const candidate = /(a=candidate:\S+ 1 udp \d+ \S+) \d+ /gi;
      return before.call(this, { type, sdp: udp.replaceAll(candidate, `$1 ${given} `) });
    };
  }, port);
  await enter(page);
  const tiles = (): Promise<number> =>
    page.evaluate(
      (_none) => document.querySelectorAll('.tile[data-camera=on] video').length,
      undefined,
    );
  await expect.poll(tiles).toBe(1);
  // Its tile is smaller than what is to be seen here.
  await page.evaluate(async (_none) => {
    const ann = [...window.sternaRoom!.participants.values()].find(
      ({ publications }) => publications.length > 0,
    );
    await ann?.publications.find(({ kind }) => kind === 'video')?.setQuality('high');
  }, undefined);
  await page.evaluate(watchPictures, '.tile[data-camera=on] video');
  return page;
}

export const picturesOf = (page: ScriptablePage): Promise<Picture[]> =>
  page.evaluate((_none) => window.pictures, undefined);

export const choicesOf = (page: SdkPage): Promise<Choice[]> =>
  page.page.evaluate(() => window.choices);

/** Why the server sends no more, and what the tile says of it. */
export const reasonOf = (page: ScriptablePage): Promise<(string | undefined)[]> =>
  page.evaluate((_none) => {
    const others = [...window.sternaRoom!.participants.values()];
    const ann = others.find(({ identity }) => identity === 'ann');
    const quality = ann?.publications.find(({ kind }) => kind === 'video')?.quality;
    const tile = document.querySelector('.tile[data-camera=on] .tile-quality');
    return [quality?.reason, tile?.textContent ?? undefined];
  }, undefined);

/** Waits until that size is shown, and nothing else for so long. */
export async function isShown(page: ScriptablePage, height: number, forMs = 0): Promise<void> {
  const holds = async (): Promise<boolean> => {
    const pictures = await picturesOf(page);
    const since = (pictures.at(-1)?.at ?? 0) - forMs;
    return pictures.length > 0 && pictures.every((one) => one.at < since || one.height === height);
  };
  await expect.poll(holds, { timeout: 60_000 }).toBe(true);
}

interface Counted {
  readonly bitrateBps: number;
  readonly keyFrames: number;
}

/** What the server counts of the largest size; of none yet nothing. */
export async function largestOf(host: SternaHost): Promise<Counted> {
  const { tracks } = await statsOf(host.sterna, 'ann');
  const streams: Counted[] = tracks.flatMap((track) => track.streams);
  const none = { bitrateBps: 0, keyFrames: 0 };
  return streams.reduce((one, other) => (other.bitrateBps > one.bitrateBps ? other : one), none);
}

/** The longest time without a new picture between two moments, milliseconds. */
export function longestGap(pictures: readonly Picture[], from: number, to: number): number {
  const times = pictures.map(({ at }) => at).filter((at) => at <= to);
  const ends = [...times.slice(1), to];
  const gaps = times.map((at, i) => (ends[i]! < from ? 0 : ends[i]! - at));
  return Math.round(Math.max(...gaps));
}
