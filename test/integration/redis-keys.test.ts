// API keys of a cluster in a real Redis: what one node makes counts on all, what one revokes ends on all, and what a
// node has missed while Redis was away it learns when Redis is back.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { KeyRing } from '../../shared/keys/key-ring.ts';
import { RedisKeyStore } from '../../shared/keys/redis-key-store.ts';
import { silentLogger } from '../../shared/log.ts';
import { RedisLink } from '../../shared/redis/redis-link.ts';
import { RedisServer } from '../support/redis-server.ts';

let redis: RedisServer;
const links: RedisLink[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(async () => {
  for (const link of links) link.close();
  await redis.kill();
});

async function node(): Promise<KeyRing> {
  const link = new RedisLink({ url: redis.url, prefix: 'keys-test:', log: silentLogger });
  links.push(link);
  const ring = await KeyRing.open({
    keys: {},
    store: new RedisKeyStore(link),
    clock: systemClock,
    log: silentLogger,
  });
  await expect.poll(() => link.state).toBe('up');
  return ring;
}

test('a key that one node makes counts on the others, until any of them revokes it', async () => {
  const [one, other] = [await node(), await node()];
  const { key, secret } = await one.add({ name: 'ci' });
  await expect.poll(() => other.holder(key, secret)?.name).toBe('ci');
  const late = await node();
  await expect.poll(() => late.holder(key, secret)?.name).toBe('ci');
  let changes = 0;
  one.onChange(() => changes++);
  expect(await other.revoke(key)).toBe('revoked');
  await expect.poll(() => one.secretOf(key)).toBeUndefined();
  await expect.poll(() => late.secretOf(key)).toBeUndefined();
  expect(changes).toBeGreaterThan(0);
});

test('while Redis is away the keys that are known count on, and a new one is refused', async () => {
  const ring = await node();
  const { key, secret } = await ring.add({});
  await redis.kill();
  await expect(ring.add({})).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  expect(ring.secretOf(key)).toBe(secret);
  // It comes back knowing nothing: so does the ring.
  await redis.restart();
  await expect.poll(() => ring.secretOf(key), { timeout: 5000 }).toBeUndefined();
});
