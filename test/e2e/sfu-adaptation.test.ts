// A camera in three sizes through the real program in real Chromium: one subscriber's network becomes narrow and wide
// again, and another one does not notice.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { publishFilm } from '../support/e2e/narrow-meeting.ts';
import { narrowsAndWidens } from '../support/e2e/narrow-proof.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';

let chromium: Chromium;
let host: SternaHost;

beforeAll(async () => {
  chromium = await Chromium.launch();
});
beforeEach(async () => {
  host = await startHost();
});
afterEach(async () => {
  await chromium.closePages();
  await host.sterna.stop();
});
afterAll(async () => {
  await chromium?.close();
});

test('of VP8 in three encodings: a narrow network is a smaller picture and no pause, a wide one a large picture', async () => {
  await publishFilm(chromium, host);
  const { madeAnew } = await narrowsAndWidens(host, '127.0.0.1', chromium, chromium);
  // One was asked for of the smallest encoding, and that alone was made.
  expect(madeAnew).toBe(0);
});

test('of VP9 in one encoding with three sizes inside, too', async () => {
  await publishFilm(chromium, host, 'vp9');
  await narrowsAndWidens(host, '127.0.0.1', chromium, chromium);
});

test('and of AV1, also where the network has next to no queue', async () => {
  await publishFilm(chromium, host, 'av1');
  await narrowsAndWidens(host, '127.0.0.1', chromium, chromium, 100);
});
