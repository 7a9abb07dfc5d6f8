// End-to-end encryption when signaling fails: a page that has missed what was said, in which keys were, and a server
// that starts again. Whoever comes back sees the others, and is seen, without anybody's help.

import { expect, test } from 'vitest';
import { BothBrowsers } from '../support/e2e/both-browsers.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { joinsOf, LOOK, shows } from '../support/e2ee/looks.ts';
import { SealedPage } from '../support/e2ee/sealed-page.ts';

/** More than the server keeps of pushes for who is away. */
const MESSAGES = 40;
const MESSAGE = 'x'.repeat(12_000);

const world = new BothBrowsers();

const tells = (page: SealedPage, event: string): Promise<void> =>
  expect.poll(async () => (await page.told()).events, LOOK).toContain(event);

test('who has missed the new keys of somebody gets them, and sees the picture again', async () => {
  const as = joinsOf('missed');
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: world.host.sterna.port });
  try {
    const ann = await SealedPage.open(world.chromium, world.host);
    const cleo = await SealedPage.open(world.chromium, world.host);
    const bob = await SealedPage.open(world.chromium, {
      url: `http://127.0.0.1:${proxy.port}`,
      token: (options) => world.host.token(options),
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
    await world.host.sterna.waitForEvents('session.resumed', 1, ({ lost }) => lost === true);
    await Promise.all([shows(bob, 'ann', 'red'), shows(ann, 'bob', 'blue')]);
    expect((await bob.told()).events).not.toContain('data much');
  } finally {
    await proxy.stop();
  }
});

test('a server that starts again passes on what it cannot read, as before', async () => {
  const as = joinsOf('again');
  const ann = await SealedPage.open(world.chromium, world.host);
  const fox = await SealedPage.open(world.firefox, world.host);
  expect(await ann.join(as('ann', 'red', 1))).toBeNull();
  expect(await fox.join(as('fox', 'blue', 2))).toBeNull();
  const [{ code }] = await Promise.all([shows(ann, 'fox', 'blue'), shows(fox, 'ann', 'red')]);
  const before = await ann.told();
  const { port } = world.host.sterna;
  await world.host.sterna.kill();
  await world.serve(port);
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
