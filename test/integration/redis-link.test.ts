// The link to a real Redis that is killed, frozen and started again: what callers and subscribers are told.

import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../shared/log.ts';
import { RedisLink, type RedisLinkOptions } from '../../shared/redis/redis-link.ts';
import { RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const COMMAND_TIMEOUT_MS = 200;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startServer(): Promise<RedisServer> {
  const server = await RedisServer.start();
  cleanups.push(() => server.kill());
  return server;
}

/** A link and the names of the events that it logs. */
function connect(server: RedisServer, options: Partial<RedisLinkOptions> = {}) {
  const events: string[] = [];
  const log = createLogger({
    level: 'info',
    format: 'json',
    write: (line) => events.push((JSON.parse(line) as { event: string }).event),
  });
  const link = new RedisLink({
    url: server.url,
    prefix: 'test:',
    log,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    heartbeatMs: 50,
    openMs: 100,
    ...options,
  });
  cleanups.push(() => link.close());
  return { link, events };
}

const unavailable = { code: 'REDIS_UNAVAILABLE' };

test('a killed Redis is told at once; when it is back, subscriptions and commands are, and who listens knows', async () => {
  const server = await startServer();
  const { link, events } = connect(server);
  const other = connect(server).link;
  const heard: string[] = [];
  const told: (number | string)[] = [];
  link.subscribe('news', (message) => heard.push(message));
  link.listen({ onUp: (generation) => told.push(generation), onDown: () => told.push('down') });
  await until(() => link.state === 'up' && other.state === 'up');
  expect(await other.publish('news', 'first')).toBe(1);
  await until(() => heard.length === 1);

  await server.kill();
  await until(() => link.state === 'down' && other.state === 'down');
  await expect(link.run((redis) => redis.get('a'))).rejects.toMatchObject(unavailable);
  await expect(other.publish('news', 'lost')).rejects.toMatchObject(unavailable);

  await server.restart();
  await until(() => link.state === 'up' && other.state === 'up');
  expect(await other.publish('news', 'second')).toBe(1);
  await until(() => heard.length === 2);
  expect(heard).toEqual(['first', 'second']);
  expect(told).toEqual([1, 'down', 2]);
  expect(events).toEqual(['redis.up', 'redis.down', 'redis.up']);
  expect(link.stats()).toMatchObject({ state: 'up', reconnects: 1, received: 2 });
  expect(link.stats().refused).toBeGreaterThan(0);
});

test('a frozen Redis fails commands in bounded time, then at once, and is found again when it thaws', async () => {
  const server = await startServer();
  // Without heartbeats, so that the failures are those of the test.
  const { link, events } = connect(server, { heartbeatMs: 60_000, failuresMax: 3 });
  await until(() => link.state === 'up');
  server.freeze();
  const asked = Array.from({ length: 3 }, () => link.run((redis) => redis.get('a')));
  for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected');
  expect(link.state).toBe('down');
  expect(link.stats()).toMatchObject({
    breaker: 'open',
    breakerOpened: 1,
    failures: 3,
    refused: 0,
  });
  await expect(link.run((redis) => redis.get('a'))).rejects.toMatchObject(unavailable);
  expect(link.stats()).toMatchObject({ commands: 3, refused: 1 });
  server.thaw();
  await until(async () => {
    await link.run((redis) => redis.get('a')).catch(() => {});
    return link.state === 'up';
  });
  expect(events).toEqual(['redis.up', 'redis.down', 'redis.up']);
});

test('a Redis that freezes while nobody asks it is found out, too', async () => {
  const server = await startServer();
  const { link } = connect(server);
  await until(() => link.state === 'up');
  server.freeze();
  await until(() => link.state === 'down');
  server.thaw();
  await until(() => link.state === 'up');
  expect(link.generation).toBe(2);
});

test('an error that Redis answers is the caller’s, and no sign that Redis is away', async () => {
  const server = await startServer();
  const { link } = connect(server, { failuresMax: 1 });
  await until(() => link.state === 'up');
  await link.run((redis) => redis.set('text', 'x'));
  await expect(link.run((redis) => redis.lpush('text', 'y'))).rejects.toThrow('WRONGTYPE');
  expect(link.stats()).toMatchObject({ state: 'up', breaker: 'closed', failures: 1 });
});

test('who subscribes while the link is up hears, is told that messages were missed, and can leave', async () => {
  const server = await startServer();
  const { link } = connect(server);
  await until(() => link.state === 'up');
  const told: number[] = [];
  const heard: string[] = [];
  link.listen({ onUp: (generation) => told.push(generation) });
  const leave = link.subscribe('late', (message) => {
    heard.push(message);
    throw new Error('of the subscriber');
  });
  await until(() => told.length === 2);
  await link.publish('late', 'a');
  await until(() => heard.length === 1);
  leave();
  await until(async () => (await link.publish('late', 'b')) === 0);
  expect([told, heard, link.state]).toEqual([[1, 2], ['a'], 'up']);
});

test('a Redis that is not there from the start is down once, and up when it comes', async () => {
  const server = await startServer();
  await server.kill();
  const { link, events } = connect(server);
  await until(() => link.state === 'down');
  await server.restart();
  await until(() => link.state === 'up');
  expect(events).toEqual(['redis.down', 'redis.up']);
});
