// End-to-end encryption through the real program, in Chromium and Firefox, on the page that it serves with the policy
// that it has: who has keys sees, who has none sees nothing of what the server passes on to everybody.

import { expect, test } from 'vitest';
import { BothBrowsers } from '../support/e2e/both-browsers.ts';
import { joinsOf, LOOK, makeRoom, shownNothing, shows } from '../support/e2ee/looks.ts';
import { SealedPage } from '../support/e2ee/sealed-page.ts';

const world = new BothBrowsers();

test('Chromium and Firefox see each other, and who does not encrypt is shown nothing', async () => {
  const as = joinsOf('sealed');
  const ann = await SealedPage.open(world.chromium, world.host);
  const fox = await SealedPage.open(world.firefox, world.host);
  expect(await ann.join(as('ann', 'red', 1), 'h264'), 'a codec that cannot').toBe('UNSUPPORTED');
  expect(await ann.join(as('ann', 'red', 1))).toBeNull();
  expect(await fox.join(as('fox', 'blue', 2))).toBeNull();
  const [annOfFox, foxOfAnn] = [await shows(fox, 'ann', 'red'), await shows(ann, 'fox', 'blue')];
  expect(annOfFox).toMatchObject({ state: 'encrypted', code: foxOfAnn.code });
  expect(foxOfAnn.code).toMatch(/^(?:\d{5} ){11}\d{5}$/);
  expect(await ann.sent()).toEqual({ sizes: 2, codecs: ['video/VP8'] });
  const [ofAnn, ofFox] = [await ann.encryption(), await fox.encryption()];
  expect(ofAnn).toMatchObject({ enabled: true, state: 'on', code: ofFox.code });
  expect(annOfFox.fingerprint).toBe(ofAnn.fingerprint);

  const eve = await SealedPage.open(world.chromium, world.host);
  expect(await eve.join(as('eve', 'green', false))).toBeNull();
  await shownNothing(eve, 'ann');
  await shownNothing(eve, 'fox');
  await shownNothing(ann, 'eve');
  await shownNothing(fox, 'eve');
  expect((await ann.sees('eve'))?.state).toBe('clear');
  expect((await eve.encryption()).enabled).toBe(false);
  expect(await ann.sends('sterna.e2ee')).toBe('BAD_MESSAGE');
  expect(await ann.sends('chat')).toBeNull();
  await expect.poll(async () => (await eve.told()).events, LOOK).toEqual(['data chat']);
});

test('who is somebody else is refused, and who leaves takes no key along', async () => {
  const as = joinsOf('names');
  const ann = await SealedPage.open(world.chromium, world.host);
  const bob = await SealedPage.open(world.chromium, world.host);
  expect(await ann.join(as('ann', 'red', 1), 'vp9')).toBeNull();
  expect(await bob.join(as('bob', 'none', 2))).toBeNull();
  await shows(bob, 'ann', 'red');
  expect(await ann.sent()).toEqual({ sizes: 1, codecs: ['video/VP9'] });
  await bob.leave();
  await expect.poll(() => ann.sees('bob'), LOOK).toBeNull();
  await expect.poll(async () => (await ann.told()).epochs.at(-1), LOOK).toBe(2);

  const mallory = await SealedPage.open(world.chromium, world.host);
  expect(await mallory.join(as('bob', 'blue', 3))).toBeNull();
  await expect.poll(async () => (await ann.told()).events, LOOK).toContain('bob changed');
  expect((await ann.told()).events).toContain('warning IDENTITY_CHANGED');
  await shownNothing(mallory, 'ann');
  await shownNothing(ann, 'bob');
  await mallory.leave();

  // The same one as before is welcome, and has another key; when somebody leaves, so have all who stay.
  const again = await SealedPage.open(world.chromium, world.host);
  expect(await again.join(as('bob', 'none', 2))).toBeNull();
  const cleo = await SealedPage.open(world.chromium, world.host);
  expect(await cleo.join(as('cleo', 'none', 4))).toBeNull();
  await shows(cleo, 'ann', 'red');
  await cleo.leave();
  await expect.poll(async () => (await ann.told()).epochs.at(-1), LOOK).toBe(3);
  await shows(again, 'ann', 'red');

  // All that went through the server: messages, and no key in any of them.
  const pages = await Promise.all([ann, bob, again, cleo].map((page) => page.told()));
  const keys = new Set(pages.flatMap((told) => told.keys));
  const messages = pages.flatMap(({ wire }) => wire).filter((text) => text.includes('sterna.e2ee'));
  expect(keys.size).toBeGreaterThan(4);
  expect(messages.length).toBeGreaterThan(10);
  for (const text of messages) {
    const { payload = '' } = JSON.parse(text) as { payload?: string };
    const bytes = Buffer.from(payload, 'base64').toString('hex');
    for (const key of keys) expect(bytes.includes(key)).toBe(false);
  }
});

test('what goes directly is encrypted as well', async () => {
  await makeRoom(world.host, 'mesh', 'p2p');
  const as = joinsOf('mesh');
  const [ann, eve] = [
    await SealedPage.open(world.chromium, world.host),
    await SealedPage.open(world.chromium, world.host),
  ];
  expect(await ann.join(as('ann', 'red', 0))).toBeNull();
  expect(await eve.join(as('eve', 'green', false))).toBeNull();
  await shownNothing(eve, 'ann');
  await shownNothing(ann, 'eve');
  await eve.leave();
  const bob = await SealedPage.open(world.chromium, world.host);
  expect(await bob.join(as('bob', 'blue', 0))).toBeNull();
  await Promise.all([shows(ann, 'bob', 'blue'), shows(bob, 'ann', 'red')]);
  await Promise.all([ann.leave(), bob.leave()]);

  await makeRoom(world.host, 'pair', 'auto');
  const alone = joinsOf('pair');
  const [cleo, dave] = [
    await SealedPage.open(world.chromium, world.host),
    await SealedPage.open(world.chromium, world.host),
  ];
  expect(await cleo.join(alone('cleo', 'red', 0))).toBeNull();
  expect(await dave.join(alone('dave', 'blue', 0))).toBeNull();
  const isDirect = async (): Promise<boolean[]> => [await cleo.isDirect(), await dave.isDirect()];
  await expect.poll(isDirect, LOOK).toEqual([true, true]);
  await Promise.all([shows(cleo, 'dave', 'blue'), shows(dave, 'cleo', 'red')]);
});
