// Media through the real program in real Chromium: participants see and hear each other, whatever happens to sockets,
// paths and the server, and without descriptions where none are needed.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { FrameWatch } from '../support/frame-watch.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';

let browser: Chromium;
let host: SternaHost;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  host = await startHost();
});
afterEach(async () => {
  await browser.closePages();
  await host.sterna.stop();
  browser.throwErrors();
});

const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await (await SdkPage.open(browser, host)).films();
  return page.join({ identity, ...options });
};

/** Somebody whose microphone hears a tone all the time: the browser's own beeps too rarely for speech. */
async function enterSinging(identity: string): Promise<SdkPage> {
  const page = await (await SdkPage.open(browser, host)).films();
  await page.page.evaluate(async () => {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const tone = context.createOscillator();
    tone.connect(out);
    tone.start();
    await context.resume();
    window.media = new MediaStream([...window.media.getVideoTracks(), ...out.stream.getTracks()]);
  });
  return page.join({ identity });
}

/** They come one after the other, as people do. */
async function enterAll(...names: string[]): Promise<SdkPage[]> {
  const pages: SdkPage[] = [];
  for (const name of names) pages.push(await enter(name));
  return pages;
}

const allSee = (pages: readonly SdkPage[], frames?: number): Promise<unknown> =>
  Promise.all(pages.map((page) => page.sees(pages.length - 1, frames)));

const count = async (page: SdkPage, type: string): Promise<number> =>
  (await page.sent()).filter((sent) => sent === type).length;

/** Of everything that comes from somebody. */
const received = (page: SdkPage, name: string): Promise<{ frames: number; packets: number }> =>
  page.page.evaluate(async (who) => {
    const found = [...window.room.participants.values()].find((one) => one.name === who);
    const stats = (await window.room.stats()).get(found?.sid ?? '')?.received;
    return { frames: stats?.video.framesDecoded ?? 0, packets: stats?.audio.packets ?? 0 };
  }, name);

const loudness = (page: SdkPage, name: string): Promise<number> =>
  page.page.evaluate((who) => {
    const found = [...window.room.participants.values()].find((one) => one.name === who);
    return window.room.audioLevel(found?.sid ?? '');
  }, name);

const microphone = async (page: SdkPage | undefined, on: boolean): Promise<void> =>
  page?.page.evaluate((enabled) => window.room.local.enableMicrophone(enabled), on);

/** Who is seen now: a picture of theirs arrives. */
const shown = (page: SdkPage): Promise<string[]> =>
  page.page.evaluate(() =>
    [...window.room.participants.values()].flatMap(({ name, publications }) =>
      publications.some(({ source, track }) => source === 'camera' && track) ? [name] : [],
    ),
  );

