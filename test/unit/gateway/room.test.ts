// GET /v1/rooms/{room}: made once, sent again as it is, and made anew when the room has changed.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import type { RoomDescription } from '../../../gateway/routes/rooms.ts';
import { call as callPort, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { NO_APIS, NO_ROOMS_API, roomInfo } from '../../support/no-apis.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };

class View {
  revision = 0;
  participants = 0;
  made = 0;

  describe(): RoomDescription {
    this.made++;
    return { ...roomInfo('daily ä'), emptyTimeoutSeconds: 60, participants: this.participants };
  }
}

let view: View | undefined;
let gateway: Gateway;
let port = 0;

beforeEach(async () => {
  view = new View();
  const viewOf = (name: string): View | undefined => (name === 'daily ä' ? view : undefined);
  const rooms = {
    ...NO_ROOMS_API,
    find: viewOf,
    describe: (name: string) => viewOf(name)?.describe() ?? NO_ROOMS_API.describe(name),
  };
  gateway = createGateway({ ...NO_APIS, rooms });
  port = await gateway.listen('127.0.0.1', 0);
});

afterEach(() => gateway.close());

const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  callPort(port, method, '/v1/rooms/daily%20%C3%A4', { ...AUTH, ...headers });

const cacheOf = ({ headers }: Answer): string | undefined =>
  /cache;desc=(\w+)/.exec(String(headers['server-timing']))?.[1];

test('is made once for as long as the room stays as it is', async () => {
  const first = await get();
  expect([first.status, JSON.parse(first.body)]).toEqual([
    200,
    { ...roomInfo('daily ä'), emptyTimeoutSeconds: 60, participants: 0 },
  ]);
  const second = await get();
  expect([second.body, second.headers.etag]).toEqual([first.body, first.headers.etag]);
  expect([cacheOf(first), cacheOf(second), view?.made]).toEqual(['miss', 'hit', 1]);
  expect(second.headers['cache-control']).toBe('private, no-cache');
  expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
});

test('is another one when somebody came, and when the room is another one', async () => {
  const first = await get();
  Object.assign(view ?? {}, { participants: 1, revision: 1 });
  const second = await get();
  expect([cacheOf(second), JSON.parse(second.body)]).toMatchObject(['miss', { participants: 1 }]);
  expect(second.headers.etag).not.toBe(first.headers.etag);
  view = new View();
  expect(cacheOf(await get())).toBe('miss');
  view = undefined;
  expect(problem(await get())).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
});

test('is not sent to who has it', async () => {
  const { headers } = await get();
  const etag = headers.etag ?? '';
  for (const field of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const unchanged = await get({ 'if-none-match': field });
    expect([unchanged.status, unchanged.body, unchanged.headers.etag]).toEqual([304, '', etag]);
  }
  expect((await get({ 'if-none-match': '"x"' })).status).toBe(200);
});

test('HEAD has the header of GET', async () => {
  const { headers } = await get();
  const head = await get({}, 'HEAD');
  expect([head.status, head.body, head.headers['content-length']]).toEqual([
    200,
    '',
    headers['content-length'],
  ]);
});

test('is for who is known alone', async () => {
  await get();
  const refused = await callPort(port, 'GET', '/v1/rooms/daily%20%C3%A4');
  expect(problem(refused).status).toBe(401);
});
