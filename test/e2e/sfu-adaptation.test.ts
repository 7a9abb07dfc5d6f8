// A camera in three sizes through the real program in real Chromium: one subscriber's network becomes narrow and wide
// again, and another one does not notice.

import { afterAll, beforeAll, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { publishFilm } from '../support/e2e/narrow-meeting.ts';
import { narrowsAndWidens } from '../support/e2e/narrow-proof.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';

let chromium: Chromium;
let host: SternaHost;

beforeAll(async () => {
  [chromium, host] = await Promise.all([Chromium.launch(), startHost()]);
});
afterAll(async () => {
  await chromium.close();
  await host.sterna.stop();
});

test('a narrow network is a smaller picture and no pause, and a wide one a large picture', async () => {
  await publishFilm(chromium, host);
  await narrowsAndWidens(host, '127.0.0.1', chromium, chromium);
});
