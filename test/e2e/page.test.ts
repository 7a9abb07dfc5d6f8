// The meeting page in real Chromium, used as people use it: forms, buttons, keys. Signaling is real, media
// goes directly.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import type { LaunchOptions, OpenOptions } from '../support/chromium.ts';
import { startCoturn } from '../support/coturn-server.ts';
import type { Room } from '../../sdk/index.ts';
import { MiniServer } from '../support/mini-server.ts';
import type { MiniServerOptions } from '../support/mini-server.ts';

declare global {
  interface Window {
    sternaRoom?: Room;
    /** Tracks that a test holds back. */
    late?: MediaStreamTrack[];
  }
}

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

async function restart(options: MiniServerOptions): Promise<void> {
  await server.close();
  server = await MiniServer.start(options);
}

const open = (path: string, options?: OpenOptions, from = browser): Promise<Page> =>
  from.open(server.url + path, options);

/** Opens the page and is in the meeting. */
async function enter(name: string, rest = ''): Promise<Page> {
  const page = await open(`/?room=standup&name=${name}&autojoin=1${rest}`);
  await page.getByTestId('meeting').waitFor();
  return page;
}

async function withBrowser(options: LaunchOptions, use: (other: Chromium) => Promise<void>) {
  const other = await Chromium.launch(options);
  try {
    await use(other);
    other.throwErrors();
  } finally {
    await other.close();
  }
}

const tileOf = (page: Page, name: string) =>
  page.getByTestId('tile').filter({ has: page.getByText(name, { exact: true }) });

/** Waits until the picture of that tile moves. */
async function seen(page: Page, name: string): Promise<void> {
  const video = tileOf(page, name).locator('video');
  await video.evaluate(async (element) => {
    if (!(element instanceof HTMLVideoElement)) throw new Error('No video');
    for (let frames = 0; frames < 5; frames += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => element.requestVideoFrameCallback(resolve));
    }
  });
}

