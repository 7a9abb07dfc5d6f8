// Users in a real Redis and of a web service: allocations with their passwords, Redis killed and started again.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { EchoPeer, lossless, uclient, type UclientRun } from '../support/e2e/coturn.ts';
import { Sterna } from '../support/e2e/sterna.ts';
import { RedisServer } from '../support/redis-server.ts';

/** Few messages, IPv4, no second allocation for RTCP. */
const SMALL = ['-n', '3', '-m', '1', '-X', '-c'];

const KEY = 'turn:people';
const AUTHORIZATION = 'Bearer for the service';
const question = z.object({ username: z.string(), realm: z.string() });

let redis: RedisServer;
let service: Server;
let peer: EchoPeer;
let sterna: Sterna;
/** What the service was asked. */
const asked: unknown[] = [];

async function fillRedis(): Promise<void> {
  const client = new Redis(redis.url);
  await client.hset(KEY, { ann: 'of redis', dan: 'later' });
  await client.quit();
}

async function startService(): Promise<number> {
  service = createServer(async (request, response) => {
    const { username, realm } = question.parse(await json(request));
    asked.push([username, realm, request.headers.authorization]);
    if (username === 'bob') response.end(JSON.stringify({ password: 'of the service' }));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  return (service.address() as AddressInfo).port;
}

beforeAll(async () => {
  let port: number;
  [port, redis] = await Promise.all([startService(), RedisServer.start()]);
  await fillRedis();
  [peer, sterna] = await Promise.all([
    EchoPeer.start(),
    Sterna.start({
      config: {
        turn: {
          listeners: ['udp://127.0.0.1:0'],
          userSources: {
            redis: { url: redis.url, key: KEY },
            http: { url: `http://127.0.0.1:${port}/users`, authorization: AUTHORIZATION },
            cacheSeconds: 1,
            unknownSeconds: 1,
          },
          peers: { allow: ['127.0.0.0/8'] },
          legacyChannels: true,
          limits: { unauthorizedPerSecond: 0 },
        },
        sfu: { enabled: false },
      },
    }),
  ]);
});

afterAll(async () => {
  await sterna?.stop('SIGTERM', ['users.unavailable', 'users.redis.down']);
  await peer?.stop();
  await redis?.kill();
  await new Promise((resolve) => service.close(resolve));
});

const run = (user: string, password: string): ReturnType<typeof uclient> =>
  uclient(sterna.listener(4), [
    ...SMALL,
    '-u',
    user,
    '-w',
    password,
    '-e',
    '127.0.0.1',
    '-r',
    `${peer.port}`,
  ]);

async function relays(user: string, password: string): Promise<Omit<UclientRun, 'output'>> {
  const { output: _, ...counts } = await run(user, password);
  return counts;
}

async function isRefused(user: string, password: string): Promise<boolean> {
  return Number.isNaN((await run(user, password)).sent);
}

test('a user of Redis and one of the service relay; a wrong password and a stranger do not', async () => {
  const [ann, bob, ...refused] = await Promise.all([
    relays('ann', 'of redis'),
    relays('bob', 'of the service'),
    isRefused('ann', 'of the service'),
    isRefused('eve', 'of redis'),
  ]);
  expect([ann, bob, refused]).toEqual([lossless(3), lossless(3), [true, true]]);
  expect(asked).toContainEqual(['bob', 'example.org', AUTHORIZATION]);
  expect(asked).not.toContainEqual(['ann', 'example.org', AUTHORIZATION]);
  const metrics = await (await fetch(`${sterna.url}/metrics`)).text();
  expect(metrics).toMatch(/^sterna_cache_loads_total\{cache="users",result="loaded"\} [1-9]/m);
});

test('while Redis is away who was there before goes on, and all is well when it is back', async () => {
  await redis.kill();
  await sterna.waitForEvents('users.redis.down');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const [ann, bob, refused] = await Promise.all([
    relays('ann', 'of redis'),
    relays('bob', 'of the service'),
    isRefused('dan', 'later'),
  ]);
  expect([ann, bob, refused]).toEqual([lossless(3), lossless(3), true]);
  await redis.restart();
  await fillRedis();
  await sterna.waitForEvents('users.redis.up');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await relays('dan', 'later')).toEqual(lossless(3));
});
