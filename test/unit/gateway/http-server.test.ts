// The gateway over real HTTP: what each route answers, what is refused, and that refusals are problem
// details.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import type { TokenRequest } from '../../../gateway/routes/dev-token.ts';
import type { ServerState } from '../../../gateway/routes/health.ts';
import { createLogger } from '../../../shared/log.ts';
import { call as callPort, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { adminWith, NO_APIS, NO_ROOMS_API, roomInfo } from '../../support/no-apis.ts';

let webRoot: string;
let gateway: Gateway | undefined;
let port = 0;

beforeAll(() => {
  webRoot = mkdtempSync(join(tmpdir(), 'sterna-web-'));
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Sterna</title>');
  writeFileSync(join(webRoot, 'app.js'), 'export {};');
  writeFileSync(join(webRoot, '.hidden'), 'no');
  mkdirSync(join(webRoot, 'dashboard'));
  const dashboard = '<!doctype html><title>Dashboard</title>';
  writeFileSync(join(webRoot, 'dashboard', 'index.html'), dashboard);
});

afterAll(() => rmSync(webRoot, { recursive: true }));

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(over: Partial<GatewayOptions> = {}): Promise<void> {
  gateway = createGateway({
    ...NO_APIS,
    webRoot,
    onUpgrade: (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello');
    },
    ...over,
  });
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

function mintToken({ room, identity, name }: TokenRequest): string {
  return `${room}/${identity}/${name}`;
}

const JSON_TYPE = { 'content-type': 'application/json' };

describe('the page', () => {
  test('is served at / with a strict policy and is asked for again each time', async () => {
    await start();
    const page = await call('GET', '/?room=r&name=n');
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>Sterna</title>');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.headers['cache-control']).toBe('no-cache');
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'self';connect-src 'self' ws: wss:;img-src 'self' data: blob:;" +
        "media-src 'self' blob: mediastream:;object-src 'none';base-uri 'none';" +
        "form-action 'self';frame-ancestors 'none'",
    );
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    expect(page.headers['permissions-policy']).toContain('camera=(self)');
    const etag = page.headers.etag;
    expect(etag).toBeDefined();
    const again = await call('GET', '/', { 'if-none-match': etag ?? '' });
    expect([again.status, again.body]).toEqual([304, '']);
  });

  test('serves its script, and nothing outside or hidden', async () => {
    await start();
    const script = await call('GET', '/app.js');
    expect([script.status, script.body]).toEqual([200, 'export {};']);
    const outside = ['/.hidden', '/../package.json', '/%2e%2e/package.json', '/nothing.js'];
    const answers = await Promise.all(outside.map((path) => call('GET', path)));
    expect(answers.map((answer) => problem(answer).status)).toEqual([404, 403, 403, 404]);
  });

  test('has the dashboard beside it, under the same policy, also behind a prefix of a proxy', async () => {
    await start();
    const away = await call('GET', '/dashboard');
    expect([away.status, away.headers.location]).toEqual([302, 'dashboard/']);
    const page = await call('GET', '/dashboard/');
    expect([page.status, page.body]).toEqual([200, '<!doctype html><title>Dashboard</title>']);
    const { headers } = await call('GET', '/');
    const field = 'content-security-policy';
    expect(page.headers[field]).toBe(headers[field]);
  });

  test('is a problem that names the way when it was not built', async () => {
    await start({ webRoot: undefined });
    expect(problem(await call('GET', '/'))).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
  });
});

describe('health', () => {
  test('follows the state of the server', async () => {
    let state: ServerState = 'starting';
    let healthy = true;
    await start({ state: () => state, healthy: () => healthy });
    expect(problem(await call('GET', '/readyz'))).toMatchObject({
      status: 503,
      reason: 'STARTING',
    });
    state = 'ready';
    const ready = await call('GET', '/readyz');
    expect(JSON.parse(ready.body)).toEqual({ status: 'ready', version: '1.2.3' });
    expect(ready.headers['cache-control']).toBe('no-store');
    expect(JSON.parse((await call('GET', '/healthz')).body)).toEqual({
      status: 'ok',
      version: '1.2.3',
    });
    healthy = false;
    expect((await call('GET', '/healthz')).status).toBe(503);
    expect((await call('GET', '/readyz')).status).toBe(503);
    healthy = true;
    state = 'draining';
    const draining = await call('GET', '/readyz');
    expect(problem(draining).reason).toBe('DRAINING');
    expect(draining.headers['retry-after']).toBe('5');
    expect((await call('GET', '/healthz')).status).toBe(200);
    state = 'closing';
    expect(problem(await call('GET', '/readyz')).reason).toBe('DRAINING');
  });
});

describe('POST /v1/rooms', () => {
  const auth = { ...JSON_TYPE, authorization: 'Bearer aaa.bbb.ccc' };

  test('answers 201 for a new room and 200 for one that is there', async () => {
    const seen: unknown[] = [];
    await start({
      rooms: {
        ...NO_ROOMS_API,
        create: (caller, request) => {
          seen.push(caller, request);
          return NO_ROOMS_API.create(caller, request);
        },
      },
    });
    const body = { name: 'new', maxParticipants: 4, emptyTimeoutSeconds: 60, metadata: 'm' };
    const created = await call('POST', '/v1/rooms', auth, JSON.stringify(body));
    expect([created.status, JSON.parse(created.body)]).toEqual([201, roomInfo('new')]);
    const existing = await call('POST', '/v1/rooms', auth, JSON.stringify({ name: 'old' }));
    expect([existing.status, JSON.parse(existing.body)]).toEqual([200, roomInfo('old')]);
    const caller = adminWith('aaa.bbb.ccc');
    expect(seen).toEqual([caller, body, caller, { name: 'old' }]);
  });

  test('wants a bearer token', async () => {
    await start();
    const answers = await Promise.all(
      ['', 'Basic abc', 'Bearer', 'Bearer a b'].map((authorization) =>
        call('POST', '/v1/rooms', { ...JSON_TYPE, authorization }, '{}'),
      ),
    );
    for (const answer of answers) {
      expect(problem(answer)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  test('names the first field that is wrong', async () => {
    await start();
    const cases: [string, string][] = [
      ['{}', 'name'],
      ['{"name":""}', 'name'],
      ['{"name":"a","maxParticipants":"x"}', 'maxParticipants'],
      ['{"name":"a","mode":"mesh"}', 'mode'],
      ['{"name":"a","emptyTimeoutSeconds":-1}', 'emptyTimeoutSeconds'],
      ['{"name":"a","color":1}', 'body'],
      ['[]', 'body'],
    ];
    const answers = await Promise.all(cases.map(([body]) => call('POST', '/v1/rooms', auth, body)));
    for (const [i, answer] of answers.entries()) {
      const details = problem(answer);
      expect(details).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
      expect(details.detail.split(':')[0]).toBe(cases[i]?.[1]);
    }
  });

  test('passes on the refusal of the callback, and hides a fault of the server', async () => {
    const lines: string[] = [];
    await start({
      log: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
      rooms: {
        ...NO_ROOMS_API,
        create: (_caller, { name }) => {
          if (name === 'fault') throw new Error('the inner works');
          throw new GatewayProblem(403, 'NOT_ALLOWED', 'The token does not grant roomAdmin.');
        },
      },
    });
    const refused = await call('POST', '/v1/rooms', auth, '{"name":"a"}');
    expect(problem(refused)).toMatchObject({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'The token does not grant roomAdmin.',
      reason: 'NOT_ALLOWED',
    });
    expect(lines).toEqual([]);
    const fault = await call('POST', '/v1/rooms', auth, '{"name":"fault"}');
    expect(problem(fault)).toMatchObject({ status: 500, reason: 'INTERNAL' });
    expect(fault.body).not.toContain('inner works');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      event: 'http.failed',
      err: { message: 'the inner works' },
    });
  });

  test('refuses a body that is too large, no JSON, or of another type', async () => {
    await start();
    const large = JSON.stringify({ name: 'a', metadata: 'x'.repeat(70_000) });
    const answers = await Promise.all([
      call('POST', '/v1/rooms', auth, large),
      call('POST', '/v1/rooms', auth, '{"name":'),
      call('POST', '/v1/rooms', auth, ''),
      call('POST', '/v1/rooms', { ...auth, 'content-type': 'text/plain' }, '{"name":"a"}'),
      call('POST', '/v1/rooms', { ...auth, 'content-type': 'text/html' }, '{"name":"a"}'),
    ]);
    expect(answers.map((answer) => problem(answer).status)).toEqual([413, 400, 400, 415, 415]);
  });

  test('takes no rooms while draining, and no other method', async () => {
    let state: ServerState = 'draining';
    await start({ state: () => state });
    const answer = await call('POST', '/v1/rooms', auth, '{"name":"a"}');
    expect(problem(answer)).toMatchObject({ status: 503, reason: 'DRAINING' });
    state = 'ready';
    const wrong = await call('PUT', '/v1/rooms');
    expect(problem(wrong)).toMatchObject({ status: 405, reason: 'METHOD' });
    expect(wrong.headers.allow).toBe('POST, GET');
  });
});

describe('GET /v1/rooms/{room}/stats', () => {
  const auth = { authorization: 'Bearer aaa.bbb.ccc' };

  test('is of a room or of one participant, whose names are percent-encoded', async () => {
    const seen: unknown[] = [];
    await start({
      rooms: {
        ...NO_ROOMS_API,
        roomStats: (...names) => {
          seen.push(names);
          return NO_ROOMS_API.roomStats(...names);
        },
        participantStats: (...names) => {
          seen.push(names);
          return NO_ROOMS_API.participantStats(...names);
        },
      },
    });
    const all = await call('GET', '/v1/rooms/a%2Fb%20%C3%A4/stats', auth);
    expect([all.status, JSON.parse(all.body)]).toMatchObject([200, { participants: [] }]);
    expect(all.headers['cache-control']).toBe('no-store');
    await call('GET', '/v1/rooms/r/participants/ann%2F1/stats', auth);
    expect(seen).toEqual([['a/b ä'], ['r', 'ann/1']]);
  });

  test('wants a bearer token, and takes no other method', async () => {
    await start();
    for (const path of ['/v1/rooms/r/stats', '/v1/rooms/r/participants/a/stats']) {
      const answer = await call('GET', path);
      expect(problem(answer)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
      const wrong = await call('POST', path, { ...auth, ...JSON_TYPE }, '{}');
      expect(problem(wrong)).toMatchObject({ status: 405, reason: 'METHOD' });
      expect(wrong.headers.allow).toBe('GET');
    }
  });

  test('passes on why there are none', async () => {
    await start({
      rooms: {
        ...NO_ROOMS_API,
        roomStats: () =>
          Promise.reject(
            new GatewayProblem(503, 'MEDIA_UNAVAILABLE', 'No answer.', { 'retry-after': '1' }),
          ),
      },
    });
    const answer = await call('GET', '/v1/rooms/r/stats', auth);
    expect(problem(answer)).toMatchObject({ status: 503, reason: 'MEDIA_UNAVAILABLE' });
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('POST /dev/token', () => {
  const body = JSON.stringify({ room: 'r', identity: 'a', name: 'Ann' });

  test('mints for its own page and for programs of this machine', async () => {
    await start({ mintToken });
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'localhost'];
    const answers = await Promise.all(
      hosts.map((host) =>
        call('POST', '/dev/token', { ...JSON_TYPE, host, origin: `http://${host}` }, body),
      ),
    );
    for (const answer of answers) {
      expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { token: 'r/a/Ann' }]);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect((await call('POST', '/dev/token', JSON_TYPE, body)).status).toBe(200);
  });

  test('is not there for other origins, rebound names or forms', async () => {
    await start({ mintToken });
    const own = `127.0.0.1:${port}`;
    const refused: Record<string, string>[] = [
      { host: `attacker.example:${port}`, origin: `http://attacker.example:${port}` },
      { host: `localhost.attacker.example:${port}` },
      { host: `127.0.0.1.attacker.example:${port}` },
      { host: own, origin: 'http://attacker.example' },
      { host: own, origin: 'null' },
      { host: own, origin: `http://localhost:${port}` },
      { host: own, origin: `https://${own}` },
      { host: own, 'sec-fetch-site': 'cross-site' },
      { host: own, 'sec-fetch-site': 'same-site' },
    ];
    const answers = await Promise.all(
      refused.map((headers) => call('POST', '/dev/token', { ...JSON_TYPE, ...headers }, body)),
    );
    expect(answers.map((answer) => problem(answer).status)).toEqual(refused.map(() => 404));
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await call('POST', '/dev/token', form, 'room=r')).status).toBe(415);
  });

  test('is not there outside development mode', async () => {
    await start();
    expect(problem(await call('POST', '/dev/token', JSON_TYPE, body)).status).toBe(404);
  });
});
