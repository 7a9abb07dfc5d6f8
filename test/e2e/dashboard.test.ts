// The dashboard in real Chromium, on a real server with a meeting of two: what an operator sees of it, and does to it.

import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { mintToken } from '../../signaling/index.ts';
import { violationsOf } from '../support/accessibility.ts';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { API_KEY } from '../support/e2e/sterna.ts';
import { SdkPage } from '../support/sdk-page.ts';

declare global {
  interface Window {
    hacked?: boolean;
  }
}

const ROOM = '<img src=x onerror=hacked=true>/"&';
const BOB = 'Bob <script>hacked=true</script>';

let browser: Chromium;
let host: SternaHost;
let ann: SdkPage;
let bob: SdkPage;
let page: Page;

const adminToken = (room?: string): string =>
  mintToken({
    key: API_KEY.name,
    secret: API_KEY.secret,
    identity: 'ops',
    grants: { roomAdmin: true, ...(room === undefined ? {} : { room }) },
    ttlSeconds: 600,
  });

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
  ann = await SdkPage.open(browser, host);
  // A camera of two sizes.
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
  await ann.join({ room: ROOM, identity: 'ann', name: 'Ann', simulcast: true });
  bob = await SdkPage.open(browser, host);
  await bob.join({ room: ROOM, identity: 'bob', name: BOB, media: false, relayOnly: true });
  await bob.heard('track Ann video');
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
  browser.throwErrors();
});

beforeEach(async () => {
  page = await browser.open(`${host.url}/dashboard#token=${adminToken()}`);
  await page.getByRole('heading', { name: 'Nodes and media workers' }).waitFor();
});
afterEach(() => page.context().close());

const ready = async (): Promise<number> => (await fetch(`${host.url}/readyz`)).status;

const address = (hash: string): Promise<void> =>
  page.evaluate((to) => {
    location.hash = to;
  }, hash);

const goTo = (name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name }).click();

/** Presses the button, and says yes to what is asked. */
async function perform(button: Locator, question: string): Promise<void> {
  await button.click();
  const dialog = page.getByRole('dialog');
  await expect.poll(() => dialog.textContent()).toContain(question);
  await dialog.locator('#confirm-yes').click();
}

test('tells who may not see it why, and signs in who may, without a trace in the address', async () => {
  expect(page.url()).toBe(`${host.url}/dashboard/`);
  // The tab keeps it until it is told not to.
  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.reload();
  const alert = page.locator('#sign-in-problem');
  const field = page.getByLabel('Admin token, or API key');
  await field.fill('not-a-token');
  await field.press('Enter');
  await expect.poll(() => alert.textContent()).toContain('sterna token --admin');
  await field.fill(adminToken('elsewhere'));
  await field.press('Enter');
  await expect.poll(() => alert.textContent()).toContain('roomAdmin for all rooms');
  await field.fill(`${API_KEY.name}:${API_KEY.secret}`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Nodes and media workers' }).waitFor();
  expect(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie)).toBe('{}');
});

test('shows the meeting: charts move, and each is told of with what it is sent and why', async () => {
  const packets = page.locator('svg[aria-label^="Media packets"]');
  await expect
    .poll(async () => Number(await packets.getAttribute('data-points')))
    .toBeGreaterThan(2);
  expect(await packets.getAttribute('aria-label')).not.toContain('out 0/s');
  expect(await page.locator('.tile', { hasText: 'Participants' }).textContent()).toMatch(/[23]$/);

  await goTo('Rooms');
  const search = page.getByRole('searchbox', { name: /Search rooms/ });
  await search.fill('nobody is called so');
  await page.getByText(/None of \d rooms? has/).waitFor();
  await search.fill('<SCRIPT>');
  // The text of others is text.
  await page.getByRole('link', { name: ROOM, exact: true }).click();
  await expect.poll(() => page.locator('#room-name').textContent()).toBe(ROOM);
  const card = page.locator('details', { hasText: BOB });
  await card.locator('summary').click();
  await expect.poll(() => card.locator('summary').textContent()).toMatch(/relay.*round trip \d/);
  const sent = card.getByRole('row', { name: /camera of Ann/ });
  await expect.poll(() => sent.textContent()).toMatch(/S[01].*(?:best|larger|network|publisher)/);
  expect(await sent.textContent()).toMatch(/bit\/s/);

  await goTo('TURN');
  const allocation = page.getByRole('row', { name: /127\.0\.0\.1:\d+ \(udp\)/ }).first();
  await expect.poll(() => allocation.textContent()).toMatch(/[1-9].*B/);
  await goTo('Log');
  await page.getByText('The log has no warnings and no errors').waitFor();
  expect(await page.evaluate(() => window.hacked)).toBeUndefined();
});

