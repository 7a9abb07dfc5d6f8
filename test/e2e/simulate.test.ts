// What goes wrong on purpose, in real Chromium with the real program: what is simulated is what the browser sees, and
// the meeting copes by itself.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Simulation } from '../../sdk/index.ts';
import { Chromium } from '../support/chromium.ts';
import { MeetingPage } from '../support/e2e/meeting-page.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';

let browser: Chromium;

beforeAll(async () => {
  browser = await Chromium.launch();
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
});
afterAll(() => browser.close());

const soon = { timeout: 40_000, interval: 100 };

async function enter(host: SternaHost, identity: string): Promise<SdkPage> {
  const page = await (await SdkPage.open(browser, host)).films();
  return page.join({ identity, grants: { simulate: true } });
}

const simulate = ({ page }: SdkPage, simulation: Simulation): Promise<void> =>
  page.evaluate((what) => window.room.simulate(what), simulation);

/** How the selected pair goes. */
const way = ({ page }: SdkPage): Promise<string> =>
  page.evaluate(async () => {
    const path = await window.room.connectionPath(window.room.self.sid);
    return path?.type === 'relay' ? 'relay' : String(path?.protocol);
  });

/** Of all that is received. */
const received = ({ page }: SdkPage, counter: string): Promise<number> =>
  page.evaluate(async (name) => {
    let sum = 0;
    (await window.pcs.at(-1)?.getStats())?.forEach((entry: Record<string, unknown>) => {
      if (entry['type'] === 'inbound-rtp') sum += Number(entry[name] ?? 0);
    });
    return sum;
  }, counter);

test('packets lost, TCP or relays alone, ICE cut off, a WebSocket cut: all see all again', async () => {
  const host = await startHost();
  const ann = await enter(host, 'ann');
  const bob = await enter(host, 'bob');
  const cleo = await enter(host, 'cleo');
  const dora = await enter(host, 'dora');
  const all = [ann, bob, cleo, dora];
  await Promise.all(all.map((page) => page.sees(3)));
  expect(await Promise.all(all.map(way))).toEqual(['udp', 'udp', 'udp', 'udp']);
  const [before] = await cleo.fragments();
  await simulate(ann, { op: 'network', down: { loss: 0.3 }, ms: 300_000 });
  await simulate(bob, { op: 'ice-tcp', ms: 300_000 });
  await simulate(cleo, { op: 'ice-fail', ms: 300_000 });
  await simulate(dora, { op: 'turn-only', ms: 300_000 });
  await simulate(cleo, { op: 'signal-drop' });
  await cleo.heard('state connected resumed');
  await expect.poll(() => received(ann, 'packetsLost'), soon).toBeGreaterThan(30);
  await expect.poll(() => way(bob), soon).toBe('tcp');
  await expect.poll(() => way(dora), soon).toBe('relay');
  await expect.poll(async () => (await cleo.fragments())[0], soon).not.toBe(before);
  await simulate(ann, { op: 'lift' });
  await Promise.all(all.map((page) => page.sees(3)));
  expect(await Promise.all(all.map(way))).toEqual(['udp', 'tcp', 'udp', 'relay']);
  // Nothing more is missing where it was lifted.
  const lost = await received(ann, 'packetsLost');
  const packets = await received(ann, 'packetsReceived');
  await expect.poll(() => received(ann, 'packetsReceived'), soon).toBeGreaterThan(packets + 100);
  expect((await received(ann, 'packetsLost')) - lost).toBeLessThan(15);
  // One connection each, all along.
  expect(
    (await Promise.all(all.map(({ page }) => page.evaluate(() => window.pcs.length)))).join(),
  ).toBe('1,1,1,1');
  await host.sterna.stop();
});

test('the page of a development server has a form for it', async () => {
  const sterna = await Sterna.start({
    environment: { STERNA_TURN_LISTENERS: 'udp://127.0.0.1:0' },
  });
  const { page, ...ann } = await MeetingPage.join(browser, sterna.url, { name: 'Ann' });
  await page.getByTestId('details').click();
  const direction = page.getByLabel('Direction');
  const seconds = page.getByLabel('Seconds');
  expect([await direction.isVisible(), await seconds.isVisible()]).toEqual([true, true]);
  await page.getByLabel('Loss, %').fill('12.5');
  await page.getByTestId('simulate-start').click();
  await page.getByText('Simulating network').waitFor();
  const [line] = await sterna.waitForEvents('participant.simulated');
  expect(line).toMatchObject({ op: 'network', ms: 30_000 });
  await page.getByTestId('simulate').scrollIntoViewIfNeeded();
  await page.screenshot({ path: 'test-results/simulate.png' });
  await page.getByLabel('What').selectOption('node-drain');
  expect([await direction.isVisible(), await seconds.isVisible()]).toEqual([false, false]);
  await page.getByTestId('simulate-op').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect.poll(() => ann.received.some((one) => one.type === 'bye'), soon).toBe(true);
  await expect
    .poll(() => ann.received.filter(({ type }) => type === 'joined'), soon)
    .toHaveLength(2);
  await sterna.stop();
});
