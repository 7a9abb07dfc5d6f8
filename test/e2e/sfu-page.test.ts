// The meeting page in real Chromium with the real program, whose rooms are of mode sfu: more than two, shared screens,
// pinned tiles, who speaks, statistics, telephones and the dark.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Room } from '../../sdk/index.ts';
import { Chromium } from '../support/chromium.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import type { MeetingJoin } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';

declare global {
  interface Window {
    sternaRoom?: Room;
  }
}

let browser: Chromium;
let sterna: Sterna;
let rooms = 0;

beforeAll(async () => {
  browser = await Chromium.launch({ whole: true });
  sterna = await Sterna.start({ environment: { STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0' } });
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
  rooms += 1;
});
afterAll(async () => {
  await browser.close();
  await sterna.stop();
});

const enter = (name: string, more: Partial<MeetingJoin> = {}): Promise<MeetingPage> =>
  MeetingPage.join(browser, sterna.url, { room: `page-${rooms}`, name, ...more });

const settled = (...pages: MeetingPage[]): void => {
  expect(pages.flatMap(({ problems }) => problems)).toEqual([]);
};

describe('three', () => {
  test('see each other, with names and mute signs, over one connection each', async () => {
    const [ada, bob, cleo] = [await enter('Ada'), await enter('Bob'), await enter('Cleo')];
    await Promise.all([
      ...['Bob', 'Cleo', 'Ada (you)'].map((name) => ada.seesMoving(name)),
      ...['Ada', 'Cleo'].map((name) => bob.seesMoving(name)),
      ...['Ada', 'Bob'].map((name) => cleo.seesMoving(name)),
    ]);
    expect(await ada.page.getByTestId('count').textContent()).toBe('3');
    const open = await ada.page.evaluate(
      () => window.connections.filter(({ signalingState }) => signalingState !== 'closed').length,
    );
    expect(open).toBe(1);
    const badge = ada.tile('Ada (you)').getByTestId('path');
    await badge.and(ada.page.locator('[data-path]')).waitFor();
    expect(await badge.textContent()).toMatch(/^(host|prflx)/);
    await bob.page.getByRole('button', { name: 'Mute', exact: true }).click();
    await ada.tile('Bob').getByRole('img', { name: 'Muted' }).waitFor();
    await bob.page.getByRole('button', { name: 'Stop video' }).click();
    await ada.tile('Bob').and(ada.page.locator('[data-camera="off"]')).waitFor();
    await ada.screenshot('sfu-three');
    await bob.page.getByRole('button', { name: 'Start video' }).click();
    await ada.seesMoving('Bob');
    await cleo.page.getByRole('button', { name: 'Leave' }).click();
    await ada.tile('Cleo').waitFor({ state: 'detached' });
    await ada.seesMoving('Bob');
    settled(ada, bob, cleo);
  });

  test('and a screen, which is large until it is over', async () => {
    const [ada, bob] = [await enter('Ada'), await enter('Bob')];
    await ada.seesMoving('Bob');
    await bob.page.evaluate(() => {
      const canvas = document.createElement('canvas');
      canvas.width = 1280;
      canvas.height = 720;
      const context = canvas.getContext('2d');
      setInterval(() => {
        if (!context) return;
        context.fillStyle = '#123';
        context.fillRect(0, 0, 1280, 720);
        context.fillStyle = '#fff';
        context.font = '80px sans-serif';
        context.fillText(`Slide ${Math.round(performance.now() / 100)}`, 100, 360);
      }, 50);
      navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
    });
    await bob.page.getByRole('button', { name: 'Share screen' }).click();
    await ada.seesMoving('Bob’s screen');
    const screen = ada.tile('Bob’s screen');
    await screen.and(ada.page.locator('[data-spotlight="true"]')).waitFor();
    const [large, small] = [await screen.boundingBox(), await ada.tile('Bob').boundingBox()];
    expect(large?.width ?? 0).toBeGreaterThan(2 * (small?.width ?? 0));
    expect(small?.height ?? 0).toBeGreaterThan(50);
    await bob.tile('Your screen').waitFor();
    await ada.screenshot('sfu-screen');
    expect(await ada.page.getByTestId('count').textContent()).toBe('2');
    await bob.page.keyboard.press('s');
    await screen.waitFor({ state: 'detached' });
    await bob.tile('Your screen').waitFor({ state: 'detached' });
    await bob.page.getByRole('button', { name: 'Share screen' }).waitFor();
    // The browser's own button ends it as well.
    await bob.page.getByRole('button', { name: 'Share screen' }).click();
    await ada.seesMoving('Bob’s screen');
    await bob.page.evaluate(() => {
      const shared = window.sternaRoom?.local.publications.find(
        ({ source }) => source === 'screen',
      );
      shared?.track.stop();
      shared?.track.dispatchEvent(new Event('ended'));
    });
    await screen.waitFor({ state: 'detached' });
    await bob.page.getByRole('button', { name: 'Share screen' }).waitFor();
    settled(ada, bob);
  });
});

test('with fewer slots than cameras a tile that is pinned gets the picture', async () => {
  const others = [await enter('Bob'), await enter('Cleo'), await enter('Dora')];
  const ada = await enter('Ada', { slots: 1 });
  const waiting = ada.page.locator('[data-testid="tile"][data-camera="waiting"]');
  await expect.poll(() => waiting.count()).toBe(2);
  for (const name of ['Cleo', 'Bob']) {
    await ada.page.getByRole('button', { name: `Pin ${name}` }).click();
    await ada.tile(name).and(ada.page.locator('[data-camera="on"]')).waitFor();
    await ada.seesMoving(name);
    expect(await waiting.count()).toBe(2);
    await ada.tile(name).and(ada.page.locator('[data-spotlight="true"]')).waitFor();
  }
  await ada.screenshot('sfu-pinned');
  const pin = ada.page.getByRole('button', { name: 'Pin Bob' });
  expect(await pin.getAttribute('aria-pressed')).toBe('true');
  // By keyboard, too.
  await pin.focus();
  await ada.page.keyboard.press('Enter');
  expect(await pin.getAttribute('aria-pressed')).toBe('false');
  expect(await ada.page.locator('[data-spotlight="true"]').count()).toBe(0);
  await ada.tile('Dora').click();
  await ada.seesMoving('Dora');
  settled(ada, ...others);
});

test('who speaks has a ring', async () => {
  const ada = await enter('Ada');
  const bob = await enter('Bob');
  await ada.seesMoving('Bob');
  await bob.page.evaluate(async () => {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const tone = context.createOscillator();
    tone.connect(out);
    tone.start();
    await context.resume();
    const local = window.sternaRoom?.local;
    const microphone = local?.publications.find(({ source }) => source === 'microphone');
    if (!local || !microphone) throw new Error('No microphone');
    await local.unpublish(microphone);
    await local.publish(out.stream, { source: 'microphone' });
  });
  await ada.tile('Bob').and(ada.page.locator('[data-speaking="true"]')).waitFor();
  await bob.tile('Bob (you)').and(bob.page.locator('[data-speaking="true"]')).waitFor();
  expect(await ada.tile('Ada (you)').getAttribute('data-speaking')).toBe('false');
  await bob.page.keyboard.press('m');
  await ada.tile('Bob').and(ada.page.locator('[data-speaking="false"]')).waitFor();
  settled(ada, bob);
});

test('the details say how each track fares, and how the join went', async () => {
  const [ada, bob] = [await enter('Ada'), await enter('Bob')];
  await ada.seesMoving('Bob');
  await ada.page.getByRole('button', { name: 'Details' }).click();
  const table = ada.page.getByRole('table', { name: 'Bob' });
  const height = async (): Promise<number> =>
    (await ada.page.getByTestId('stats').boundingBox())?.height ?? 0;
  await expect.poll(height).toBeGreaterThan(100);
  const camera = table.getByRole('row', { name: '↓ camera VP8' });
  await camera.getByText(/^\d+×\d+ \d+ fps$/).waitFor();
  await expect
    .poll(async () => Number(await camera.getByRole('cell').nth(2).textContent()))
    .toBeGreaterThan(10);
  await ada.page.getByRole('row', { name: '↑ microphone opus' }).waitFor();
  for (const phase of ['Offer made', 'Join sent', 'Answer', 'DTLS connected', 'First frame']) {
    const row = ada.page.getByRole('row', { name: phase });
    await row.getByText(/^\d+ ms$/).waitFor();
  }
  await ada.page.getByText(/The newest offer has \d+ bytes/).waitFor();
  await ada.screenshot('sfu-details');
  settled(ada, bob);
});

test('on an upright telephone in the dark, everything has room', async () => {
  const [bob, cleo] = [await enter('Bob'), await enter('Cleo')];
  const ada = await enter('Ada', {
    window: {
      viewport: { width: 390, height: 780 },
      hasTouch: true,
      isMobile: true,
      colorScheme: 'dark',
    },
  });
  await Promise.all(['Bob', 'Cleo'].map((name) => ada.seesMoving(name)));
  await ada.screenshot('sfu-phone');
  const stage = await ada.page.getByTestId('grid').boundingBox();
  const tiles = await ada.page.getByTestId('tile').all();
  expect(tiles).toHaveLength(3);
  for (const tile of tiles) {
    const box = await tile.boundingBox();
    expect(box?.x ?? -1).toBeGreaterThanOrEqual(stage?.x ?? 0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(
      (stage?.y ?? 0) + (stage?.height ?? 0) + 1,
    );
  }
  const controls = await ada.page.getByTestId('controls').getByRole('button').all();
  for (const control of controls) {
    const box = await control.boundingBox();
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= 390).toBe(true);
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
  }
  await ada.tile('Bob').tap();
  await ada.tile('Bob').and(ada.page.locator('[data-spotlight="true"]')).waitFor();
  await ada.screenshot('sfu-phone-pinned');
  settled(ada, bob, cleo);
});
