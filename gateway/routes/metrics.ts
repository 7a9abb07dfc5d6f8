// GET /metrics: numbers for Prometheus, for those address ranges that the configuration names.
// Called by: http-server.ts.

import { z } from 'zod';
import { readersOnly } from '../readers.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

export interface MetricsOptions {
  /** Address ranges, such as `10.0.0.0/8`. */
  readers: readonly string[];
  contentType: string;
  scrape(): Promise<string>;
}

export function metricsRoute(options: MetricsOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/metrics',
    summary: 'Numbers for Prometheus, in its text format.',
    access: 'address',
    response: { 200: { type: 'text/plain', schema: z.string() } },
    guard: readersOnly(options.readers),
    handler: async ({ reply }) =>
      reply(200, await options.scrape(), { 'content-type': options.contentType }),
  });
}
