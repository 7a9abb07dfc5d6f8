// What an operator looks at, over real HTTP: what is passed on and answered, and that each route is for those alone who
// may administer the server.

import { afterEach, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import type { OverviewApi } from '../../../gateway/routes/overview.ts';
import { call, problem } from '../../support/http-call.ts';
import { adminWith, NO_APIS, NO_OVERVIEW_API } from '../../support/no-apis.ts';

const AUTH = { authorization: 'Bearer aaa.bbb.ccc' };
const PATHS = ['/v1/nodes', '/v1/overview', '/v1/errors'];
const ERRORS = {
  lines: [
    {
      node: 'n',
      firstAt: 1,
      at: 2,
      level: 'warn' as const,
      event: 'redis.down',
      fields: '{}',
      count: 3,
    },
  ],
  warnings: 3,
  errors: 0,
};

let gateway: Gateway | undefined;
let port = 0;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(api: Partial<OverviewApi> = {}, room?: string): Promise<void> {
  gateway = createGateway({
    ...NO_APIS,
    judge: {
      judge: (bearer) => {
        const { grants, ...caller } = { grants: undefined, ...adminWith(bearer) };
        return {
          caller: { ...caller, grants: { ...grants, room } } as ReturnType<typeof adminWith>,
          expiresAt: Infinity,
        };
      },
    },
    overview: { ...NO_OVERVIEW_API, ...api },
  });
  port = await gateway.listen('127.0.0.1', 0);
}

test('each is for a bearer that may administer the server, and asks nobody for others', async () => {
  const asked: string[] = [];
  const api: OverviewApi = {
    nodes: () => (asked.push('nodes'), NO_OVERVIEW_API.nodes()),
    overview: (query) => (asked.push('overview'), NO_OVERVIEW_API.overview(query)),
    errors: (limit) => (asked.push('errors'), NO_OVERVIEW_API.errors(limit)),
  };
  await start(api, 'daily');
  for (const path of PATHS) {
    const [nobody, ofRoom] = [await call(port, 'GET', path), await call(port, 'GET', path, AUTH)];
    expect(problem(nobody)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
    expect(problem(ofRoom)).toMatchObject({ status: 403, reason: 'NOT_ALLOWED' });
  }
  expect(asked).toEqual([]);
  await gateway?.close();
  await start(api);
  for (const path of PATHS) expect((await call(port, 'GET', path, AUTH)).status).toBe(200);
  expect(asked).toEqual(['nodes', 'overview', 'errors']);
});

test('rooms are a page from the beginning, or what the query says; one out of bounds is refused', async () => {
  const seen: unknown[] = [];
  await start({
    overview: (query) => {
      seen.push(query);
      return NO_OVERVIEW_API.overview(query);
    },
  });
  await call(port, 'GET', '/v1/overview', AUTH);
  await call(port, 'GET', '/v1/overview?limit=7&offset=5000&search=d%C3%A4ily%20%3C', AUTH);
  expect(seen).toEqual([
    { limit: 50, offset: 0, search: '' },
    { limit: 7, offset: 5000, search: 'däily <' },
  ]);
  const wrong = ['limit=0', 'limit=201', 'offset=5001', 'offset=-1', 'page=2', 'search=a&search=b'];
  for (const query of [...wrong, `search=${'x'.repeat(129)}`]) {
    const answer = await call(port, 'GET', `/v1/overview?${query}`, AUTH);
    expect(problem(answer)).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
  }
  expect(seen).toHaveLength(2);
});

test('who has the errors already is told so', async () => {
  await start({ errors: () => Promise.resolve(ERRORS) });
  const first = await call(port, 'GET', '/v1/errors?limit=5', AUTH);
  expect([first.status, JSON.parse(first.body)]).toEqual([200, ERRORS]);
  const headers = { ...AUTH, 'if-none-match': String(first.headers.etag) };
  const again = await call(port, 'GET', '/v1/errors?limit=5', headers);
  expect([again.status, again.body]).toEqual([304, '']);
});
