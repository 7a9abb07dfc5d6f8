// Which pages of other origins may use the API from a browser (Fetch standard s3.3), and what they are told. There are
// no ambient credentials here, no cookies: a page has to send a bearer that it knows.
// Called by: the gate, and the route table for preflights.

import type { Fields } from './route.ts';

/** How long a browser need not send a preflight again. */
const PREFLIGHT_SECONDS = 7200;

const EXPOSED =
  'ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, X-Request-Id';
const TAKEN = 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id';

export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** Origins such as `https://app.example.org`; `*` for all. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** What the answer says in Access-Control-Allow-Origin; undefined for a page that may not read it. */
  allowed(origin: string): string | undefined {
    if (this.#origins.has('*')) return '*';
    return this.#origins.has(origin) ? origin : undefined;
  }
}

/** Flat, as `writeHead` takes it. */
export function corsList(allowed: string): string[] {
  return [
    'access-control-allow-origin',
    allowed,
    'access-control-expose-headers',
    EXPOSED,
    'vary',
    'Origin',
  ];
}

/** @param methods that the path has */
export function preflightFields(methods: readonly string[]): Fields {
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': TAKEN,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}
