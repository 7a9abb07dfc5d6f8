// The browser SDK in real Chromium against the real signaling server, media directly between the pages.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { MiniServer } from '../support/mini-server.ts';
import { SdkPage } from '../support/sdk-page.ts';
import type { SdkJoin } from '../support/sdk-page.ts';

let browser: Chromium;
let server: MiniServer;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await MiniServer.start();
});
afterEach(async () => {
  await browser.closePages();
  await server.close();
  browser.throwErrors();
});

const enter = async (identity: string, options: SdkJoin = {}): Promise<SdkPage> => {
  const page = await SdkPage.open(browser, server);
  return page.join({ identity, ...options });
};

async function two(first: SdkJoin = {}, second: SdkJoin = {}): Promise<[SdkPage, SdkPage]> {
  const ann = await enter('ann', first);
  const bob = await enter('bob', second);
  return [ann, bob];
}

const both = (pages: SdkPage[]): Promise<unknown> =>
  Promise.all(pages.map((page) => page.sees(pages.length - 1)));

const dataOf = async (page: SdkPage): Promise<string[]> =>
  (await page.events()).filter((event) => event.startsWith('data'));

/** Runs in the page. */
async function unpublishAll(): Promise<void> {
  const { local } = window.room;
  await Promise.all(local.publications.map(({ track }) => local.unpublish(track)));
}

/** Runs in the page: changes what is published again and again, at its own pace. */
async function churn(rounds: number): Promise<void> {
  const { local } = window.room;
  for (let round = 0; round < rounds; round += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(local.publications.map(({ track }) => local.unpublish(track)));
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    // oxlint-disable-next-line no-await-in-loop
    await local.publish(window.media);
  }
}

describe('meeting', () => {
  test('two see and hear each other, and know how and how fast', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    await Promise.all([ann.hears(), bob.hears()]);
    // A candidate is peer-reflexive until its signal comes.
    await Promise.all([ann.heard('path bob host'), bob.heard('path ann host')]);
    expect(await ann.events()).toEqual(
      expect.arrayContaining(['joined bob', 'track bob audio', 'track bob video']),
    );
    expect(await bob.events()).not.toContain('joined ann');
    const about = await bob.page.evaluate(async () => {
      const [participant] = window.room.participants.values();
      const { participants: each, ...overall } = window.room.timeline();
      return {
        room: window.room.info.name,
        self: window.room.self.identity,
        other: participant?.name,
        microphone: participant?.microphone,
        camera: participant?.camera,
        linkState: participant?.linkState,
        kinds: participant?.tracks.map(({ kind }) => kind).toSorted(),
        path: await window.room.connectionPath(participant?.sid ?? ''),
        times: Object.values(each)[0],
        overall,
      };
    });
    expect(about).toMatchObject({
      room: 'r',
      self: 'bob',
      other: 'ann',
      microphone: 'on',
      camera: 'on',
      linkState: 'connected',
      kinds: ['audio', 'video'],
      path: { type: 'host', local: 'host', protocol: 'udp' },
    });
    const { overall, times = {} } = about;
    const order = [
      overall.socketOpen,
      overall.joined,
      times.created,
      times.offer,
      times.answer,
      times.iceConnected,
      times.dtlsConnected,
    ];
    expect(order.every((ms) => typeof ms === 'number' && ms > 0)).toBe(true);
    expect(order).toEqual(order.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
  });

  test('tracks that are published at the join need one offer and one answer', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    expect(await ann.lines()).toEqual([2]);
    expect(await bob.lines()).toEqual([2]);
    expect(await ann.descriptions()).toEqual(['answer']);
    expect(await bob.descriptions()).toEqual(['offer']);
  });

  test('three make a mesh of three connections', async () => {
    const pages = [await enter('ann'), await enter('bob'), await enter('cat')];
    await both(pages);
    const links = await Promise.all(
      pages.map(({ page }) => page.evaluate(async () => (await window.room.stats()).size)),
    );
    expect(links).toEqual([2, 2, 2]);
  });

  test('data goes to the room or to one, as text or bytes', async () => {
    const [ann, bob] = await two({ media: false }, { media: false });
    const cat = await enter('cat', { media: false });
    await ann.heard('joined cat');
    const bobSid = await bob.sid();
    await ann.page.evaluate(async (to) => {
      await window.room.sendData('to all ✓', { topic: 'chat' });
      await window.room.sendData(new TextEncoder().encode('to one'), { to, topic: 'private' });
      await window.room.sendData('end');
    }, bobSid);
    await cat.heard('data ann undefined end');
    await bob.heard('data ann undefined end');
    expect(await bob.page.evaluate(() => window.room.participants.size)).toBe(2);
    expect(await dataOf(bob)).toEqual([
      'data ann chat to all ✓ room',
      'data ann private to one direct',
      'data ann undefined end room',
    ]);
    expect(await dataOf(cat)).toEqual([
      'data ann chat to all ✓ room',
      'data ann undefined end room',
    ]);
    expect(await dataOf(ann)).toEqual([]);
    const refused = await ann.page.evaluate(() =>
      window.room
        .sendData(new Uint8Array(32_769))
        .catch((error: unknown) =>
          error instanceof window.sdk.SternaClientError ? error.reason : '',
        ),
    );
    expect(refused).toBe('TOO_LARGE');
  });

  test('attributes and metadata reach the others, and null deletes', async () => {
    const [ann, bob] = await two({ media: false, attributes: { hand: 'down', mood: 'good' } });
    const seen = (): Promise<unknown> =>
      bob.page.evaluate(() => {
        const [other] = window.room.participants.values();
        return { ...other?.attributes, meta: other?.metadata };
      });
    expect(await seen()).toEqual({ hand: 'down', mood: 'good', meta: '' });
    await ann.page.evaluate(async () => {
      await window.room.setAttributes({ hand: 'up', mood: null });
      await window.room.setMetadata('{"seat":1}');
    });
    await expect.poll(seen).toEqual({ hand: 'up', meta: '{"seat":1}' });
  });
});

