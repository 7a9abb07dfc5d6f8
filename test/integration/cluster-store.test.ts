// What nodes agree on in a real Redis: who has a room, and what a Redis may say that has forgotten what it said.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterStore } from '../../server/cluster/store.ts';
import { silentLogger } from '../../shared/log.ts';
import { RedisLink } from '../../shared/redis/redis-link.ts';
import { RedisServer } from '../support/redis-server.ts';

const LEASE_MS = 500;

let redis: RedisServer;
let link: RedisLink;

beforeAll(async () => {
  redis = await RedisServer.start();
  link = new RedisLink({ url: redis.url, prefix: 'test:', log: silentLogger });
  await up();
});

afterAll(async () => {
  link.close();
  await redis.kill();
});

function up(): Promise<void> {
  return new Promise((resolve) => {
    const end = link.listen({ onUp: () => setImmediate(() => (end(), resolve())) });
  });
}

async function forget(): Promise<void> {
  await link.run((client) => client.flushall());
}

const node = (id: string): ClusterStore => new ClusterStore(link, id, LEASE_MS);

test('a Redis that has granted nothing yet lets a lease pass: somebody may still hold one of before', async () => {
  await forget();
  const ann = node('ann');
  await ann.join('{}', []);
  expect(await ann.claim('r', 'any')).toEqual(['wait', expect.any(Number)]);
  await sleep(LEASE_MS);
  await ann.join('{}', []);
  expect(await ann.claim('r', 'any')).toEqual(['here', 1, '', 0]);
  // It is the same Redis still, however long nobody asks it.
  await sleep(2 * LEASE_MS);
  await ann.join('{}', []);
  expect(await ann.claim('s', 'any')).toEqual(['here', 2, '', 0]);
});

test('a room has one owner, until that one gives it back or dies', async () => {
  const [ann, bob] = [node('ann'), node('bob')];
  const living = async (): Promise<void> => {
    await Promise.all([ann.join('{}', []), bob.join('{}', [])]);
  };
  await living();
  const [, epoch] = await ann.claim('one', 'any');
  expect(await bob.claim('one', 'any')).toEqual(['there', 'ann', epoch]);
  expect(await bob.claim('one', 'find')).toEqual(['there', 'ann', epoch]);
  // Nobody else can give it back.
  await bob.release([['one', Number(epoch)]], true);
  expect(await bob.claim('one', 'find')).toEqual(['there', 'ann', epoch]);
  await ann.describe('one', Number(epoch), 'as it was made');
  await bob.describe('one', Number(epoch), 'as bob likes it');
  await sleep(LEASE_MS + 20);
  await bob.join('{}', []);
  // Ann is dead. Who has only just come back waits for others to come back, too.
  expect(await bob.claim('one', 'free')).toEqual(['wait', expect.any(Number)]);
  expect(await bob.claim('one', 'find')).toEqual(['none']);
  expect(await bob.claim('one', 'any')).toEqual(['here', Number(epoch) + 1, 'as it was made', 1]);
  // And comes back to find that out.
  expect((await ann.join('{}', [['one', Number(epoch)]])).lost).toEqual(['one']);
  await bob.release([['one', Number(epoch) + 1]], true);
  expect(await ann.claim('one', 'any')).toEqual(['here', Number(epoch) + 2, '', 0]);
});

test('who claims again what it has gets it anew, so that giving the old one back takes nothing away', async () => {
  const ann = node('ann');
  await ann.join('{}', []);
  const [, first] = await ann.claim('again', 'any');
  const [, second] = await ann.claim('again', 'find');
  expect(Number(second)).toBeGreaterThan(Number(first));
  await ann.release([['again', Number(first)]], true);
  expect(await node('bob').claim('again', 'find')).toEqual(['there', 'ann', second]);
  // It is ours by whichever number.
  expect((await ann.join('{}', [['again', Number(first)]])).lost).toEqual([]);
});

test('who does not live claims nothing, and cannot renew what has ended', async () => {
  const eve = node('eve');
  expect(await eve.renew('{}')).toBe(0);
  expect(await eve.claim('nobody', 'any')).toEqual(['wait', expect.any(Number)]);
  await eve.join('{}', []);
  expect(await eve.renew('{}')).toBeGreaterThan(1e12);
  await sleep(LEASE_MS + 20);
  expect(await eve.renew('{}')).toBe(0);
});

test('a Redis that has forgotten all is told again, and gives nobody away meanwhile', async () => {
  const [ann, bob] = [node('ann'), node('bob')];
  await ann.join('{}', []);
  const [, epoch] = await ann.claim('kept', 'any');
  await redis.restart();
  await up();
  await bob.join('{}', []);
  // Ann holds her lease, and has not been heard of.
  expect(await bob.claim('kept', 'any')).toEqual(['wait', expect.any(Number)]);
  expect((await ann.join('{}', [['kept', Number(epoch)]])).lost).toEqual([]);
  await sleep(LEASE_MS);
  await Promise.all([ann.join('{}', [['kept', Number(epoch)]]), bob.join('{}', [])]);
  expect(await bob.claim('kept', 'any')).toEqual(['there', 'ann', epoch]);
  // Epochs go on from where they were.
  expect(await bob.claim('new', 'any')).toEqual(['here', Number(epoch) + 1, '', 0]);
});

test('rooms of the dead go off the list, and who has rooms by mistake is told', async () => {
  const [ann, bob] = [node('ann'), node('bob')];
  await Promise.all([ann.join('{"name":"a"}', []), bob.join('{"name":"b"}', [])]);
  await bob.tidy();
  const [, epoch] = await ann.claim('tidy', 'any');
  expect(await ann.tidy()).toContainEqual(['tidy', epoch]);
  expect(Object.fromEntries(await bob.nodes())).toEqual({
    ann: '{"name":"a"}',
    bob: '{"name":"b"}',
  });
  await ann.leave();
  expect(Object.fromEntries(await bob.nodes())).toEqual({ bob: '{"name":"b"}' });
  await bob.tidy();
  expect(await bob.claim('tidy', 'free')).toEqual(['here', expect.any(Number), '', 0]);
});

test('revoked tokens are remembered until they end', async () => {
  const ann = node('ann');
  const now = Date.now();
  await ann.revoke('soon', now + 1000);
  await ann.revoke('late', now + 9000.5);
  await ann.revoke('ever', Infinity);
  expect(await ann.revoked(now)).toEqual([
    ['soon', now + 1000],
    ['late', now + 9000.5],
    ['ever', Infinity],
  ]);
  expect((await ann.revoked(now + 2000)).map(([id]) => id)).toEqual(['late', 'ever']);
});
