// A camera in three sizes, with Firefox among those who look on or as the one who sends: a network that becomes narrow
// and wide again.

import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { enterWithFilm, publishFilm } from '../support/e2e/narrow-meeting.ts';
import { narrowsAndWidens } from '../support/e2e/narrow-proof.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { Firefox } from '../support/peers/firefox.ts';
import { ownAddress } from '../support/peers/whip-meeting.ts';

let chromium: Chromium;
let firefox: Firefox;
let host: SternaHost;

beforeAll(async () => {
  [chromium, firefox] = await Promise.all([Chromium.launch(), Firefox.launch()]);
});
beforeEach(async () => {
  // Firefox has no candidates on loopback.
  host = await startHost({ media: ownAddress() });
});
afterEach(async () => {
  await Promise.all([chromium.closePages(), firefox.closePages()]);
  await host.sterna.stop();
});
afterAll(async () => {
  await chromium?.close();
  await firefox?.close();
});

test('Firefox is shown a smaller picture without a pause, and a large one again', async () => {
  await publishFilm(chromium, host);
  await narrowsAndWidens(host, ownAddress(), chromium, firefox);
});

test('so is Chromium where Firefox sends', async () => {
  await enterWithFilm(firefox, host);
  await narrowsAndWidens(host, ownAddress(), chromium, chromium);
});
