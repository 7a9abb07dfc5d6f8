// The operating routes over real HTTP: what is passed on and answered, and that each wants a bearer token.

import { afterEach, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { GatewayProblem } from '../../../gateway/problem.ts';
import type { OperateApi } from '../../../gateway/routes/operate.ts';
import { call, problem } from '../../support/http-call.ts';
import { adminWith, NO_APIS, NO_OPERATE_API } from '../../support/no-apis.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };
const JSON_AUTH = { ...AUTH, 'content-type': 'application/json' };
const STATUS = { draining: true, participants: 2, allocations: 3 };

let gateway: Gateway | undefined;
let port = 0;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(api: Partial<OperateApi> = {}): Promise<void> {
  gateway = createGateway({
    ...NO_APIS,
    state: () => 'draining',
    operate: { ...NO_OPERATE_API, ...api },
  });
  port = await gateway.listen('127.0.0.1', 0);
}

test('each route wants a bearer token, and asks nobody without', async () => {
  const asked: string[] = [];
  await start({
    drainStatus: () => {
      asked.push('status');
      return STATUS;
    },
    drain: () => {
      asked.push('drain');
      return Promise.resolve(STATUS);
    },
    reload: () => {
      asked.push('reload');
      return Promise.resolve({ applied: [], needRestart: [] });
    },
  });
  for (const [method, path, body] of [
    ['GET', '/v1/drain', undefined],
    ['POST', '/v1/drain', '{"on":true}'],
    ['POST', '/v1/reload', '{}'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is fine
    const answer = await call(port, method, path, { 'content-type': 'application/json' }, body);
    expect(problem(answer)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  }
  expect(asked).toEqual([]);
});

test('draining is told of, begun and ended, whatever the state of the server', async () => {
  const seen: unknown[] = [];
  await start({
    drainStatus: () => STATUS,
    drain: (caller, on, node) => {
      seen.push([caller, on, node]);
      return Promise.resolve({ ...STATUS, draining: on });
    },
  });
  const told = await call(port, 'GET', '/v1/drain', AUTH);
  expect([told.status, JSON.parse(told.body)]).toEqual([200, STATUS]);
  expect(told.headers['cache-control']).toBe('no-store');
  const on = await call(port, 'POST', '/v1/drain', JSON_AUTH, '{"on":true}');
  const off = await call(port, 'POST', '/v1/drain', JSON_AUTH, '{"on":false}');
  await call(port, 'POST', '/v1/drain', JSON_AUTH, '{"on":true,"node":"n2"}');
  expect([JSON.parse(on.body), JSON.parse(off.body)]).toEqual([
    STATUS,
    { ...STATUS, draining: false },
  ]);
  expect(seen).toEqual([
    [adminWith('aaa.bbb.ccc'), true, undefined],
    [adminWith('aaa.bbb.ccc'), false, undefined],
    [adminWith('aaa.bbb.ccc'), true, 'n2'],
  ]);
});

test('draining wants one field, and no other method', async () => {
  await start();
  for (const body of [
    '{}',
    '{"on":"yes"}',
    '{"on":true,"by":"me"}',
    '{"on":true,"node":""}',
    '[]',
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is fine
    const answer = await call(port, 'POST', '/v1/drain', JSON_AUTH, body);
    expect(problem(answer)).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
  }
  const wrong = await call(port, 'DELETE', '/v1/drain', AUTH);
  expect([problem(wrong).reason, wrong.headers.allow]).toEqual(['METHOD', 'GET, POST']);
});

test('a reload tells what it came to, or why nothing has changed', async () => {
  const changes = { applied: ['log.level'], needRestart: ['bind'] };
  await start({
    reload: (caller) =>
      caller.kind === 'token' && caller.identity === 'aaa.bbb.ccc'
        ? Promise.resolve(changes)
        : Promise.reject(new GatewayProblem(400, 'CONFIG_INVALID', 'bind: expected an address')),
  });
  const done = await call(port, 'POST', '/v1/reload', AUTH);
  expect([done.status, JSON.parse(done.body)]).toEqual([200, changes]);
  expect(done.headers['cache-control']).toBe('no-store');
  const other = { authorization: 'Bearer other' };
  const refused = await call(port, 'POST', '/v1/reload', other);
  expect(problem(refused)).toMatchObject({ status: 400, reason: 'CONFIG_INVALID' });
  expect(problem(await call(port, 'GET', '/v1/reload', AUTH)).reason).toBe('METHOD');
});