describe('two pages', () => {
  test('meet: names, pictures, number of participants, path and timeline', async () => {
    const ada = await open('/?room=standup');
    await ada.getByLabel('Your name').fill('Ada');
    await ada.getByRole('button', { name: 'Join', exact: true }).click();
    await ada.getByText('Nobody else is here yet').waitFor();
    expect(await ada.getByTestId('tile').count()).toBe(1);
    const bob = await enter('Bob');
    await Promise.all([seen(ada, 'Bob'), seen(bob, 'Ada'), seen(bob, 'Bob (you)')]);
    expect(await ada.getByTestId('count').textContent()).toBe('2');
    expect(await ada.getByText('Nobody else is here yet').isVisible()).toBe(false);
    expect(await ada.getByTestId('room-name').textContent()).toBe('standup');
    const badge = tileOf(bob, 'Ada').getByTestId('path');
    await badge.and(bob.locator('[data-path="host"]')).waitFor();
    expect(await badge.textContent()).toMatch(/^host( <?\d+ ms)?$/);
    await bob.getByRole('button', { name: 'Details' }).click();
    await bob
      .getByRole('row', { name: 'DTLS connected' })
      .getByText(/^\d+ ms$/)
      .waitFor();
    await bob
      .getByRole('row', { name: 'Socket open' })
      .getByText(/^\d+ ms$/)
      .waitFor();
  });

  test('muting and switching off the camera are shown to the other', async () => {
    const [ada, bob] = [await enter('Ada'), await enter('Bob')];
    await seen(bob, 'Ada');
    const tile = tileOf(bob, 'Ada');
    expect(await tile.getByTestId('muted').isVisible()).toBe(false);
    await ada.getByRole('button', { name: 'Mute', exact: true }).click();
    await tile.getByRole('img', { name: 'Muted' }).waitFor();
    await ada.getByRole('button', { name: 'Stop video' }).click();
    await tile.and(bob.locator('[data-camera="off"]')).waitFor();
    expect(await tile.locator('video').isVisible()).toBe(false);
    expect(await tile.locator('.avatar').isVisible()).toBe(true);
    await ada.getByRole('button', { name: 'Unmute' }).click();
    await ada.getByRole('button', { name: 'Start video' }).click();
    await seen(bob, 'Ada');
    await tile.getByTestId('muted').waitFor({ state: 'hidden' });
  });

  test('a screen is a tile of its own, large until it is over', async () => {
    const [ada, bob] = [await enter('Ada'), await enter('Bob')];
    await seen(ada, 'Bob');
    await bob.evaluate(() => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      setInterval(() => context?.fillRect(Math.random() * 100, 0, 50, 50), 50);
      navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
    });
    await bob.getByRole('button', { name: 'Share screen' }).click();
    await seen(ada, 'Bob’s screen');
    await tileOf(ada, 'Bob’s screen').and(ada.locator('[data-spotlight="true"]')).waitFor();
    await seen(ada, 'Bob');
    await bob.getByRole('button', { name: 'Stop sharing' }).click();
    await tileOf(ada, 'Bob’s screen').waitFor({ state: 'detached' });
    await seen(ada, 'Bob');
  });

  test('leaving removes the tile, and one can join again', async () => {
    const [ada, bob] = [await enter('Ada'), await enter('Bob')];
    await tileOf(ada, 'Bob').waitFor();
    await bob.getByRole('button', { name: 'Leave' }).click();
    await tileOf(ada, 'Bob').waitFor({ state: 'detached' });
    expect(await ada.getByTestId('count').textContent()).toBe('1');
    await bob.getByRole('heading', { name: 'You left the meeting' }).waitFor();
    await bob.getByRole('button', { name: 'Join again' }).click();
    await bob.getByRole('button', { name: 'Join', exact: true }).click();
    await Promise.all([seen(ada, 'Bob'), seen(bob, 'Ada')]);
  });

  test('of the same name are two participants', async () => {
    const [first, second] = [await enter('Ada'), await enter('Ada')];
    await Promise.all([seen(first, 'Ada'), seen(second, 'Ada')]);
    expect(await first.getByTestId('count').textContent()).toBe('2');
  });

  test('stay in the call while the server is away, and say so', async () => {
    const [ada, bob] = [await enter('Ada'), await enter('Bob')];
    await seen(ada, 'Bob');
    server.unreachable = true;
    server.cutSockets();
    await ada.getByText('The server cannot be reached').waitFor();
    await Promise.all([seen(ada, 'Bob'), seen(bob, 'Ada')]);
    server.unreachable = false;
    await ada.getByText('Back online: resumed.').waitFor();
    await ada.getByTestId('banner').waitFor({ state: 'hidden' });
    await Promise.all([seen(ada, 'Bob'), seen(bob, 'Ada')]);
    expect(await ada.getByTestId('count').textContent()).toBe('2');
  });

  test('meet through the relay alone when the address says so', async () => {
    const relay = await startCoturn();
    try {
      await restart({ iceServers: [relay.iceServer] });
      const [ada, bob] = [await enter('Ada', '&relay=1'), await enter('Bob', '&relay=1')];
      await Promise.all([seen(ada, 'Bob'), seen(bob, 'Ada')]);
      await tileOf(ada, 'Bob').locator('[data-path="relay"]').waitFor();
      expect(await tileOf(ada, 'Bob').getByTestId('path').getAttribute('title')).toBe(
        'Path: local relay, remote relay, udp, relay reached over udp',
      );
    } finally {
      await relay.stop();
    }
  });
});

