// The TURN routes over real HTTP: what is passed on and answered, and that each wants a bearer token.

import { afterEach, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import type { TurnApi } from '../../../gateway/routes/turn.ts';
import { call as callPort, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { adminWith, NO_APIS, NO_TURN_API } from '../../support/no-apis.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };
const JSON_TYPE = { 'content-type': 'application/json' };
const ROUTES: readonly [method: string, path: string][] = [
  ['GET', '/v1/turn/allocations'],
  ['GET', '/v1/turn/allocations/0-1'],
  ['DELETE', '/v1/turn/allocations/0-1'],
  ['POST', '/v1/turn/credentials'],
];

let gateway: Gateway | undefined;
let port = 0;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(api: Partial<TurnApi> = {}): Promise<void> {
  gateway = createGateway({ ...NO_APIS, turn: { ...NO_TURN_API, ...api } });
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

function refuse(): Promise<never> {
  return Promise.reject(new GatewayProblem(404, 'NOT_FOUND', 'There is no such allocation.'));
}

test('each route wants a bearer token, and asks nobody without', async () => {
  const asked: string[] = [];
  await start({
    list: (query) => {
      asked.push('list');
      return NO_TURN_API.list(query);
    },
    describe: (id) => {
      asked.push('describe');
      return NO_TURN_API.describe(id);
    },
    end: () => {
      asked.push('end');
      return Promise.resolve();
    },
    mint: () => {
      asked.push('mint');
      return { username: 'u', password: 'p', ttl: 1, uris: [] };
    },
  });
  for (const authorization of ['', 'Basic abc', 'Bearer', 'Bearer a b']) {
    const headers = authorization === '' ? {} : { authorization };
    const answers = await Promise.all(ROUTES.map(([method, path]) => call(method, path, headers)));
    for (const answer of answers) {
      expect(problem(answer)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  }
  expect(asked).toEqual([]);
});

test('each path takes its methods alone, and names them', async () => {
  await start();
  const wrong: [string, string, string][] = [
    ['DELETE', '/v1/turn/allocations', 'GET'],
    ['PUT', '/v1/turn/allocations/0-1', 'GET, DELETE'],
    ['GET', '/v1/turn/credentials', 'POST'],
  ];
  const answers = await Promise.all(wrong.map(([method, path]) => call(method, path, AUTH)));
  expect(answers.map((answer) => [problem(answer).reason, answer.headers.allow])).toEqual(
    wrong.map(([, , allow]) => ['METHOD', allow]),
  );
});

test('a list is a page of 100 from the beginning, or what the query says', async () => {
  const seen: unknown[] = [];
  await start({
    list: (query) => {
      seen.push(query);
      return NO_TURN_API.list(query);
    },
  });
  const first = await call('GET', '/v1/turn/allocations', AUTH);
  expect([first.status, JSON.parse(first.body)]).toMatchObject([200, { allocations: [] }]);
  expect(first.headers['cache-control']).toBe('no-store');
  await call('GET', '/v1/turn/allocations?limit=7&after=0-12', AUTH);
  expect(seen).toEqual([{ limit: 100 }, { limit: 7, after: '0-12' }]);
});

test('a query out of bounds is refused with the name of the field', async () => {
  await start();
  const cases: [string, string][] = [
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['after=', 'after'],
    [`after=${'1'.repeat(257)}`, 'after'],
    ['page=2', 'body'],
  ];
  const answers = await Promise.all(
    cases.map(([query]) => call('GET', `/v1/turn/allocations?${query}`, AUTH)),
  );
  expect(answers.map((answer) => [answer.status, problem(answer).detail.split(':')[0]])).toEqual(
    cases.map(([, field]) => [400, field]),
  );
});

test('one allocation is told of, and ended without a body', async () => {
  const seen: unknown[] = [];
  await start({
    end: (caller, id) => {
      seen.push([caller, id]);
      return Promise.resolve();
    },
  });
  const one = await call('GET', '/v1/turn/allocations/3-14', AUTH);
  expect(JSON.parse(one.body)).toMatchObject({ id: '3-14', permissions: [] });
  expect(one.headers['cache-control']).toBe('no-store');
  const ended = await call('DELETE', '/v1/turn/allocations/3-14', AUTH);
  expect([ended.status, ended.body, seen]).toEqual([204, '', [[adminWith('aaa.bbb.ccc'), '3-14']]]);
});

test('why there is none is passed on', async () => {
  await start({ describe: refuse, end: refuse });
  for (const method of ['GET', 'DELETE']) {
    const answer = await call(method, '/v1/turn/allocations/0-1', AUTH);
    expect(problem(answer)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
  }
});

test('a credential is minted for a user and a time, both of which may be left out', async () => {
  const seen: unknown[] = [];
  await start({
    mint: (caller, request, host) => {
      seen.push([caller, request, host]);
      return { username: '1:ann', password: 'p', ttl: request.ttl, uris: ['turn:x'] };
    },
  });
  const host = { host: 'turn.example.org:1' };
  const body = JSON.stringify({ user: 'ann', ttl: 60 });
  const minted = await call(
    'POST',
    '/v1/turn/credentials',
    { ...AUTH, ...JSON_TYPE, ...host },
    body,
  );
  expect([minted.status, JSON.parse(minted.body)]).toEqual([
    200,
    { username: '1:ann', password: 'p', ttl: 60, uris: ['turn:x'] },
  ]);
  expect(minted.headers['cache-control']).toBe('no-store');
  expect((await call('POST', '/v1/turn/credentials', { ...AUTH, ...host })).status).toBe(200);
  const caller = adminWith('aaa.bbb.ccc');
  expect(seen).toEqual([
    [caller, { user: 'ann', ttl: 60 }, 'turn.example.org:1'],
    [caller, { ttl: 86_400 }, 'turn.example.org:1'],
  ]);
});

test('a credential out of bounds is refused with the name of the field', async () => {
  await start();
  const cases: [object, string][] = [
    [{ user: '' }, 'user'],
    [{ user: 'x'.repeat(129) }, 'user'],
    [{ user: 'a\u0000b' }, 'user'],
    [{ ttl: 0 }, 'ttl'],
    [{ ttl: 604_801 }, 'ttl'],
    [{ ttl: 1.5 }, 'ttl'],
    [{ service: 'turn' }, 'body'],
  ];
  const answers = await Promise.all(
    cases.map(([body]) =>
      call('POST', '/v1/turn/credentials', { ...AUTH, ...JSON_TYPE }, JSON.stringify(body)),
    ),
  );
  expect(answers.map((answer) => [answer.status, problem(answer).detail.split(':')[0]])).toEqual(
    cases.map(([, field]) => [400, field]),
  );
});
