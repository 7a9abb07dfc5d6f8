// The meeting page in Firefox, together with Chromium, through the real program whose rooms are of mode sfu.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Room } from '../../sdk/index.ts';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { HostOptions, SternaHost } from '../support/e2e/sterna-host.ts';
import { incomingVideos } from '../support/frame-counts.ts';
import { kernelDrops } from '../support/kernel-drops.ts';
import type { ScriptablePage } from '../support/peers/browser-peer.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { ownAddress } from '../support/peers/whip-meeting.ts';

declare global {
  interface Window {
    sternaRoom?: Room;
  }
}

let chromium: Chromium;
let firefox: Firefox;
let host: SternaHost;
let dropsBefore = 0;

beforeAll(async () => {
  chromium = await Chromium.launch();
  firefox = await Firefox.launch();
});
beforeEach(() => {
  dropsBefore = kernelDrops();
});
afterEach(async () => {
  await Promise.all([chromium.closePages(), firefox.closePages()]);
  await host.sterna.stop();
  chromium.throwErrors();
});
afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
});

/** Firefox has no candidates on loopback. */
async function serve(options: HostOptions = { media: ownAddress() }): Promise<void> {
  host = await startHost(options);
}

/** The page joins by itself and is in the meeting, on either browser. */
async function enter(
  browser: { open(url: string): Promise<ScriptablePage> },
  identity: string,
  query = '',
): Promise<ScriptablePage> {
  const page = await browser.open(
    `${host.url}/?autojoin=1${query}#token=${host.token({ identity })}`,
  );
  await expect
    .poll(() => page.evaluate((_none) => window.sternaRoom?.state, undefined), { timeout: 20_000 })
    .toBe('connected');
  return page;
}

/** Frames of what comes from somebody, by source, and packets of sound. */
const received = (page: ScriptablePage, name: string): Promise<Record<string, number>> =>
  page.evaluate(async (who) => {
    const room = window.sternaRoom;
    if (!room) return {};
    const found = [...room.participants.values()].find((one) => one.name === who);
    const tracks = (await room.stats()).get(found?.sid ?? '')?.tracks ?? [];
    const counts: Record<string, number> = {};
    for (const { source, kind, frames, packets } of tracks) {
      counts[source] = kind === 'video' ? frames : packets;
    }
    return counts;
  }, name);

/** Waits until pictures and sound of somebody go on. */
async function gets(
  page: ScriptablePage,
  name: string,
  sources = ['camera', 'microphone'],
): Promise<void> {
  const before = await received(page, name);
  for (const source of sources) {
    await expect
      .poll(async () => (await received(page, name))[source] ?? 0, { timeout: 20_000 })
      .toBeGreaterThan((before[source] ?? 0) + 10);
  }
}

/** Of all video that comes. */
async function flow(
  page: ScriptablePage,
): Promise<{ frames: number; lost: number; freezes: number }> {
  const entries = await page.evaluate(async (_none) => {
    const [link] = (await window.sternaRoom?.stats())?.values() ?? [];
    return [...(link?.report.values() ?? [])];
  }, undefined);
  const sum = { frames: 0, lost: 0, freezes: 0 };
  for (const { framesDecoded, packetsLost, freezeCount } of incomingVideos(entries)) {
    sum.frames += framesDecoded;
    sum.lost += packetsLost;
    sum.freezes += freezeCount;
  }
  return sum;
}

/**
 * Prints frames and freezes, which may be the machine's. No packet may be missing in what the server has numbered,
 * unless the kernel had no room for some.
 */
async function expectWhole(pages: Readonly<Record<string, ScriptablePage>>): Promise<void> {
  const { currentTestName = '' } = expect.getState();
  for (const [name, page] of Object.entries(pages)) {
    const { frames, lost, freezes } = await flow(page);
    const dropped = kernelDrops() - dropsBefore;
    process.stdout.write(
      `frames: ${currentTestName}: ${name}: ${frames}, ${freezes} freezes, ${lost} packets lost; ` +
        `the kernel dropped ${dropped}\n`,
    );
    expect(frames).toBeGreaterThan(0);
    expect(dropped === 0 ? lost : 0).toBe(0);
  }
}

