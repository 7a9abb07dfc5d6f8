// Two nodes, and real Chromium at each: one meeting, whose media goes to the node that has it, while Redis stands still
// and until that node dies.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { call } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { CUT_OFF } from '../support/nodes.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SdkPage } from '../support/sdk-page.ts';
import { PUBLISH } from '../support/whip-offers.ts';

let browser: Chromium;
let redis: RedisServer;
let owner: SternaHost;
let other: SternaHost;

beforeAll(async () => {
  redis = await RedisServer.start();
  const shared = { redis: { url: redis.url, lease: 1 }, workers: 1 };
  [browser, owner, other] = await Promise.all([
    Chromium.launch(),
    startHost(shared),
    startHost(shared),
  ]);
});
afterEach(async () => {
  await browser.closePages();
  browser.throwErrors();
});
afterAll(async () => {
  await browser.close();
  await other.sterna.stop('SIGTERM', CUT_OFF);
  await redis.kill();
});

async function enter(host: SternaHost, identity: string): Promise<SdkPage> {
  const page = await SdkPage.open(browser, host);
  return page.join({ identity, renews: true });
}

test('a WHIP session of one node is opened, found and ended at the other', async () => {
  const ann = await enter(owner, 'ann');
  const headers = { authorization: `Bearer ${owner.token({ identity: 'camera' })}` };
  const at = (host: SternaHost, method: string, path: string): Promise<Answer> =>
    call(host.sterna.port, method, path, headers);
  const opened = await call(
    other.sterna.port,
    'POST',
    '/v1/whip/r',
    { ...headers, 'content-type': 'application/sdp' },
    PUBLISH,
  );
  expect(opened.status).toBe(201);
  await ann.heard('joined camera');
  const path = String(opened.headers.location);
  expect((await at(owner, 'GET', path)).status).toBe(204);
  expect((await at(other, 'GET', path)).status).toBe(204);
  expect((await at(other, 'DELETE', path)).status).toBe(200);
  await ann.heard('left camera');
  expect((await at(other, 'GET', path)).status).toBe(404);
  const refused = await call(other.sterna.port, 'POST', '/v1/whip/made-up', {
    ...headers,
    'content-type': 'application/sdp',
  });
  expect(refused.status).toBe(403);
});

test('a meeting over two nodes outlives a Redis that stands still, and the node that has it', async () => {
  const ann = await enter(owner, 'ann');
  const bob = await enter(other, 'bob');
  await Promise.all([ann.sees(1), bob.sees(1), bob.hears()]);
  const made = await bob.page.evaluate(() => window.pcs.length);
  redis.freeze();
  await Promise.all([ann.heard('state reconnecting'), bob.heard('state reconnecting')]);
  // Nobody can say who has the room, and both still see each other.
  await Promise.all([ann.sees(1, 20), bob.sees(1, 20)]);
  redis.thaw();
  await Promise.all([ann.heard('state connected resumed'), bob.heard('state connected resumed')]);
  await Promise.all([ann.sees(1), bob.sees(1)]);
  expect(await bob.page.evaluate(() => window.pcs.length)).toBe(made);
  await owner.sterna.kill();
  await bob.heard('state connected rejoined');
  const cleo = await enter(other, 'cleo');
  await Promise.all([bob.sees(1), cleo.sees(1)]);
});
