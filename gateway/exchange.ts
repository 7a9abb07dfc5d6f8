// One request and its answer, from the gate to the last byte: what is known of it on the way.
// Called by: the gate, which makes one for each request; everything behind it.

import type { FastifyRequest } from 'fastify';
import { ANONYMOUS } from './caller.ts';
import type { Caller } from './caller.ts';
import type { RouteLatency } from './latency.ts';
import type { Fields } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the gate has seen it. */
    exchange: Exchange | null;
  }
}

/** What a cache said, for Server-Timing; `none` where none is asked. */
type CacheVerdict = 'hit' | 'miss' | 'none';

export class Exchange {
  readonly id: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  readonly latency: RouteLatency;
  /** Header fields of every answer of its route, refusals included. */
  readonly fields: Fields | undefined;
  caller: Caller = ANONYMOUS;
  /** The fields of the answer; empty where no limit was looked at. */
  ratePolicy = '';
  rateLimit = '';
  /** Access-Control-Allow-Origin; empty where no page of another origin may read the answer. */
  origin = '';
  cache: CacheVerdict = 'none';
  /** The fault of ours, for the log. */
  fault: unknown;

  constructor(id: string, startedAt: number, latency: RouteLatency, fields: Fields | undefined) {
    this.id = id;
    this.startedAt = startedAt;
    this.latency = latency;
    this.fields = fields;
  }
}

/** The gate has seen every request that gets this far. */
export function exchangeOf(request: FastifyRequest): Exchange {
  if (request.exchange === null) throw new Error('a request came past the gate');
  return request.exchange;
}
