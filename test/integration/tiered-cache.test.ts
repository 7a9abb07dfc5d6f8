// The cache of several nodes that share a real Redis: what one loads the others have, what one invalidates the others
// lose, and with Redis killed, frozen or out of reach of one everybody goes on.

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Codec, TieredCacheOptions } from '../../shared/cache/cache-options.ts';
import { TieredCache } from '../../shared/cache/tiered-cache.ts';
import { silentLogger } from '../../shared/log.ts';
import { RedisLink } from '../../shared/redis/redis-link.ts';
import { TcpProxy } from '../support/e2e/tcp-proxy.ts';
import { RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const codec: Codec<string> = {
  encode: (value) => Buffer.from(value),
  decode: (bytes) => Buffer.from(bytes).toString(),
};

let server: RedisServer;
let cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.kill());
beforeEach(async () => {
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
});

/** A node of the cluster: a process of its own has its own memory and its own link. */
async function startNode(options: Partial<TieredCacheOptions<string>> = {}, url = server.url) {
  const link = new RedisLink({
    url,
    prefix: 'test:',
    log: silentLogger,
    commandTimeoutMs: 200,
    heartbeatMs: 50,
    openMs: 100,
  });
  const cache = new TieredCache<string>({
    name: 'names',
    memory: TieredCache.memory(64),
    capacity: 100,
    ttlMs: 60_000,
    absentTtlMs: 60_000,
    codec,
    redis: link,
    ...options,
  });
  cleanups.push(() => {
    cache.close();
    link.close();
  });
  await until(() => link.state === 'up');
  return { cache, link };
}

const brings = (value: string | undefined) => () => Promise.resolve(value);
const never = () => Promise.reject(new Error('not to be loaded'));

/** A load that ends when the test says so. */
function slowly() {
  const ends: ((value: string) => void)[] = [];
  const loaded = new Promise<string>((resolve) => ends.push(resolve));
  return { load: () => loaded, bring: (value: string) => ends[0]?.(value) };
}

/** Until what was stored in the background is in Redis. */
async function stored(cache: TieredCache<string>, key: string, client: Redis): Promise<void> {
  await until(async () => (await client.exists(`test:cache:names:v:${key}`)) === 1);
  expect(cache.stats().redis?.failed).toBe(0);
}

function openClient(): Redis {
  const client = new Redis(server.url);
  cleanups.push(() => client.disconnect());
  return client;
}

test('what one node has loaded or set the others have, also that there is nothing', async () => {
  const [a, b] = await Promise.all([startNode(), startNode()]);
  const client = openClient();
  await a.cache.getOrLoad('k', brings('A'));
  await a.cache.getOrLoad('none', brings(undefined));
  await Promise.all([stored(a.cache, 'k', client), stored(a.cache, 'none', client)]);
  expect(await b.cache.getOrLoad('k', never)).toBe('A');
  expect(await b.cache.getOrLoad('none', never)).toBeUndefined();
  expect(b.cache.stats()).toMatchObject({ redis: { hits: 2 } });
  expect(await b.cache.set('k', 'B')).toBe(true);
  await until(() => a.cache.get('k') === undefined);
  expect(await a.cache.getOrLoad('k', never)).toBe('B');
  expect(b.cache.get('k')).toBe('B');
});

test('bytes in Redis that are not ours are as if they were not there', async () => {
  const { cache } = await startNode();
  const client = openClient();
  for (const bytes of ['', '\u0001', 'no value of ours', '\u0001\0\0\0\0\u00ff']) {
    await client.set('test:cache:names:v:k', bytes, 'PX', 60_000);
    expect(await cache.getOrLoad('k', brings('A'))).toBe('A');
    await cache.invalidate('k');
  }
  await client.hset('test:cache:names:v:hash', 'a', 'b');
  expect(await cache.getOrLoad('hash', brings('A'))).toBe('A');
  await client.publish('test:cache:names', '{');
  await client.publish('test:cache:names', '{"key":1}');
  expect(cache.get('hash')).toBe('A');
});

test('an invalidation reaches the other nodes, and all of them load anew', async () => {
  const [a, b] = await Promise.all([startNode(), startNode()]);
  for (const { cache } of [a, b]) {
    await cache.getOrLoad('k', brings('old'));
    await cache.getOrLoad('kept', brings('old'));
  }
  expect(await a.cache.invalidate('k')).toBe(true);
  await until(() => b.cache.get('k') === undefined);
  expect(await b.cache.getOrLoad('k', brings('new'))).toBe('new');
  expect(b.cache.get('kept')).toBe('old');
  expect(await a.cache.invalidate(undefined)).toBe(true);
  await until(() => b.cache.get('kept') === undefined);
  expect(await b.cache.getOrLoad('kept', brings('new'))).toBe('new');
});

