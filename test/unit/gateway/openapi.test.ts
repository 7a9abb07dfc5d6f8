// The description of the API has every route, and the schemas that requests go through.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createGateway, type Gateway } from '../../../gateway/http-server.ts';
import { call } from '../../support/http-call.ts';
import { NO_APIS } from '../../support/no-apis.ts';

let gateway: Gateway;
let port: number;
beforeAll(async () => {
  gateway = createGateway(NO_APIS);
  port = await gateway.listen('127.0.0.1', 0);
});
afterAll(() => gateway.close());

const operation = z.object({
  summary: z.string().min(10),
  description: z.string().min(10),
  security: z.array(z.object({ bearer: z.array(z.never()) })).optional(),
  parameters: z.array(z.object({ name: z.string(), in: z.enum(['path', 'query']) })).optional(),
  requestBody: z
    .object({ required: z.boolean(), content: z.record(z.string(), z.unknown()) })
    .optional(),
  responses: z.record(
    z.string().regex(/^(?:\d{3}|default)$/),
    z.object({ description: z.string() }),
  ),
});

const description = z.object({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(z.string().startsWith('/'), z.record(z.string(), operation)),
});

test('as OpenAPI 3.1: every path that answers, with its parameters and bodies', async () => {
  const answer = await call(port, 'GET', '/docs/openapi.json');
  expect(answer.status).toBe(200);
  const { paths } = description.parse(JSON.parse(answer.body));
  for (const [path, operations] of Object.entries(paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(operations)) {
      const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      expect(new Set(inPath)).toEqual(new Set(named));
    }
    for (const method of Object.keys(operations)) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { status } = await call(port, method.toUpperCase(), path.replaceAll(/[{}]/g, ''));
      expect([path, method, status]).not.toEqual([path, method, 405]);
    }
  }
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/v1/rooms', '/v1/rooms/{room}/participants/{participant}/mute']),
  );
  expect(paths['/v1/rooms']?.['post']?.requestBody?.content).toMatchObject({
    'application/json': { schema: { required: ['name'], additionalProperties: false } },
  });
  expect(paths['/v1/rooms']?.['get']?.parameters).toMatchObject([
    { name: 'limit' },
    { name: 'after' },
  ]);
  expect(paths['/healthz']?.['get']?.security).toBeUndefined();
});

test('as a page, without a script', async () => {
  const { status, headers, body } = await call(port, 'GET', '/docs');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(body).toContain('<h2>POST /v1/rooms</h2>');
  expect(body).not.toContain('<script');
});
