// End-to-end encryption when signaling fails: a page that has missed what was said, in which keys were, and a server
// that starts again. Whoever comes back sees the others, and is seen, without anybody's help.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { joinsOf, LOOK, shows } from '../support/e2ee/looks.ts';
import { SealedPage } from '../support/e2ee/sealed-page.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { ownAddress } from '../support/peers/whip-meeting.ts';

/** More than the server keeps of pushes for who is away. */
const MESSAGES = 40;
const MESSAGE = 'x'.repeat(12_000);

let chromium: Chromium;
let firefox: Firefox;
let host: SternaHost;

beforeAll(async () => {
  [chromium, firefox, host] = await Promise.all([
    Chromium.launch(),
    Firefox.launch(),
    // Firefox has no candidates on loopback.
    startHost({ media: ownAddress() }),
  ]);
});
afterAll(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await host?.sterna.stop();
});
afterEach(async () => {
  await Promise.all([chromium.closePages(), firefox.closePages()]);
  chromium.throwErrors();
});

const tells = (page: SealedPage, event: string): Promise<void> =>
  expect.poll(async () => (await page.told()).events, LOOK).toContain(event);

test('who has missed the new keys of somebody gets them, and sees the picture again', async () => {
  const as = joinsOf('missed');
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: host.sterna.port });
  try {
    const ann = await SealedPage.open(chromium, host);
    const cleo = await SealedPage.open(chromium, host);
    const bob = await SealedPage.open(chromium, {
      url: `http://127.0.0.1:${proxy.port}`,
      token: (options) => host.token(options),
    });
    expect(await ann.join(as('ann', 'red', 1))).toBeNull();
    expect(await bob.join(as('bob', 'blue', 2))).toBeNull();
    const workerUrl = '/sterna-e2ee-worker.js?elsewhere';
    expect(await cleo.join({ ...as('cleo', 'none', 3), workerUrl })).toBeNull();
    await Promise.all([
      shows(bob, 'ann', 'red'),
      shows(ann, 'bob', 'blue'),
      shows(cleo, 'ann', 'red'),
    ]);
    expect((await cleo.told()).events[0]).toBe(`worker ${workerUrl}`);
    const { epochs } = await ann.told();

    proxy.cut();
    await tells(bob, 'state reconnecting');
    await cleo.leave();
    await expect.poll(async () => (await ann.told()).epochs.length, LOOK).toBe(epochs.length + 1);
    await ann.sends('much', MESSAGE, MESSAGES);
    proxy.heal();
    await tells(bob, 'state connected resumed');
    await host.sterna.waitForEvents('session.resumed', 1, ({ lost }) => lost === true);
    await Promise.all([shows(bob, 'ann', 'red'), shows(ann, 'bob', 'blue')]);
    expect((await bob.told()).events).not.toContain('data much');
  } finally {
    await proxy.stop();
  }
});

test('a server that starts again passes on what it cannot read, as before', async () => {
  const as = joinsOf('again');
  const ann = await SealedPage.open(chromium, host);
  const fox = await SealedPage.open(firefox, host);
  expect(await ann.join(as('ann', 'red', 1))).toBeNull();
  expect(await fox.join(as('fox', 'blue', 2))).toBeNull();
  const [{ code }] = await Promise.all([shows(ann, 'fox', 'blue'), shows(fox, 'ann', 'red')]);
  const before = await ann.told();
  const { port } = host.sterna;
  await host.sterna.kill();
  host = await startHost({ media: ownAddress(), port });
  await Promise.all([
    tells(ann, 'state connected rejoined'),
    tells(fox, 'state connected rejoined'),
  ]);
  const [again] = await Promise.all([shows(ann, 'fox', 'blue'), shows(fox, 'ann', 'red')]);
  expect(again).toMatchObject({ state: 'encrypted', code });
  const after = await ann.told();
  // Keys of before are not used again.
  expect(after.keys.length).toBeGreaterThan(before.keys.length);
  expect(new Set(after.keys).size).toBe(after.keys.length);
});
