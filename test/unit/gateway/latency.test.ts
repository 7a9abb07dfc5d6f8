// How long answers take: the histogram against the sorted truth, the minutes that are kept, and the route that tells.

import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { LatencyHistogram } from '../../../gateway/latency-histogram.ts';
import { RouteLatency } from '../../../gateway/latency.ts';
import { call, problem } from '../../support/http-call.ts';
import { NO_APIS } from '../../support/no-apis.ts';

let gateway: Gateway | undefined;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

test('a percentile is the true one, or a sixteenth above it at most', () => {
  const durations = fc.array(
    fc.oneof(fc.nat(40), fc.nat(5000), fc.integer({ min: 0, max: 2 ** 26 - 1 })),
    { minLength: 1, maxLength: 300 },
  );
  fc.assert(
    fc.property(durations, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (values, part) => {
      const histogram = new LatencyHistogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      const truth = sorted[Math.max(1, Math.ceil(part * values.length)) - 1] ?? 0;
      const found = histogram.percentile(part);
      expect(found).toBeGreaterThanOrEqual(truth);
      expect(found).toBeLessThanOrEqual(truth + truth / 16);
      expect([histogram.count, histogram.max]).toEqual([values.length, sorted.at(-1)]);
    }),
  );
});

test('what takes for ever, or less than nothing, is counted', () => {
  const histogram = new LatencyHistogram();
  for (const value of [-5, 2 ** 31, 1e12]) histogram.record(value);
  expect([histogram.count, histogram.max, histogram.percentile(0.3)]).toEqual([3, 1e12, 0]);
});

test('the last five minutes are the last five minutes', () => {
  const latency = new RouteLatency('GET /x');
  const minute = 60_000;
  latency.record(200, 5, 10 * minute);
  latency.record(200, 1, 12 * minute);
  expect(latency.lately(12 * minute)).toMatchObject({ count: 2, max: 5 });
  expect(latency.lately(15 * minute - 1)).toMatchObject({ count: 2, max: 5 });
  expect(latency.lately(15 * minute)).toMatchObject({ count: 1, p50: 1, max: 1 });
  expect(latency.lately(100 * minute).count).toBe(0);
  latency.record(200, 2, 100 * minute);
  expect(latency.lately(100 * minute)).toMatchObject({ count: 1, max: 2 });
  expect(latency.sinceStart()).toMatchObject({ count: 3, max: 5 });
});

test('GET /latency tells it as JSON, or as a page without scripts, to those who may read metrics', async () => {
  gateway = createGateway({
    ...NO_APIS,
    metrics: { ...NO_APIS.metrics, readers: ['127.0.0.0/8'] },
  });
  const port = await gateway.listen('127.0.0.1', 0);
  await call(port, 'GET', '/healthz');
  await call(port, 'GET', '/nothing/<b>');
  const { body, headers } = await call(port, 'GET', '/latency');
  const { routes } = JSON.parse(body) as { routes: { route: string; sinceStart: object }[] };
  expect(routes.map(({ route }) => route)).toEqual(['GET /healthz', 'other']);
  expect(routes[0]?.sinceStart).toMatchObject({ count: 1 });
  expect(headers['cache-control']).toBe('no-store');
  const page = await call(port, 'GET', '/latency', { accept: 'text/html,*/*' });
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(page.body).toContain('GET /healthz');
  expect(page.body).not.toMatch(/<script|<b>/);
  const proxied = await call(port, 'GET', '/latency', { via: 'x' });
  expect(problem(proxied)).toMatchObject({ status: 403, reason: 'NOT_ALLOWED' });
});
