// The meeting page in real Chromium with the real program: chat, reactions, hands, layouts, who leads, what is
// remembered, and what axe-core finds in each state, in both schemes, on a desktop and on a telephone.

import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Room } from '../../sdk/index.ts';
import { violationsOf } from '../support/accessibility.ts';
import { Chromium } from '../support/chromium.ts';
import type { OpenOptions } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';

declare global {
  interface Window {
    sternaRoom?: Room;
    hacked?: boolean;
  }
}

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 640 };
const ON_PHONE = { viewport: PHONE, hasTouch: true };
const HOSTILE = '<img src=x onerror="window.hacked=true">\u202E';
/** The mark that turns the direction is taken out. */
const SHOWN = HOSTILE.slice(0, -1);
/** However busy the machine is. */
const PATIENT = { timeout: 20_000 };

let browser: Chromium;
let host: SternaHost;
let rooms = 0;

beforeAll(async () => {
  // Nobody looks at how smooth the pictures are.
  const flags = ['--use-fake-device-for-media-stream=fps=5'];
  [browser, host] = await Promise.all([Chromium.launch({ flags }), startHost()]);
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
  rooms += 1;
});
afterAll(async () => {
  await browser.close();
  await host.sterna.stop();
});

const linkFor = (name: string, grants = {}): string => {
  const identity = name.slice(0, 4).toLowerCase();
  return `${host.url}/#token=${host.token({ identity, name, room: `round-${rooms}`, grants })}`;
};

async function join(page: Page): Promise<Page> {
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await page.getByTestId('meeting').waitFor();
  return page;
}

const enter = async (name: string, options: OpenOptions = {}, grants = {}): Promise<Page> =>
  join(await browser.open(linkFor(name, grants), { viewport: DESKTOP, ...options }));

const enterEncrypted = async (name: string): Promise<Page> =>
  join(await browser.open(linkFor(name).replace('/#', '/?e2ee=1#'), { viewport: DESKTOP }));

const enterAsLead = (name: string): Promise<Page> => enter(name, {}, { roomAdmin: true });

const tileOf = (page: Page, name: string): Locator =>
  page
    .getByTestId('tile')
    .filter({ has: page.getByTestId('tile-name').getByText(name, { exact: true }) });

const people = (page: Page): Promise<string[]> =>
  page.getByTestId('person').locator('.person-name').allTextContents();

const large = (page: Page): Promise<string[]> =>
  page.locator('.tile[data-spotlight="true"]').getByTestId('tile-name').allTextContents();

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.id ?? '');

const pictureWidth = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      document.querySelector<HTMLVideoElement>('.tile[data-self="false"] video')?.videoWidth ?? 0,
  );

test('light or dark is as the system says until it is chosen; that and the layout are remembered', async () => {
  const [light, night] = ['rgb(238, 243, 246)', 'rgb(12, 20, 26)'];
  const ada = await browser.open(linkFor('Ada'), { viewport: DESKTOP, colorScheme: 'dark' });
  expect(await background(ada)).toBe(night);
  await ada.emulateMedia({ colorScheme: 'light' });
  expect(await background(ada)).toBe(light);
  const dark = ada.getByRole('button', { name: 'Dark colours' });
  await dark.click();
  expect(await dark.getAttribute('aria-pressed')).toBe('true');
  expect(await background(ada)).toBe(night);
  await join(ada);
  const menu = ada.getByRole('button', { name: 'Layout' });
  await menu.click();
  await ada.getByLabel('Speaker: who speaks').check();
  // Another page of the same browser.
  const bob = await ada.context().newPage();
  await bob.emulateMedia({ colorScheme: 'light' });
  await bob.goto(linkFor('Bob'));
  expect(await background(bob)).toBe(night);
  await join(bob);
  await expect.poll(() => large(bob), PATIENT).toEqual(['Ada']);
  await expect.poll(() => large(ada), PATIENT).toEqual(['Bob']);
  // A choice that is the system's own is none any more.
  await dark.click();
  expect(await ada.evaluate(() => localStorage.getItem('sterna.theme'))).toBeNull();

  // What is pinned is large whatever the layout is, and the menu leads back.
  await menu.click();
  await ada.getByLabel('Grid: everybody').check();
  await ada.keyboard.press('Escape');
  expect(await large(ada)).toEqual([]);
  await ada.getByRole('button', { name: 'Pin Bob' }).focus();
  await ada.keyboard.press('Enter');
  expect(await large(ada)).toEqual(['Bob']);
  await menu.click();
  await ada.getByRole('button', { name: 'Unpin Bob' }).click();
  expect(await large(ada)).toEqual([]);
});

