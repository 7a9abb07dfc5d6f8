// Chromium and Firefox in rooms where media goes directly: encrypted, and while two are alone.

import { expect, test } from 'vitest';
import { BothBrowsers } from '../support/e2e/both-browsers.ts';
import { joinsOf, LOOK, makeRoom, shows } from '../support/e2ee/looks.ts';
import { SealedPage } from '../support/e2ee/sealed-page.ts';

const world = new BothBrowsers();

/** Chromium was there before. */
async function two(room: string, seed: number | false): Promise<[SealedPage, SealedPage]> {
  const as = joinsOf(room);
  const ann = await SealedPage.open(world.chromium, world.host);
  const fox = await SealedPage.open(world.firefox, world.host);
  expect(await ann.join(as('ann', 'red', seed))).toBeNull();
  expect(await fox.join(as('fox', 'blue', seed))).toBeNull();
  return [ann, fox];
}

const seeEachOther = (ann: SealedPage, fox: SealedPage): Promise<unknown> =>
  Promise.all([shows(ann, 'fox', 'blue'), shows(fox, 'ann', 'red')]);

const warnings = async (page: SealedPage): Promise<string[]> =>
  (await page.told()).events.filter((event) => event.startsWith('warning'));

test('in a room of mode p2p they see each other, encrypted', async () => {
  await makeRoom(world.host, 'mesh', 'p2p');
  const [ann, fox] = await two('mesh', 0);
  await seeEachOther(ann, fox);
  expect([await warnings(ann), await warnings(fox)]).toEqual([[], []]);
});

test('two who are alone go directly, through the server with a third one, and directly again', async () => {
  await makeRoom(world.host, 'auto', 'auto');
  const [ann, fox] = await two('auto', false);
  const areDirect = async (): Promise<boolean[]> => [await ann.isDirect(), await fox.isDirect()];
  await expect.poll(areDirect, LOOK).toEqual([true, true]);
  await seeEachOther(ann, fox);
  const cleo = await SealedPage.open(world.chromium, world.host);
  expect(await cleo.join(joinsOf('auto')('cleo', 'green', false))).toBeNull();
  await expect.poll(areDirect, LOOK).toEqual([false, false]);
  await Promise.all([
    seeEachOther(ann, fox),
    shows(fox, 'cleo', 'green'),
    shows(cleo, 'fox', 'blue'),
  ]);
  await cleo.leave();
  await expect.poll(areDirect, LOOK).toEqual([true, true]);
  await seeEachOther(ann, fox);
  expect([await warnings(ann), await warnings(fox)]).toEqual([[], []]);
});