describe('publishing', () => {
  test('muting is told to the others and undone again', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    const devices = (): Promise<unknown> =>
      bob.page.evaluate(() => {
        const [other] = window.room.participants.values();
        return [other?.microphone, other?.camera];
      });
    await ann.page.evaluate(async () => {
      await window.room.local.enableMicrophone(false);
      await window.room.local.enableCamera(false);
    });
    await expect.poll(devices).toEqual(['off', 'off']);
    expect(await ann.page.evaluate(() => window.media.getTracks().map((t) => t.enabled))).toEqual([
      false,
      false,
    ]);
    await ann.page.evaluate(() => window.room.local.enableMicrophone(true));
    await expect.poll(devices).toEqual(['on', 'off']);
  });

  test('publish, unpublish and publish again use the same lines of the description', async () => {
    const [ann, bob] = await two({ media: false }, { media: false });
    await ann.page.evaluate(() => window.room.local.publish(window.media));
    await bob.sees(1);
    await ann.page.evaluate(unpublishAll);
    await bob.heard('no track ann', 2);
    const camera = (): Promise<unknown> =>
      bob.page.evaluate(() => [...window.room.participants.values()].map((p) => p.camera));
    await expect.poll(camera).toEqual(['none']);
    await ann.page.evaluate(() => window.room.local.publish(window.media));
    await bob.sees(1);
    expect(await ann.lines()).toEqual([2]);
  });

  test('both change what they publish at the same moment, many times', async () => {
    const [ann, bob] = await two();
    await both([ann, bob]);
    await Promise.all([ann.page.evaluate(churn, 6), bob.page.evaluate(churn, 6)]);
    await both([ann, bob]);
    const warnings = [...(await ann.events()), ...(await bob.events())].filter((event) =>
      event.startsWith('warning'),
    );
    expect(warnings).toEqual([]);
  });

  test('another microphone takes over without a new negotiation', async () => {
    const [ann, bob] = await two();
    await bob.hears();
    const before = await ann.descriptions();
    const switched = await ann.page.evaluate(async () => {
      const devices = await navigator.mediaDevices.enumerateDevices();
      const old = window.media.getAudioTracks()[0];
      const other = devices.find(
        ({ kind, deviceId }) => kind === 'audioinput' && deviceId !== old?.getSettings().deviceId,
      );
      await window.room.local.switchDevice('microphone', other?.deviceId ?? '');
      const now = window.room.local.stream.getAudioTracks();
      return {
        tracks: now.length,
        label: now[0]?.label === other?.label,
        sent: window.pcs
          .at(-1)
          ?.getSenders()
          .some(({ track }) => track === now[0]),
        old: old?.readyState,
      };
    });
    expect(switched).toEqual({ tracks: 1, label: true, sent: true, old: 'ended' });
    await bob.hears();
    expect(await bob.events()).not.toContain('no track ann audio');
    expect(await ann.descriptions()).toEqual(before);
  });

  test('who may not publish is seen but sends nothing', async () => {
    const [ann, viewer] = await two({}, { grants: { canPublish: false } });
    await viewer.sees(1);
    expect(await viewer.page.evaluate(() => window.room.local.publications.length)).toBe(0);
    const refused = await viewer.page.evaluate(() =>
      window.room.local
        .publish(window.media)
        .catch((error: unknown) =>
          error instanceof window.sdk.SternaClientError ? error.reason : '',
        ),
    );
    expect(refused).toBe('NOT_ALLOWED');
    expect((await ann.events()).filter((event) => event.startsWith('track'))).toEqual([]);
    const stats = await ann.page.evaluate(async () => {
      const [link] = (await window.room.stats()).values();
      return link?.received.video.packets;
    });
    expect(stats).toBe(0);
  });

  test('who may not subscribe sends and gets nothing', async () => {
    const [ann, sender] = await two({}, { grants: { canSubscribe: false } });
    await ann.sees(1);
    expect((await sender.events()).filter((event) => event.startsWith('track'))).toEqual([]);
  });
});