describe('a meeting', () => {
  test('of three: all see and hear each other, and whoever was there says nothing for a newcomer', async () => {
    const pages = await enterAll('ann', 'bob', 'cleo');
    await allSee(pages, 20);
    for (const page of pages) {
      expect(await page.descriptions()).toEqual(['offer']);
      expect(await page.sent()).toEqual(['join']);
      const path = await page.page.evaluate(() => window.room.connectionPath(''));
      expect(path).toMatchObject({ protocol: 'udp' });
      expect(path?.type).toMatch(/^(host|prflx)$/);
    }
    const [ann] = pages;
    const phases = await ann?.page.evaluate(() => window.room.timeline());
    const { joinSent, joined, answer, dtlsConnected, firstFrame } = phases ?? {};
    const order = [joinSent, joined, answer, dtlsConnected, firstFrame];
    expect(order).toEqual(order.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
    expect(order).not.toContain(undefined);
  });

  test('of six goes on while some leave and others come', async () => {
    const pages = await enterAll('ann', 'bob', 'cleo', 'dora', 'emil', 'finn');
    await allSee(pages);
    const [ann, bob, , , ...rest] = pages;
    if (!ann || !bob) throw new Error('Nobody is there');
    const offers = await count(ann, 'offer');
    // More slots, in steps: for four others of each kind, then for more.
    expect(offers).toBeLessThanOrEqual(2);
    const before = await ann.descriptions();
    const watch = await FrameWatch.begin({ ann, bob });
    for (const [i, page] of rest.entries()) {
      await page.page.context().close();
      const next = await enter(`next ${i}`);
      await next.sees(5);
      await ann.sees(5);
    }
    expect((await watch.end()).missing).toEqual({});
    expect(await ann.descriptions()).toEqual(before);
    expect(await count(bob, 'offer')).toBeLessThanOrEqual(2);
  });

  test('with more cameras than slots shows who speaks, and who is pinned', async () => {
    const others: SdkPage[] = [];
    for (const name of ['bob', 'cleo', 'dora']) others.push(await enterSinging(name));
    await Promise.all(others.map((page) => microphone(page, false)));
    const ann = await enter('ann', { media: false, want: { audio: 2, video: 1 } });
    await allSee(others);
    const [bob, cleo, dora] = others;
    if (!bob || !cleo || !dora) throw new Error('Nobody is there');
    const watch = await FrameWatch.begin({ bob, cleo, dora });
    for (const [i, name] of ['cleo', 'dora', 'bob'].entries()) {
      const speaker = others[(i + 1) % 3];
      await microphone(speaker, true);
      await expect.poll(() => shown(ann), { timeout: 10_000 }).toEqual([name]);
      await expect.poll(() => loudness(ann, name)).toBeGreaterThan(0.001);
      const { frames } = await received(ann, name);
      await expect
        .poll(async () => (await received(ann, name)).frames, { timeout: 10_000 })
        .toBeGreaterThan(frames + 5);
      await microphone(speaker, false);
    }
    expect(await ann.sent()).toEqual(['join']);
    await ann.page.evaluate(async () => {
      const found = [...window.room.participants.values()].find(({ name }) => name === 'dora');
      await window.room.subscribe(found?.publications ?? [], { pin: true });
    });
    await expect.poll(() => shown(ann)).toEqual(['dora']);
    await microphone(others[0], true);
    await expect
      .poll(() => ann.page.evaluate(() => window.room.activeSpeakers.map((one) => one.name)))
      .toEqual(['bob']);
    expect(await shown(ann)).toEqual(['dora']);
    expect((await watch.end()).missing).toEqual({});
  });

  test('hears nothing of who is muted, and sees nothing of a camera that is off', async () => {
    const [ann, bob, cleo] = await enterAll('ann', 'bob', 'cleo');
    if (!ann || !bob || !cleo) throw new Error('Nobody is there');
    await allSee([ann, bob, cleo]);
    const watch = await FrameWatch.begin({ ann, cleo });
    await bob.page.evaluate(async () => {
      await window.room.local.enableMicrophone(false);
      await window.room.local.enableCamera(false);
    });
    await ann.page.waitForFunction(
      () => [...window.room.participants.values()][0]?.camera === 'off',
    );
    // What was on its way is there by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const silent = await received(ann, 'bob');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await received(ann, 'bob')).toEqual(silent);
    await bob.page.evaluate(async () => {
      await window.room.local.enableMicrophone(true);
      await window.room.local.enableCamera(true);
    });
    await ann.sees(2);
    await expect
      .poll(async () => (await received(ann, 'bob')).packets)
      .toBeGreaterThan(silent.packets + 20);
    expect((await watch.end()).missing).toEqual({});
    expect(await ann.sent()).toEqual(['join']);
    expect(await bob.descriptions()).toEqual(['offer']);
  });

  test('shows a screen beside the camera, with its own counters', async () => {
    const [ann, bob] = await enterAll('ann', 'bob');
    if (!ann || !bob) throw new Error('Nobody is there');
    await allSee([ann, bob]);
    const watch = await FrameWatch.begin({ ann, bob });
    await bob.page.evaluate(async () => {
      const canvas = document.createElement('canvas');
      canvas.width = 640;
      canvas.height = 360;
      const context = canvas.getContext('2d');
      setInterval(() => {
        if (context) context.fillStyle = `hsl(${performance.now() % 360} 90% 50%)`;
        context?.fillRect(0, 0, 640, 360);
      }, 50);
      navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
      await window.room.local.enableScreenShare(true);
    });
    const screen = (): Promise<{ width: number; frames: number } | undefined> =>
      ann.page.evaluate(async () => {
        const [sid = ''] = window.room.participants.keys();
        const tracks = (await window.room.stats()).get(sid)?.tracks ?? [];
        const found = tracks.find(({ source }) => source === 'screen');
        return found && { width: found.width, frames: found.frames };
      });
    await expect.poll(async () => (await screen())?.frames, { timeout: 10_000 }).toBeGreaterThan(5);
    expect((await screen())?.width).toBeGreaterThan(100);
    await ann.sees(1);
    expect(await ann.descriptions()).toEqual(['offer']);
    await bob.page.evaluate(() => window.room.local.enableScreenShare(false));
    await expect.poll(screen).toBeUndefined();
    await ann.sees(1);
    expect((await watch.end()).missing).toEqual({});
  });
});

describe('trouble', () => {
  test('a socket that is away for seconds does not interrupt media', async () => {
    const proxy = await TcpProxy.start({ host: '127.0.0.1', port: host.sterna.port });
    try {
      const ann = await SdkPage.open(browser, {
        url: `http://127.0.0.1:${proxy.port}`,
        token: (options) => host.token(options),
      });
      await ann.films();
      await ann.join({ identity: 'ann' });
      const bob = await enter('bob');
      await allSee([ann, bob]);
      const watch = await FrameWatch.begin({ ann, bob });
      const sid = await ann.sid();
      proxy.cut();
      await ann.heard('state reconnecting');
      await allSee([ann, bob], 40);
      proxy.heal();
      await ann.heard('state connected resumed');
      await allSee([ann, bob]);
      expect((await watch.end()).missing).toEqual({});
      expect(await ann.sid()).toBe(sid);
      for (const page of [ann, bob]) {
        expect(await page.descriptions()).toEqual(['offer']);
        expect((await page.events()).filter((event) => event.startsWith('no track'))).toEqual([]);
      }
    } finally {
      await proxy.stop();
    }
  });

  test('a network that changes restarts ICE, and media goes on', async () => {
    const [ann, bob] = await enterAll('ann', 'bob');
    if (!ann || !bob) throw new Error('Nobody is there');
    await allSee([ann, bob]);
    const watch = await FrameWatch.begin({ ann, bob });
    const before = await ann.fragments();
    await ann.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await expect.poll(() => ann.fragments()).not.toEqual(before);
    await expect.poll(() => count(ann, 'offer')).toBe(1);
    await allSee([ann, bob], 20);
    expect((await watch.end()).missing).toEqual({});
    expect(await bob.sent()).toEqual(['join']);
  });

  test('with the relay alone it takes one message as well', async () => {
    const ann = await enter('ann', { relayOnly: true });
    const bob = await enter('bob');
    await allSee([ann, bob]);
    expect(await ann.sent()).toEqual(['join']);
    const path = await ann.page.evaluate(() => window.room.connectionPath(''));
    expect(path).toMatchObject({ type: 'relay', local: 'relay', relayProtocol: 'udp' });
  });
});