test('one may join without devices: what was open is closed, and opens again when it is wanted', async () => {
  const ada = await browser.open(linkFor('Ada'));
  await ada.locator('#speaker option').first().waitFor({ state: 'attached' });
  await ada.getByRole('button', { name: 'Test the speaker' }).click();
  await ada.locator('#speaker-test:enabled').waitFor();
  expect(await ada.getByRole('alert').isVisible()).toBe(false);
  const preview = await ada.evaluateHandle(() => {
    const video = document.querySelector<HTMLVideoElement>('#preview-video');
    return video?.srcObject instanceof MediaStream ? video.srcObject.getTracks() : [];
  });
  await ada.getByRole('button', { name: 'Join without devices' }).click();
  await ada.getByText('You are watching. Unmute or start the video').waitFor();
  const states = await preview.evaluate((tracks) => tracks.map(({ readyState }) => readyState));
  expect(states).toEqual(['ended', 'ended']);
  await ada.getByRole('button', { name: 'Start video' }).click();
  await tileOf(ada, 'Ada (you)').and(ada.locator('[data-camera="on"]')).waitFor();
  await ada.getByTestId('viewer-note').waitFor({ state: 'hidden' });
});

test('two who encrypt see the same code and each other; a page that is loaded again never left', async () => {
  const [ada, bob] = [await enterEncrypted('Ada'), await enterEncrypted('Bob')];
  const codeOf = async (page: Page): Promise<string> => {
    await page.getByTestId('encryption-badge').filter({ hasText: 'Encrypted' }).waitFor(PATIENT);
    await page.getByTestId('encryption-badge').click();
    expect(await violationsOf(page)).toEqual([]);
    const code = await page.getByTestId('safety-code').textContent();
    await page.getByTestId('encryption-close').click();
    return code ?? '';
  };
  const code = await codeOf(ada);
  expect(code.replaceAll(/\D/g, '')).toHaveLength(60);
  expect(await codeOf(bob)).toBe(code);
  await expect.poll(() => pictureWidth(bob), PATIENT).toBeGreaterThan(0);
  await bob.getByRole('button', { name: 'Leave' }).click();

  const cleo = await enter('Cleo');
  const dan = await enter('Dan');
  await tileOf(dan, 'Cleo').waitFor();
  const left = dan.evaluate(
    () =>
      new Promise<string>((resolve) => {
        window.sternaRoom?.on('participantLeft', ({ participant: { name } }) => resolve(name));
      }),
  );
  const sid = await cleo.evaluate(() => window.sternaRoom?.self.sid);
  await cleo.reload();
  await cleo.getByTestId('meeting').waitFor(PATIENT);
  expect(await cleo.evaluate(() => window.sternaRoom?.self.sid)).toBe(sid);
  await cleo.getByRole('button', { name: 'Leave' }).click();
  expect(await left).toBe('Cleo');
  // What was left is not gone back to.
  await cleo.reload();
  await cleo.getByRole('button', { name: 'Join', exact: true }).waitFor();
});

