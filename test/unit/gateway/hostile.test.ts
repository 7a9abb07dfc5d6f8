// Requests that mean to do harm, as raw bytes where it takes that: each is refused, and nothing behind it is served.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { call as callPort, callRaw, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { NO_APIS, NO_KEYS_API, NO_OPERATE_API, NO_ROOMS_API } from '../../support/no-apis.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };
const JSON_TYPE = { 'content-type': 'application/json' };

let asked: string[];
let gateway: Gateway;
let port = 0;

beforeEach(async () => {
  asked = [];
  gateway = createGateway({
    ...NO_APIS,
    rooms: {
      ...NO_ROOMS_API,
      create: (caller, request) => {
        asked.push(`create ${JSON.stringify(request)}`);
        return NO_ROOMS_API.create(caller, request);
      },
      find: (room) => {
        asked.push(`find ${room}`);
        return undefined;
      },
    },
    keys: {
      ...NO_KEYS_API,
      revoke: (_caller, key) => {
        asked.push(`revoke ${key}`);
        return Promise.resolve();
      },
    },
    operate: {
      ...NO_OPERATE_API,
      drain: () => {
        asked.push('drain');
        return Promise.resolve({ draining: true, participants: 0, allocations: 0 });
      },
    },
  });
  port = await gateway.listen('127.0.0.1', 0);
});

afterEach(() => gateway.close());

function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return callPort(port, method, path, { ...AUTH, ...headers }, body);
}

const HEAD = 'POST /v1/drain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n';
const TYPE = 'Content-Type: application/json\r\n';
const HIDDEN = 'DELETE /v1/keys/stolen HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n\r\n';

describe('request smuggling', () => {
  test.each([
    [
      'Content-Length beside Transfer-Encoding',
      `${HEAD}${TYPE}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', `${HEAD}${TYPE}Content-Length: 0\r\nContent-Length: 40\r\n\r\n`],
    ['two lengths in one field', `${HEAD}${TYPE}Content-Length: 0, 40\r\n\r\n`],
    ['a length with a sign', `${HEAD}${TYPE}Content-Length: +0\r\n\r\n`],
    [
      'chunked that is not the last coding',
      `${HEAD}${TYPE}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a coding that is spelt like chunked',
      `${HEAD}${TYPE}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a chunk size with a sign', `${HEAD}${TYPE}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n`],
    ['a folded field (obs-fold)', `${HEAD}${TYPE}X-A: b\r\n Content-Length: 40\r\n\r\n`],
    ['a space before the colon', `${HEAD}${TYPE}Content-Length : 40\r\n\r\n`],
    ['a bare LF between fields', `${HEAD}${TYPE}X-A: b\nContent-Length: 0\r\n\r\n`],
    ['a bare CR between fields', `${HEAD}${TYPE}X-A: b\rContent-Length: 0\r\n\r\n`],
    ['a NUL in a field', `${HEAD}${TYPE}X-A: \u0000\r\n\r\n`],
  ])('%s is no request, and neither is what follows', async (_what, text) => {
    const answer = await callRaw(port, text + HIDDEN);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"reason":"BAD_MESSAGE"/);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  test('without Host there is no request (RFC 9112 s3.2)', async () => {
    const answer = await callRaw(port, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('sizes', () => {
  test('a body that grows over the limit without saying so is cut off', async () => {
    const chunk = `${(0x4000).toString(16)}\r\n${' '.repeat(0x4000)}\r\n`;
    const text = `${HEAD}${TYPE}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`;
    const answer = await callRaw(
      port,
      `${text}GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*"reason":"TOO_LARGE"/);
    expect(asked).toEqual([]);
  });

  test('header fields have a limit together', async () => {
    const many = Array.from({ length: 800 }, (_, n) => `X-Field-${n}: ${'v'.repeat(12)}\r\n`).join(
      '',
    );
    expect(await callRaw(port, `GET /healthz HTTP/1.1\r\nHost: x\r\n${many}\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  test('deep JSON is refused like any other that does not fit', async () => {
    const deep = `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    expect(problem(await call('POST', '/v1/rooms', JSON_TYPE, deep)).status).toBe(400);
  });
});

describe('names that mean something to JavaScript', () => {
  test.each([
    '{"name":"r","__proto__":{"polluted":1}}',
    '{"name":"r","\\u005f\\u005fproto__":{"polluted":1}}',
    '{"__proto__":{"name":"r"}}',
    '{"name":"r","constructor":{"prototype":{"polluted":1}}}',
  ])('are no fields of a body: %s', async (body) => {
    expect(problem(await call('POST', '/v1/rooms', JSON_TYPE, body)).status).toBe(400);
    expect(asked).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('are no query, and no more than names in a path', async () => {
    const query = '__proto__=x&constructor=y&__proto__[limit]=1';
    expect(problem(await call('GET', `/v1/turn/allocations?${query}`)).status).toBe(400);
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(problem(await call('GET', `/v1/rooms/${name}`)).status).toBe(404);
    }
    expect(asked).toEqual(['find __proto__', 'find constructor', 'find toString']);
  });
});

test('a path that climbs leads nowhere else', async () => {
  const paths = ['..%2f..%2fkeys', '%2e%2e', '..', '%2e%2e%2fkeys%2fstolen', 'a%2f..%2fb', 'a%00b'];
  for (const path of paths) {
    expect((await call('DELETE', `/v1/rooms/${path}`)).status).toBeLessThan(500);
  }
  for (const path of paths) expect((await call('GET', `/v1/rooms/${path}`)).status).toBe(404);
  expect(asked.filter((one) => !one.startsWith('find '))).toEqual([]);
});

test('a method is the one of the request line, whatever other fields say', async () => {
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    const answer = await call(
      'POST',
      '/v1/keys/stolen?_method=DELETE',
      { ...JSON_TYPE, [name]: 'DELETE' },
      '{}',
    );
    expect(problem(answer)).toMatchObject({ status: 405, reason: 'METHOD' });
  }
  expect(asked).toEqual([]);
});

test('a form of another site cannot be sent as JSON', async () => {
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    '',
  ]) {
    const headers = type === '' ? {} : { 'content-type': type };
    const { status } = await call('POST', '/v1/drain', headers, '{"on":true}');
    expect([400, 415]).toContain(status);
  }
  expect(asked).toEqual([]);
});