test('what was being loaded when another node invalidated it is not stored, neither there nor in Redis', async () => {
  const [a, b, c] = await Promise.all([startNode(), startNode(), startNode()]);
  const { load, bring } = slowly();
  const asked = a.cache.getOrLoad('k', load);
  await until(() => a.cache.stats().redis?.misses === 1);
  await b.cache.invalidate('k');
  await until(() => a.cache.stats().redis?.heard === 1);
  bring('old');
  expect(await asked).toBe('old');
  expect(a.cache.get('k')).toBeUndefined();
  expect(await c.cache.getOrLoad('k', brings('new'))).toBe('new');
});

test('also where the node that loads has not heard of it yet, Redis takes nothing that is outdated', async () => {
  const a = await startNode();
  const client = openClient();
  const { load, bring } = slowly();
  const asked = a.cache.getOrLoad('k', load);
  await until(() => a.cache.stats().redis?.misses === 1);
  await client.set('test:cache:names:m:k', 'of another node');
  bring('old');
  await asked;
  await until(() => a.cache.stats().redis?.outdated === 1);
  expect(await client.exists('test:cache:names:v:k')).toBe(0);

  const again = slowly();
  const second = a.cache.getOrLoad('other', again.load);
  await until(() => a.cache.stats().redis?.misses === 2);
  await client.set('test:cache:names:epoch', 'of another node');
  again.bring('old');
  await second;
  await until(() => a.cache.stats().redis?.outdated === 2);
  expect(await client.exists('test:cache:names:v:other')).toBe(0);
});

test('a value near its end is taken from the node that has refreshed it', async () => {
  const late = { ttlMs: 2000, random: () => 0 };
  const [a, b] = await Promise.all([startNode(late), startNode(late)]);
  const client = openClient();
  await a.cache.getOrLoad('k', brings('A'));
  await stored(a.cache, 'k', client);
  await b.cache.getOrLoad('k', never);
  // Refreshes begin 23 * 10 ms before the end.
  await until(() => {
    void a.cache.getOrLoad('k', brings('B'));
    return a.cache.get('k') === 'B';
  });
  await until(async () => String(await client.getBuffer('test:cache:names:v:k')).endsWith('B'));
  await until(() => {
    void b.cache.getOrLoad('k', never);
    return b.cache.get('k') === 'B';
  });
  expect(b.cache.stats().loads.failed).toBe(0);
});

for (const [what, away, back] of [
  ['killed', () => server.kill(), () => server.restart()],
  ['frozen', () => server.freeze(), () => server.thaw()],
] as const) {
  test(`with Redis ${what} every node goes on by itself, and together again when it is back`, async () => {
    const [a, b] = await Promise.all([startNode(), startNode()]);
    await a.cache.getOrLoad('k', brings('A'));
    const underWay = slowly();
    const asked = b.cache.getOrLoad('slow', underWay.load);
    await until(() => b.cache.stats().redis?.misses === 1);
    await away();
    expect(a.cache.getOrLoad('k', never)).toBe('A');
    const loads = Array.from({ length: 20 }, async (_, i) =>
      a.cache.getOrLoad(`${i}`, brings('own')),
    );
    expect(new Set(await Promise.all(loads))).toEqual(new Set(['own']));
    underWay.bring('slow');
    expect(await asked).toBe('slow');
    await until(() => a.link.state === 'down' && b.link.state === 'down');
    expect(await a.cache.invalidate('k')).toBe(false);
    expect(await a.cache.getOrLoad('k', brings('new'))).toBe('new');
    await back();
    await until(() => a.link.state === 'up' && b.link.state === 'up');
    // What may have been invalidated meanwhile is gone, and what could not be told has been.
    expect([a.cache.get('0'), b.cache.get('slow')]).toEqual([undefined, undefined]);
    await until(() => a.cache.stats().redis?.untold === 0);
    await b.cache.getOrLoad('after', brings('B'));
    await stored(b.cache, 'after', openClient()).catch(() => {});
    expect(await a.cache.getOrLoad('after', never)).toBe('B');
  });
}

test('a node that has lost Redis tells the others afterwards what it has invalidated meanwhile', async () => {
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port });
  cleanups.push(() => proxy.stop());
  const [a, b] = await Promise.all([startNode({}, `redis://127.0.0.1:${proxy.port}`), startNode()]);
  const client = openClient();
  await b.cache.getOrLoad('k', brings('old'));
  await b.cache.getOrLoad('kept', brings('old'));
  await stored(b.cache, 'k', client);
  proxy.cut();
  await until(() => a.link.state === 'down');
  expect(await a.cache.invalidate('k')).toBe(false);
  expect(b.cache.get('k')).toBe('old');
  proxy.heal();
  await until(() => b.cache.get('k') === undefined);
  expect(await b.cache.getOrLoad('k', brings('new'))).toBe('new');
  expect(b.cache.get('kept')).toBe('old');

  proxy.cut();
  await until(() => a.link.state === 'down');
  for (let i = 0; i < 1001; i++) void a.cache.invalidate(`many ${i}`);
  expect(a.cache.stats().redis?.untold).toBe(1);
  void a.cache.invalidate('one more');
  proxy.heal();
  await until(() => b.cache.get('kept') === undefined);
  await until(() => a.cache.stats().redis?.untold === 0);
});