test('chat arrives with a mark for what was not read, and stays text whatever it says', async () => {
  const [ada, cleo, bob] = [
    await enter('Ada'),
    await enter(`Cleo ${HOSTILE}`),
    await enter('Bob', ON_PHONE),
  ];
  await tileOf(ada, `Cleo ${SHOWN}`).waitFor();
  await ada.keyboard.press('c');
  expect(await focused(ada)).toBe('chat-text');
  await ada.keyboard.type(`${HOSTILE} see https://a.example/x. mute v`);
  await ada.keyboard.press('Enter');
  await bob.getByTestId('unread').waitFor();
  expect(await bob.getByTestId('unread').textContent()).toBe('1');
  await bob.getByTestId('toasts').getByText(`Ada: ${SHOWN} see`).waitFor();
  await bob.getByRole('button', { name: 'Chat 1 unread' }).tap();
  const message = bob.locator('.chat-message');
  const text = `${SHOWN} see https://a.example/x. mute v`;
  expect(await message.locator('.chat-text').textContent()).toBe(text);
  const link = message.getByRole('link');
  expect(await link.getAttribute('href')).toBe('https://a.example/x');
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  await bob.getByTestId('unread').waitFor({ state: 'hidden' });
  // Letters that are typed are no shortcuts.
  expect(await ada.evaluate(() => window.sternaRoom?.local.cameraEnabled)).toBe(true);

  // Too long, too many, not even text, and a reaction that does not exist.
  await cleo.evaluate(async () => {
    const room = window.sternaRoom!;
    const chat = { topic: 'chat' };
    await room.sendData('x'.repeat(30_000), chat);
    await room.sendData(new Uint8Array([0xff, 0xfe, 0x00]), chat);
    for (let at = 0; at < 40; at += 1) await room.sendData(`flood ${at}`, chat);
    await room.sendData('fireworks', { topic: 'reaction' });
    await room.setAttributes({ last: 'said' });
  });
  await bob.waitForFunction(() =>
    [...(window.sternaRoom?.participants.values() ?? [])].some(
      ({ attributes }) => attributes['last'] === 'said',
    ),
  );
  const shown = await bob.locator('.chat-text').allTextContents();
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.length).toBeLessThan(35);
  expect(Math.max(...shown.map(({ length }) => length))).toBeLessThan(100);
  expect(await bob.locator('.reaction').count()).toBe(0);
  for (const page of [ada, bob, cleo]) {
    expect(await page.evaluate(() => window.hacked)).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
  }
  await ada.keyboard.press('Escape');
  expect(await focused(ada)).toBe('chat');
});

test('reactions rise and are read out; hands stand in the order they went up; keys do it all', async () => {
  const [ada, cleo, bob] = [await enter('Ada'), await enter('Cleo'), await enter('Bob', ON_PHONE)];
  await tileOf(ada, 'Bob').waitFor();
  await bob.getByRole('button', { name: 'React' }).tap();
  await bob.getByRole('button', { name: 'applause' }).tap();
  await ada.locator('.reaction').getByText('Bob', { exact: true }).waitFor();
  await ada.getByTestId('announcer').getByText('Bob: applause').waitFor({ state: 'attached' });
  await ada.locator('.reaction').waitFor({ state: 'detached' });

  await cleo.keyboard.press('h');
  await ada.getByTestId('toasts').getByText('Cleo has raised a hand').waitFor();
  await bob.getByRole('button', { name: 'More' }).tap();
  await bob.getByRole('button', { name: 'Raise hand' }).tap();
  await tileOf(ada, 'Bob').getByRole('img', { name: 'Hand raised' }).waitFor();
  await ada.getByRole('button', { name: 'People 2 hands raised' }).click();
  await expect.poll(() => people(ada), PATIENT).toEqual(['Cleo', 'Bob', 'Ada (you)']);
  await ada.getByText('Hand raised, 2.').waitFor();
  await cleo.keyboard.press('h');
  await expect.poll(() => people(ada), PATIENT).toEqual(['Bob', 'Ada (you)', 'Cleo']);
  await cleo.keyboard.press('h');
  await expect.poll(() => people(ada), PATIENT).toEqual(['Bob', 'Cleo', 'Ada (you)']);

  // The space bar talks while it is held.
  const isOn = (): Promise<boolean | undefined> =>
    cleo.evaluate(() => window.sternaRoom?.local.microphoneEnabled);
  await cleo.keyboard.press('m');
  await expect.poll(isOn).toBe(false);
  await cleo.getByTestId('mic').evaluate((button) => {
    if (button instanceof HTMLElement) button.blur();
  });
  await cleo.keyboard.down('Space');
  await expect.poll(isOn).toBe(true);
  await cleo.keyboard.up('Space');
  await expect.poll(isOn).toBe(false);
  await cleo.getByRole('button', { name: 'Settings' }).click();
  await cleo.getByLabel('Single keys').uncheck();
  await cleo.getByRole('heading', { name: 'Devices' }).click();
  await cleo.keyboard.press('m');
  expect(await isOn()).toBe(false);
  await cleo.getByLabel('Statistics on every tile').check();
  await tileOf(cleo, 'Ada')
    .getByTestId('tile-stats')
    .getByText(/VP8 \d+×\d+/)
    .waitFor();
});