describe('by keyboard alone', () => {
  test('one joins, mutes, opens and closes the details, and leaves', async () => {
    const page = await open('/?room=standup');
    const { keyboard } = page;
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '');
    await page.locator('#name:focus').waitFor();
    await keyboard.press('Enter');
    expect(await page.getByRole('alert').textContent()).toBe('Please enter your name.');
    await keyboard.type('Ada');
    await keyboard.press('Tab');
    expect(await focused()).toBe('room');
    await keyboard.press('Enter');
    await page.getByTestId('meeting').waitFor();
    expect(await focused()).toBe('mic');
    await keyboard.press('m');
    await page.getByRole('button', { name: 'Unmute' }).waitFor();
    await keyboard.press('Space');
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
    await keyboard.press('v');
    await page.getByRole('button', { name: 'Start video' }).waitFor();
    const stops: string[] = [];
    for (let tab = 0; tab < 8; tab += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await keyboard.press('Tab');
      // oxlint-disable-next-line no-await-in-loop
      stops.push(await focused());
    }
    expect(stops.join(' ')).toBe('cam share hand react chat people copy details');
    await keyboard.press('Enter');
    expect(await focused()).toBe('panel-close');
    expect(await page.locator('#details').getAttribute('aria-expanded')).toBe('true');
    // Only for tokens with that grant.
    expect(await page.getByTestId('simulate').isVisible()).toBe(false);
    await keyboard.press('Escape');
    expect(await focused()).toBe('details');
    expect(await page.getByTestId('panel').isVisible()).toBe(false);
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'You left the meeting' }).waitFor();
    expect(await focused()).toBe('ended-title');
  });

  test('the shortcuts are silent where something is typed or chosen, and with modifiers', async () => {
    const page = await enter('Ada');
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByTestId('call-camera').focus();
    await page.keyboard.press('m');
    await page.keyboard.press('v');
    await page.getByRole('button', { name: 'Leave' }).focus();
    await page.keyboard.press('Control+m');
    expect(await page.evaluate(() => window.sternaRoom?.local.microphoneEnabled)).toBe(true);
    expect(await page.evaluate(() => window.sternaRoom?.local.cameraEnabled)).toBe(true);
  });
});

