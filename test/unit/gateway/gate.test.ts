// What every request goes through, over real HTTP: its name, the time it took, limits, pages of other origins, one log
// line.

import { afterEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import { createLogger } from '../../../shared/log.ts';
import { call as callPort, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { adminWith, NO_APIS, NO_OPERATE_API, NO_ROOMS_API } from '../../support/no-apis.ts';
import { testClock } from '../signaling/test-clock.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };
const JSON_TYPE = { 'content-type': 'application/json' };

let gateway: Gateway | undefined;
let port = 0;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(over: Partial<GatewayOptions> = {}): Promise<void> {
  gateway = createGateway({ ...NO_APIS, ...over });
  port = await gateway.listen('127.0.0.1', 0);
}

function call(
  method: string,
  path: string,
  headers?: Record<string, string>,
  body?: string,
): Promise<Answer> {
  return callPort(port, method, path, headers, body);
}

describe('the name of a request', () => {
  test('is a new one in every answer, problems included', async () => {
    await start();
    const asked = [
      call('GET', '/healthz'),
      call('GET', '/v1/drain', AUTH),
      call('GET', '/v1/drain'),
      call('GET', '/nothing'),
      call('PATCH', '/v1/drain'),
      call('POST', '/v1/rooms', { ...AUTH, ...JSON_TYPE }, '{'),
    ];
    const ids = (await Promise.all(asked)).map(({ headers }) => headers['x-request-id']);
    expect(new Set(ids).size).toBe(asked.length);
    for (const id of ids) expect(id).toMatch(/^[\w-]{8}-[0-9a-z]+$/);
  });

  test('is the one that was given, where that is short and plain', async () => {
    await start();
    const given = ['a1', 'x'.repeat(64), '0:1.2-3_4', 'x'.repeat(65), 'a b', 'a"', 'é', ''];
    const answers = await Promise.all(
      given.map((id) =>
        call('GET', '/healthz', { 'x-request-id': Buffer.from(id).toString('latin1') }),
      ),
    );
    const taken = answers.map(({ headers }, at) => headers['x-request-id'] === given[at]);
    expect(taken).toEqual([true, true, true, false, false, false, false, false]);
  });
});

test('every answer says how long it took here', async () => {
  await start();
  const answers = await Promise.all([
    call('GET', '/v1/drain', AUTH),
    call('GET', '/v1/drain'),
    call('GET', '/nothing'),
    call('DELETE', '/healthz'),
  ]);
  for (const { headers } of answers) {
    expect(headers['server-timing']).toMatch(/^total;dur=\d+(?:\.\d{1,3})?, cache;desc=none$/);
  }
});

describe('limits', () => {
  const limits = { perKey: '3/m', perIp: '2/m', routes: { 'GET /v1/keys': '1/h' } };

  test('count the requests of a key, whichever of its tokens it shows', async () => {
    const clock = testClock();
    await start({ limits, clock });
    const statuses: number[] = [];
    for (const token of ['a', 'b', 'a', 'c']) {
      const { status, headers } = await call('GET', '/v1/drain', {
        authorization: `Bearer ${token}`,
      });
      statuses.push(status);
      expect(headers['ratelimit-policy']).toBe('"key";q=3;w=60');
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await call('GET', '/v1/drain', AUTH);
    expect(problem(refused)).toMatchObject({ status: 429, reason: 'RATE_LIMITED' });
    const wait = Number(refused.headers['retry-after']);
    expect(refused.headers['ratelimit']).toBe(`"key";r=0;t=${wait}`);
    clock.advance((wait - 1) * 1000 - 1000);
    expect((await call('GET', '/v1/drain', AUTH)).status).toBe(429);
    clock.advance(2000);
    const again = await call('GET', '/v1/drain', AUTH);
    expect([again.status, again.headers['ratelimit']]).toEqual([200, '"key";r=2;t=60']);
  });

  test('of a route are beside those of the key', async () => {
    await start({ limits });
    const first = await call('GET', '/v1/keys', AUTH);
    expect(first.headers).toMatchObject({
      ratelimit: '"route";r=0;t=3600',
      'ratelimit-policy': '"route";q=1;w=3600',
    });
    expect(problem(await call('GET', '/v1/keys', AUTH)).status).toBe(429);
    expect((await call('GET', '/v1/drain', AUTH)).status).toBe(200);
  });

  test('spare this machine, its health and its metrics', async () => {
    await start({ limits, metrics: { ...NO_APIS.metrics, readers: ['127.0.0.0/8'] } });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      for (const _ of [1, 2, 3, 4]) {
        const { status, headers } = await call('GET', path);
        expect([status, headers['ratelimit']]).toEqual([200, undefined]);
      }
    }
    for (const _ of [1, 2, 3, 4]) expect((await call('GET', '/v1/drain')).status).toBe(401);
  });

  test('of a route that is not there are refused at the start', () => {
    expect(() =>
      createGateway({ ...NO_APIS, limits: { ...limits, routes: { 'GET /x': '1/s' } } }),
    ).toThrow('gateway.limits.routes: there is no route "GET /x"');
  });
});

describe('a bearer', () => {
  test('is judged once in five minutes, and a bad one each time', async () => {
    const clock = testClock();
    const judged: string[] = [];
    await start({
      clock,
      judge: {
        judge: (bearer) => {
          judged.push(bearer);
          if (bearer !== 'bad') return { caller: adminWith(bearer), expiresAt: Infinity };
          return new GatewayProblem(401, 'TOKEN_INVALID', 'No.');
        },
      },
    });
    for (const token of ['good', 'good', 'bad', 'bad', 'good']) {
      await call('GET', '/v1/drain', { authorization: `Bearer ${token}` });
    }
    expect(judged).toEqual(['good', 'bad', 'bad']);
    clock.advance(300_000);
    await call('GET', '/v1/drain', { authorization: 'Bearer good' });
    expect(judged).toHaveLength(4);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://admin.example.org';
  const preflight = { origin, 'access-control-request-method': 'POST' };

  test('may use the API where the configuration names them, and are told which methods', async () => {
    await start({ cors: [origin] });
    const allowed = await call('OPTIONS', '/v1/drain', preflight);
    expect([allowed.status, allowed.body]).toEqual([204, '']);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST',
      vary: 'Origin',
    });
    // Every header that the API reads, and no page may send by itself.
    expect(allowed.headers['access-control-allow-headers']?.split(', ')).toEqual([
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'If-None-Match',
      'X-Request-Id',
    ]);
    const refused = await call('GET', '/v1/drain', { origin });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
    for (const { headers } of [allowed, refused]) {
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  test('may not otherwise, and never use what is let in by address', async () => {
    await start({ cors: [origin], metrics: { ...NO_APIS.metrics, readers: ['127.0.0.0/8'] } });
    for (const other of [
      'https://admin.example.org.evil.org',
      'null',
      'http://admin.example.org',
    ]) {
      const asked = await call('OPTIONS', '/v1/drain', { ...preflight, origin: other });
      expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([
        405,
        undefined,
      ]);
    }
    const numbers = await call('GET', '/metrics', { origin });
    expect([numbers.status, numbers.headers['access-control-allow-origin']]).toEqual([
      200,
      undefined,
    ]);
    expect((await call('OPTIONS', '/metrics', preflight)).status).toBe(405);
  });

  test('may all where there is a star', async () => {
    await start({ cors: ['*'] });
    const { headers } = await call('GET', '/v1/drain', {
      ...AUTH,
      origin: 'https://anyone.example',
    });
    expect(headers['access-control-allow-origin']).toBe('*');
  });
});

describe('the log', () => {
  const lines: { level: string; event: string }[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'json',
    write: (line) => lines.push(JSON.parse(line) as { level: string; event: string }),
  });

  test('has one line a request, with its route and name, and no query', async () => {
    await start({ log });
    lines.length = 0;
    const { headers } = await call('GET', '/v1/drain?token=secret', AUTH);
    await call('GET', `/${'x'.repeat(3000)}%0a?q=secret`);
    expect(lines).toMatchObject([
      {
        level: 'debug',
        event: 'http.request',
        requestId: headers['x-request-id'],
        route: 'GET /v1/drain',
        status: 200,
        key: 'app',
      },
      { level: 'debug', event: 'http.request', route: 'other', status: 404 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|xxxx|bbb/);
  });

  test('tells of what failed without being asked for details', async () => {
    await start({
      log,
      rooms: { ...NO_ROOMS_API, roomStats: () => Promise.reject(new Error('inner works')) },
      operate: {
        ...NO_OPERATE_API,
        drainStatus: () => {
          throw new GatewayProblem(503, 'MEDIA_UNAVAILABLE', 'No answer.');
        },
      },
    });
    lines.length = 0;
    await call('GET', '/v1/rooms/a%0ab/stats?x=1', AUTH);
    await call('GET', '/v1/drain', AUTH);
    expect(lines).toMatchObject([
      {
        level: 'error',
        event: 'http.failed',
        route: 'GET /v1/rooms/{room}/stats',
        path: '/v1/rooms/a%0ab/stats',
        err: { message: 'inner works' },
      },
      { level: 'info', event: 'http.request', route: 'GET /v1/drain', status: 503 },
    ]);
  });
});