test('can be used by all, small and large, light and dark', async () => {
  const views = ['overview', 'rooms', `room/${encodeURIComponent(ROOM)}`, 'turn', 'log'];
  for (const [width, height, colorScheme, shown] of [
    [1280, 800, 'light', views],
    [360, 640, 'dark', views],
    // Colours and widths have nothing to do with each other.
    [1280, 800, 'dark', views.slice(0, 1)],
    [360, 640, 'light', views.slice(0, 1)],
  ] as const) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    for (const view of shown) {
      await address(view);
      await page.locator('main > section:not([hidden]) h1').waitFor();
      expect([width, colorScheme, view, await violationsOf(page)]).toEqual([
        width,
        colorScheme,
        view,
        [],
      ]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect([view, wide]).toEqual([view, width]);
    }
  }
});

test('drains and takes clients again, when it is asked whether it means it', async () => {
  await goTo('Overview');
  await page.getByRole('button', { name: 'Drain' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect(await ready()).toBe(200);
  await perform(page.getByRole('button', { name: 'Drain' }), ' participants');
  await page.getByText('drains, and takes nobody new').waitFor();
  expect(await ready()).toBe(503);
  await perform(page.getByRole('button', { name: 'Take clients again' }), 'take clients again?');
  await page.getByText('drains, and takes nobody new').waitFor({ state: 'detached' });
  expect(await ready()).toBe(200);
});

test('says that it is not live while the server cannot be reached, goes on by itself, and rests unseen', async () => {
  await page.route('**/v1/**', (route) => route.abort());
  await expect.poll(() => page.locator('#stale').textContent()).toMatch(/reached.*Next try in/);
  expect(await page.locator('#live').textContent()).toBe('Not live');
  await page.unroute('**/v1/**');
  await expect.poll(() => page.locator('#live').textContent(), { timeout: 30_000 }).toBe('Live');
  const show = (isShown: boolean): Promise<void> =>
    page.evaluate((shown) => {
      Object.defineProperty(document, 'hidden', { value: !shown, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isShown);
  let asked = 0;
  page.on('request', () => asked++);
  await show(false);
  asked = 0;
  await page.waitForTimeout(3000);
  expect(asked).toBe(0);
  await show(true);
  await expect.poll(() => asked).toBeGreaterThan(0);
});

test('puts a participant out, and ends the room', async () => {
  const room = 'r/2 %';
  const [cat, dan] = [await SdkPage.open(browser, host), await SdkPage.open(browser, host)];
  await cat.join({ room, identity: 'cat', media: false });
  await dan.join({ room, identity: 'dan', media: false });
  await address(`room/${encodeURIComponent(room)}`);
  const card = page.locator('details', { hasText: 'cat' });
  await card.locator('summary').click();
  await perform(card.getByRole('button', { name: 'Put out' }), 'cat');
  await cat.heard('closed KICKED');
  await page.getByText('“cat” was put out').waitFor();
  await card.waitFor({ state: 'detached' });
  await perform(page.getByRole('button', { name: 'End room' }), room);
  await dan.heard('closed ROOM_ENDED');
  await page.getByText('There is no such room any more').waitFor();
});