describe('before the meeting', () => {
  test('the preview shows the camera and the level, and what is off stays off', async () => {
    const page = await open('/?room=standup&name=Ada');
    await page.locator('#preview-video').waitFor();
    await page.locator('#camera option').waitFor({ state: 'attached' });
    await page.waitForFunction(() => {
      const level = document.querySelector<HTMLMeterElement>('#level');
      return level !== null && level.value > 0.1;
    });
    expect(await page.locator('#camera').locator('option').count()).toBe(1);
    expect(await page.locator('#microphone').isEnabled()).toBe(true);
    await page.getByRole('button', { name: 'Microphone', exact: true }).click();
    await page.getByRole('button', { name: 'Camera', exact: true }).click();
    await page.getByText('Your camera is off.').waitFor();
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    const tile = tileOf(page, 'Ada (you)');
    await tile.and(page.locator('[data-camera="off"][data-microphone="off"]')).waitFor();
    await page.getByRole('button', { name: 'Unmute' }).click();
    await tile.and(page.locator('[data-microphone="on"]')).waitFor();
  });

  test('devices that open after the join are published then', async () => {
    const ada = await enter('Ada');
    const bob = await open('/?room=standup&name=Bob', {
      before: () => {
        const devices = navigator.mediaDevices;
        const ask = devices.getUserMedia.bind(devices);
        // The user takes their time to answer the browser's question.
        devices.getUserMedia = async (wanted) => {
          await new Promise((resolve) => document.addEventListener('answered', resolve));
          return ask(wanted);
        };
      },
    });
    await bob.getByRole('button', { name: 'Join', exact: true }).click();
    await bob.getByText('You are watching until').waitFor();
    await seen(bob, 'Ada');
    expect(await tileOf(ada, 'Bob').getAttribute('data-camera')).toBe('none');
    await bob.evaluate(() => document.dispatchEvent(new Event('answered')));
    await seen(ada, 'Bob');
    await bob.getByTestId('viewer-note').waitFor({ state: 'hidden' });
  });

  test('devices that open after the end are closed at once', async () => {
    const page = await open('/?room=standup&name=Ada', {
      before: () => {
        const devices = navigator.mediaDevices;
        const ask = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (wanted) => {
          await new Promise((resolve) => document.addEventListener('answered', resolve));
          const stream = await ask(wanted);
          Object.assign(window, { late: stream.getTracks() });
          return stream;
        };
      },
    });
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.evaluate(() => document.dispatchEvent(new Event('answered')));
    await page.waitForFunction(() => window.late?.every((track) => track.readyState === 'ended'));
    expect(await page.evaluate(() => window.late?.length)).toBe(2);
  });

  test('the link that is copied carries the room and nothing else', async () => {
    const page = await open('/?room=stand%20up&name=Ada&relay=1', {
      permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('Link copied').waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toBe(`${server.url}/?room=stand+up`);
    expect(page.url()).toBe(copied);
  });

  test('a server that mints no tokens asks for one, and says when it is not accepted', async () => {
    await restart({ mintsTokens: false });
    const page = await open('/?room=standup&name=Ada');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByText('This server needs an access token.').waitFor();
    await page.getByLabel('Access token').fill('not.a.token');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByText('The token is not accepted.').waitFor();
    await page.getByLabel('Access token').fill(server.token({ identity: 'ada', room: 'standup' }));
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByTestId('meeting').waitFor();
    expect(await page.getByTestId('room-name').textContent()).toBe('standup');
  });

  test('a token in the fragment names the room, and leaves the address bar', async () => {
    await restart({ mintsTokens: false });
    const token = server.token({ identity: 'ada', name: 'Ada', room: 'board' });
    const page = await open(`/?relay=0#token=${token}`);
    await page.waitForFunction(() => location.hash === '');
    expect(await page.getByLabel('Room').inputValue()).toBe('board');
    expect(await page.getByLabel('Room').isEditable()).toBe(false);
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await tileOf(page, 'Ada (you)').waitFor();
    expect(await page.getByTestId('room-name').textContent()).toBe('board');
    expect(page.url()).not.toContain(token);
  });
});

describe('without camera and microphone', () => {
  test('one joins as a viewer and is told why', async () => {
    const ada = await enter('Ada');
    await withBrowser({ devices: false }, async (other) => {
      const page = await open('/?room=standup&name=Bob', {}, other);
      await page.getByText('There is no camera and no microphone.').waitFor();
      await page.getByRole('button', { name: 'Join', exact: true }).click();
      await page.getByText('You are watching. There is no camera').waitFor();
      await seen(page, 'Ada');
      await tileOf(ada, 'Bob').getByRole('img', { name: 'No microphone' }).waitFor();
      await page.getByRole('button', { name: 'Unmute' }).click();
      await page.getByText('There is no microphone.').waitFor();
      expect(await page.getByTestId('count').textContent()).toBe('2');
    });
  });

  test('a refused permission is told from a missing device', async () => {
    await withBrowser({ allows: false }, async (other) => {
      const page = await open('/?room=standup&name=Bob', {}, other);
      await page.getByText('was not allowed to use the camera and the microphone').waitFor();
      await page.getByRole('button', { name: 'Join', exact: true }).click();
      await page.getByTestId('viewer-note').waitFor();
      expect(await page.evaluate(() => window.sternaRoom?.local.publications.length)).toBe(0);
    });
  });

  test('a token without the grant to publish makes a viewer too', async () => {
    const ada = await enter('Ada');
    const token = server.token({
      identity: 'bob',
      room: 'standup',
      grants: { canPublish: false },
    });
    const page = await open(`/#token=${token}`);
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByText('You are watching: your token does not let you send.').waitFor();
    await seen(page, 'Ada');
    expect(await page.locator('#mic').isDisabled()).toBe(true);
    expect(await tileOf(ada, 'bob').getAttribute('data-camera')).toBe('none');
  });
});