test('who leads mutes, changes what somebody may, and puts out after a question; nobody else can', async () => {
  const [ada, bob, cleo] = [await enterAsLead('Ada'), await enter('Bob'), await enter('Cleo')];
  await bob.keyboard.press('p');
  await expect.poll(() => people(bob), PATIENT).toEqual(['Bob (you)', 'Ada', 'Cleo']);
  await bob.getByText('Leads').waitFor();
  expect(await bob.getByRole('button', { name: /^(Mute|Remove|Permissions of) / }).count()).toBe(0);
  await ada.keyboard.press('p');
  await ada.getByRole('button', { name: 'Mute Cleo' }).click();
  await cleo.getByText('Your microphone was muted').waitFor();
  await tileOf(bob, 'Cleo').getByRole('img', { name: 'Muted' }).waitFor();
  await ada.getByRole('button', { name: 'Permissions of Bob' }).click();
  await ada.getByLabel('Chat and react').uncheck();
  await ada.getByRole('button', { name: 'Apply' }).click();
  await bob.locator('#react:disabled').waitFor();
  await bob.keyboard.press('c');
  expect(await bob.getByTestId('chat-text').isDisabled()).toBe(true);

  const remove = ada.getByRole('button', { name: 'Remove Cleo' });
  await remove.click();
  await ada.getByTestId('confirm-no').click();
  await ada.getByTestId('confirm').waitFor({ state: 'hidden' });
  expect(await remove.isVisible()).toBe(true);
  await remove.click();
  await ada.getByTestId('confirm').getByRole('button', { name: 'Remove' }).click();
  await cleo.getByRole('heading', { name: 'You were put out of the meeting' }).waitFor();
  await expect.poll(() => people(ada), PATIENT).toEqual(['Ada (you)', 'Bob']);
});

test('axe-core finds nothing in any state, light and dark, on a desktop and on a telephone', async () => {
  // Without pictures: what is behind text is one colour then, and can be judged.
  const [ada, bob] = [
    await browser.open(linkFor('Ada', { roomAdmin: true }), { viewport: DESKTOP }),
    await browser.open(linkFor('Bob'), { viewport: DESKTOP }),
  ];
  for (const page of [ada, bob]) {
    await page.getByRole('button', { name: 'Join without devices' }).click();
    await page.getByTestId('meeting').waitFor();
  }
  await tileOf(ada, 'Bob').waitFor();
  await bob.keyboard.press('h');
  await bob.evaluate(() =>
    window.sternaRoom?.sendData('see https://a.example/', { topic: 'chat' }),
  );
  await ada.getByTestId('unread').waitFor();
  const prejoin = await browser.open(linkFor('Dora'));
  await prejoin.locator('#camera option').waitFor({ state: 'attached' });

  const found: string[] = [];
  let look = '';
  const check = async (page: Page, state: string): Promise<void> => {
    const wrong = await violationsOf(page);
    found.push(...wrong.map((text) => `${state}, ${look}: ${text}`));
  };
  const openSettings = async (): Promise<void> => {
    const more = ada.getByRole('button', { name: 'More' });
    if (await more.isVisible()) {
      await more.click();
      await check(ada, 'more');
    }
    await ada.getByRole('button', { name: 'Settings' }).click();
  };
  const closePanel = (): Promise<void> =>
    ada.locator('.panel:not([hidden]) .panel-head button').click();

  for (const [viewport, colorScheme] of [
    [DESKTOP, 'light'],
    [DESKTOP, 'dark'],
    [PHONE, 'light'],
    [PHONE, 'dark'],
  ] as const) {
    look = `${viewport.width} ${colorScheme}`;
    for (const page of [prejoin, ada]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    }
    await check(prejoin, 'before');
    await check(ada, 'meeting');
    await ada.keyboard.press('c');
    await check(ada, 'chat');
    await closePanel();
    await ada.keyboard.press('p');
    await check(ada, 'people');
    for (const [deed, dialog] of [
      ['Permissions of Bob', 'permissions'],
      ['Remove Bob', 'confirm'],
    ] as const) {
      await ada.getByRole('button', { name: deed }).click();
      await check(ada, dialog);
      await ada.getByTestId(dialog).getByRole('button', { name: 'Cancel' }).click();
    }
    await closePanel();
    await openSettings();
    await check(ada, 'settings');
    await closePanel();
    for (const menu of ['Layout', 'React']) {
      await ada.getByRole('button', { name: menu }).click();
      await check(ada, menu);
      await ada.keyboard.press('Escape');
    }
    // Nothing is cut off, or too small for a finger.
    for (const control of await ada.getByTestId('controls').getByRole('button').all()) {
      const box = await control.boundingBox();
      const { x = -1, width = 0, height = 0 } = box ?? {};
      expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(viewport.width);
    }
  }
  await bob.getByRole('button', { name: 'Leave' }).click();
  await check(bob, 'ended');
  expect(found).toEqual([]);
});
