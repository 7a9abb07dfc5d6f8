// Who may read /metrics: by the address of the connection, and never through a proxy.

import type { FastifyRequest } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { metricsRoute } from '../../../gateway/routes/metrics.ts';
import type { MetricsOptions } from '../../../gateway/routes/metrics.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import { call, problem } from '../../support/http-call.ts';
import { NO_APIS } from '../../support/no-apis.ts';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

let gateway: Gateway | undefined;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(readers: readonly string[], bind = '127.0.0.1'): Promise<number> {
  gateway = createGateway({
    ...NO_APIS,
    metrics: {
      readers,
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      scrape: () => Promise.resolve('a_total 1\n'),
    },
  });
  return gateway.listen(bind, 0);
}

/** Judges requests that no socket could bring. */
function judge(options: MetricsOptions, remoteAddress: string, headers: object): number {
  const route = metricsRoute(options);
  const request = { socket: { remoteAddress }, headers } as unknown as FastifyRequest;
  try {
    route.guard?.(request);
    return 200;
  } catch (error) {
    return error instanceof GatewayProblem ? error.status : 0;
  }
}

describe('GET /metrics', () => {
  test('answers those who may read, with the type of the format, to be asked anew each time', async () => {
    const answer = await call(await start(LOOPBACK), 'GET', '/metrics');
    expect([answer.status, answer.body]).toEqual([200, 'a_total 1\n']);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('refuses all others', async () => {
    const port = await start(['192.0.2.0/24', '::1/128']);
    expect(problem(await call(port, 'GET', '/metrics'))).toMatchObject({
      status: 403,
      reason: 'NOT_ALLOWED',
    });
  });

  test('refuses everybody when nobody is named', async () => {
    expect(problem(await call(await start([]), 'GET', '/metrics')).status).toBe(403);
  });

  test('knows an IPv4 address that a socket for both families has', async () => {
    const port = await start(['127.0.0.1/32'], '::');
    expect((await call(port, 'GET', '/metrics')).status).toBe(200);
  });

  test.each([
    { forwarded: 'for=127.0.0.1' },
    { via: '1.1 proxy' },
    { 'x-forwarded-for': '127.0.0.1' },
    { 'x-forwarded-for': '' },
    { 'X-Forwarded-Host': 'localhost' },
    { 'x-forwarded-proto': 'https' },
    { 'x-real-ip': '127.0.0.1' },
    { host: 'meet.example.org' },
    { host: 'localhost.example.org' },
    { host: '127.0.0.1.example.org:7880' },
  ])('refuses what came through a proxy or a rebound name: %j', async (headers) => {
    const answer = await call(await start(LOOPBACK), 'GET', '/metrics', headers);
    expect(problem(answer)).toMatchObject({ status: 403, reason: 'NOT_ALLOWED' });
  });

  test.each(['localhost', 'localhost:7880', '127.0.0.1:7880', '127.1.2.3', '[::1]:7880'])(
    'answers on this machine as %s',
    async (host) => {
      const port = await start(LOOPBACK);
      expect((await call(port, 'GET', '/metrics', { host })).status).toBe(200);
    },
  );

  test('takes no other method', async () => {
    const answer = await call(await start(LOOPBACK), 'POST', '/metrics');
    expect(problem(answer)).toMatchObject({ status: 405, reason: 'METHOD' });
    expect(answer.headers.allow).toBe('GET');
  });

  test.each([
    ['10.1.2.3', 200],
    ['::ffff:10.1.2.3', 200],
    ['11.1.2.3', 403],
    ['2001:db8::7', 200],
    ['2001:db9::7', 403],
    ['fe80::1%eth0', 200],
    ['::ffff:127.0.0.1', 403],
    ['127.0.0.1', 403],
    ['', 403],
  ])('judges a connection from "%s", whatever name it asks for', (remoteAddress, status) => {
    const options: MetricsOptions = {
      readers: ['10.0.0.0/8', '2001:db8::/32', 'fe80::/10'],
      contentType: 'text/plain',
      scrape: () => Promise.resolve(''),
    };
    expect(judge(options, remoteAddress, { host: 'sterna.internal:7880' })).toBe(status);
  });

  test('does not collect for those whom it refuses', async () => {
    let scrapes = 0;
    gateway = createGateway({
      ...NO_APIS,
      metrics: {
        readers: LOOPBACK,
        contentType: 'text/plain',
        scrape: () => Promise.resolve(`${++scrapes}`),
      },
    });
    const port = await gateway.listen('127.0.0.1', 0);
    const answers = [
      await call(port, 'GET', '/metrics', { via: 'x' }),
      await call(port, 'GET', '/metrics'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 200]);
    expect(scrapes).toBe(1);
  });
});
