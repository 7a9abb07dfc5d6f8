// GET /latency: how long each route takes to answer, over the last minutes and since the start, as JSON or, for a
// browser, as a page that loads itself again. For those who may read the metrics.
// Called by: http-server.ts.

import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import type { Latency, LatencyNumbers } from '../latency.ts';
import { escaped, PAGE_FIELDS, plainPage } from '../plain-page.ts';
import { readersOnly } from '../readers.ts';
import { PreparedAnswer } from '../responder.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

/** How often a page that is looked at loads itself again. */
const REFRESH_SECONDS = 5;

/** Milliseconds. */
const numbers = z.object({
  count: z.int(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
});

const answer = z.object({
  routes: z.array(z.object({ route: z.string(), lastMinutes: numbers, sinceStart: numbers })),
});

export interface LatencyOptions {
  readonly latency: Latency;
  readonly readers: readonly string[];
  readonly clock: Clock;
}

export function latencyRoute({ latency, readers, clock }: LatencyOptions): Route {
  const tell = (): z.output<typeof answer> => ({
    routes: [...latency.all()]
      .map((route) => ({
        route: route.name,
        lastMinutes: route.lately(clock.monotonic()),
        sinceStart: route.sinceStart(),
      }))
      .filter(({ sinceStart }) => sinceStart.count > 0),
  });
  return defineRoute({
    method: 'GET',
    path: '/latency',
    summary: 'How long each route takes to answer, as percentiles; as a page for browsers.',
    access: 'address',
    response: { 200: answer },
    fields: { vary: 'Accept' },
    guard: readersOnly(readers),
    handler: ({ request, reply }) => {
      const wantsPage = (request.headers.accept ?? '').includes('text/html');
      if (!wantsPage) return reply(200, tell());
      const fields = { ...PAGE_FIELDS, vary: 'Accept' };
      return new PreparedAnswer({ status: 200, body: page(tell()), fields });
    },
  });
}

function page({ routes }: z.output<typeof answer>): string {
  const rows = routes.map(
    ({ route, lastMinutes, sinceStart }) =>
      `<tr><th>${escaped(route)}</th>${cells(lastMinutes)}${cells(sinceStart)}</tr>`,
  );
  const names = ['count', 'p50', 'p95', 'p99', 'max'].map((name) => `<th>${name}</th>`).join('');
  const body = `<table><tr><th rowspan="2">Route</th><th colspan="5">Last five minutes</th>
<th colspan="5">Since the start</th></tr><tr>${names}${names}</tr>
${rows.join('\n')}
</table>`;
  return plainPage('Latency, milliseconds', body, REFRESH_SECONDS);
}

function cells({ count, p50, p95, p99, max }: LatencyNumbers): string {
  const all = [String(count), ...[p50, p95, p99, max].map((ms) => ms.toFixed(3))];
  return all.map((text) => `<td>${text}</td>`).join('');
}
