// A server that is updated while a meeting goes on: pages in real Chromium behind a load balancer, two nodes with one
// Redis, and the one that has the room drained, then told to stop.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { startHost } from '../support/e2e/sterna-host.ts';
import type { SternaHost } from '../support/e2e/sterna-host.ts';
import { API_KEY } from '../support/e2e/sterna.ts';
import type { Endpoint } from '../support/e2e/sterna.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { call } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SdkPage } from '../support/sdk-page.ts';

let browser: Chromium;
let redis: RedisServer;
let old: SternaHost;
let next: SternaHost;
let balancer: TcpProxy;

const gateway = ({ sterna }: SternaHost): Endpoint => ({ host: '127.0.0.1', port: sterna.port });

const ask = (host: SternaHost, method: string, path: string, body?: string): Promise<Answer> =>
  call(
    host.sterna.port,
    method,
    path,
    {
      authorization: `Bearer ${API_KEY.name}:${API_KEY.secret}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body,
  );

beforeAll(async () => {
  redis = await RedisServer.start();
  const shared = { redis: { url: redis.url, lease: 10 }, workers: 1 };
  [browser, old, next] = await Promise.all([
    Chromium.launch(),
    startHost(shared),
    startHost(shared),
  ]);
  balancer = await TcpProxy.start(gateway(old));
});
afterAll(async () => {
  await browser.close();
  await balancer.stop();
  await next.sterna.stop();
  await redis.kill();
  browser.throwErrors();
});

async function enter(identity: string): Promise<SdkPage> {
  const page = await SdkPage.open(browser, {
    url: `http://127.0.0.1:${balancer.port}`,
    token: (options) => old.token(options),
  });
  return page.join({ identity, renews: true });
}

test('whose node drains stay, who comes joins them, and all go on together at the next node', async () => {
  const pages = [await enter('ann'), await enter('bob')];
  await Promise.all(pages.map((page) => page.sees(1)));

  expect((await ask(old, 'POST', '/v1/drain', '{"on":true}')).status).toBe(200);
  expect((await call(old.sterna.port, 'GET', '/readyz')).status).toBe(503);
  expect((await call(next.sterna.port, 'GET', '/readyz')).status).toBe(200);
  balancer.turnTo(gateway(next));
  pages.push(await enter('cleo'));
  await Promise.all(pages.map((page) => page.sees(2)));

  const before = await Promise.all(pages.map((page) => page.sid()));
  await old.sterna.stop();
  await Promise.all(pages.map((page) => page.heard('state connected rejoined')));
  await Promise.all(pages.map((page) => page.sees(2)));
  const after = await Promise.all(
    pages.map(({ page }) =>
      page.evaluate(() => ({
        others: [...window.room.participants.values()].map(({ name }) => name).toSorted(),
        open: window.pcs.filter((pc) => pc.signalingState !== 'closed').length,
      })),
    ),
  );
  expect(after).toEqual([
    { others: ['bob', 'cleo'], open: 1 },
    { others: ['ann', 'cleo'], open: 1 },
    { others: ['ann', 'bob'], open: 1 },
  ]);
  const listed = await ask(next, 'GET', '/v1/rooms/r/participants');
  expect(listed.body.match(/"identity":"\w+"/g)?.toSorted()).toEqual([
    '"identity":"ann"',
    '"identity":"bob"',
    '"identity":"cleo"',
  ]);
  for (const page of pages) {
    expect(before).not.toContain(await page.sid());
    expect((await page.events()).filter((event) => event.startsWith('closed'))).toEqual([]);
  }
});