const pathOf = (page: ScriptablePage): Promise<string | undefined> =>
  page.evaluate(
    async (_none) => (await window.sternaRoom?.connectionPath(''))?.local ?? '',
    undefined,
  );

test('two foxes and a Chromium see and hear each other, directly', async () => {
  await serve();
  const pages = {
    fox: await enter(firefox, 'fox'),
    chrome: await enter(chromium, 'chrome'),
    vixen: await enter(firefox, 'vixen'),
  };
  for (const [name, page] of Object.entries(pages)) {
    for (const other of Object.keys(pages)) if (other !== name) await gets(page, other);
    expect(await pathOf(page)).toMatch(/^(host|prflx)$/);
  }
  const phases = await pages.vixen.evaluate((_none) => window.sternaRoom?.timeline(), undefined);
  await expectWhole(pages);
  expect(phases?.offerBytes).toBeLessThan(20_000);
  expect(phases?.answer).toBeLessThanOrEqual(phases?.dtlsConnected ?? 0);
});

test('Firefox publishes and takes back, mutes, shares its screen and changes its network', async () => {
  await serve();
  const fox = await enter(firefox, 'fox');
  const chrome = await enter(chromium, 'chrome');
  await Promise.all([gets(chrome, 'fox'), gets(fox, 'chrome')]);
  await fox.evaluate(async (_none) => {
    const local = window.sternaRoom?.local;
    for (const publication of local?.publications ?? []) await local?.unpublish(publication);
  }, undefined);
  await expect.poll(() => received(chrome, 'fox')).toEqual({});
  await fox.evaluate(async (_none) => {
    await window.sternaRoom?.local.enableCamera(true);
    await window.sternaRoom?.local.enableMicrophone(true);
  }, undefined);
  await gets(chrome, 'fox');
  await fox.evaluate(async (_none) => {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    setInterval(() => {
      if (context) context.fillStyle = `hsl(${performance.now() % 360} 90% 50%)`;
      context?.fillRect(0, 0, canvas.width, canvas.height);
    }, 50);
    navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
    await window.sternaRoom?.local.enableScreenShare(true);
  }, undefined);
  await gets(chrome, 'fox', ['screen', 'camera']);
  await fox.evaluate((_none) => window.sternaRoom?.local.enableScreenShare(false), undefined);
  await fox.evaluate((_none) => window.sternaRoom?.local.enableMicrophone(false), undefined);
  const muted = (): Promise<unknown> =>
    chrome.evaluate(
      (_none) => [...(window.sternaRoom?.participants.values() ?? [])][0]?.microphone,
      undefined,
    );
  await expect.poll(muted).toBe('off');
  await fox.evaluate(() => window.dispatchEvent(new Event('online')), undefined);
  await Promise.all([gets(chrome, 'fox', ['camera']), gets(fox, 'chrome')]);
  await expectWhole({ fox, chrome });
});

test('Firefox gets more slots when there is more to see', async () => {
  await serve();
  const fox = await enter(firefox, 'fox');
  // Of four microphones three are forwarded, and its tone never ends.
  await fox.evaluate((_none) => window.sternaRoom?.local.enableMicrophone(false), undefined);
  const names = ['ann', 'bob', 'cleo'];
  for (const name of names) await enter(chromium, name);
  // Two slots for sound are there from the start.
  for (const name of names) await gets(fox, name);
  await expectWhole({ fox });
});

test('relays are tried where there is no direct way, and where nothing else is wanted', async () => {
  await serve({});
  const fox = await enter(firefox, 'fox');
  const chrome = await enter(chromium, 'chrome');
  await Promise.all([gets(chrome, 'fox'), gets(fox, 'chrome')]);
  expect(await pathOf(fox)).toBe('relay');
  expect(await pathOf(chrome)).not.toBe('relay');
  const vixen = await enter(firefox, 'vixen', '&relay=1');
  await gets(vixen, 'fox');
  expect(await pathOf(vixen)).toBe('relay');
});
