// The guides for applications: every piece of JavaScript in them runs as it is written there, in order, in a meeting
// with somebody who publishes.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { blocksFor } from '../support/documents.ts';
import { type SternaHost, startHost } from '../support/e2e/sterna-host.ts';
import { SdkPage } from '../support/sdk-page.ts';

const BLOCKS = blocksFor('test/e2e/guides-doc.test.ts');

let browser: Chromium;
let host: SternaHost;
let bob: SdkPage;

beforeAll(async () => {
  [browser, host] = await Promise.all([Chromium.launch(), startHost()]);
  bob = await (await SdkPage.open(browser, host)).join({ identity: 'bob' });
});
afterEach(() => browser.throwErrors());
afterAll(async () => {
  await browser?.close();
  await host?.sterna.stop();
});

interface Reader {
  readonly page: Page;
  /** What the page has said on its console. */
  readonly said: string[];
}

/** A page with the pieces of a guide, between what the guide takes for granted and what shows that it works. */
async function read(document: string, before: string, after = ''): Promise<Reader> {
  const code = BLOCKS.filter((block) => block.document === document).map(({ text }) => text);
  expect(code.length).toBeGreaterThan(0);
  const page = await browser.open(`${host.url}/blank`, { bypassCSP: true });
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  const token = host.token({ identity: 'reader', grants: { simulate: true } });
  await page.route('**/token', (route) => route.fulfill({ body: token }));
  const given = `const url = location.origin; const token = ${JSON.stringify(token)};`;
  const module = [given, before, ...code, after, `console.log('done');`].join('\n');
  const done = page.waitForEvent('console', (message) => message.text() === 'done');
  await page.addScriptTag({
    type: 'module',
    content: module.replaceAll('http://127.0.0.1:7880', host.url),
  });
  await done;
  return { page, said };
}

const PLAYS = (): boolean =>
  [...document.querySelectorAll('video')].some((video) => video.videoWidth > 0);

test('the quick start: a page of one’s own sees bob, and is seen', async () => {
  const { page } = await read('docs/quick-start.md', '');
  await Promise.all([page.waitForFunction(PLAYS), bob.heard('track reader video')]);
  await page.close();
  await bob.heard('left reader');
});

test('publish', async () => {
  const { page, said } = await read('docs/publish.md', '');
  expect(said).toContain('published other');
  await bob.heard('track reader video');
  await page.close();
});

test('subscribe', async () => {
  const { page } = await read(
    'docs/subscribe.md',
    'const askForClick = () => {};',
    `await room.next('trackAdded');
     const [camera] = [...room.participants.values()].flatMap(({ publications }) =>
       publications.filter(({ source }) => source === 'camera'));
     window.follow = () => follow(camera);
     window.wish = () => room.subscription(camera);`,
  );
  await page.waitForFunction(PLAYS);
  await page.evaluate('window.follow()');
  expect(await page.evaluate('window.wish()')).toMatchObject({ on: false });
  await page.close();
});

test('reconnection: a banner, and another sid when the session was gone', async () => {
  const { page, said } = await read(
    'docs/reconnection.md',
    `const showBanner = console.log; const hideBanner = () => console.log('banner gone');`,
    `const again = new Promise((resolve) => room.on('state', ({ how }) => how === 'rejoined' && resolve()));
     await room.simulate({ op: 'full-reconnect' });
     await again;`,
  );
  expect(said).toEqual(
    expect.arrayContaining([expect.stringMatching(/^connection lost, attempt/)]),
  );
  expect(said).toEqual(expect.arrayContaining([expect.stringMatching(/^now I am PA_/)]));
  await page.close();
});

test('why is my video black: the questions have answers', async () => {
  const { page, said } = await read(
    'docs/black-video.md',
    `import { join } from '/sterna.js';
     const room = await join(url, { token });
     await room.next('trackAdded');
     const video = document.createElement('video');
     video.muted = video.autoplay = true;
     document.body.append(video);
     const [bob] = room.participants.values();
     bob.publications.find(({ source }) => source === 'camera').attach(video);
     // What is shown is in the statistics some time later.
     const decoded = async () => (await room.stats()).get(bob.sid)?.received.video.framesDecoded ?? 0;
     while (video.videoWidth === 0 || (await decoded()) === 0) {
       await new Promise((resolve) => setTimeout(resolve, 50));
     }`,
  );
  const answers = [
    /^camera live false \d+$/,
    /^path (?:host|prflx|srflx)$/,
    /^bob camera \{muted: false, arrives: true\}$/,
    /^bob [1-9]\d*$/,
    /^element \{paused: false, stream: true, videoWidth: \d{2,}, clientWidth: \d{2,}\}$/,
  ];
  for (const answer of answers) expect(said).toContainEqual(expect.stringMatching(answer));
  await page.close();
});

test('end-to-end encryption: a code and nobody who has it yet', async () => {
  const { page } = await read('docs/e2ee.md', `import { join } from '/sterna.js';`);
  await page.close();
});
