// How an answer leaves: its header as one flat list, its body, and what is counted and logged of it. Every answer of
// the table and every problem goes this way; files of the page leave by Fastify and are noted here.
// Called by: the route table, the page, the error handler.

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import { corsList } from './cors.ts';
import type { Exchange } from './exchange.ts';
import { exchangeOf } from './exchange.ts';
import type { GatewayProblem } from './problem.ts';
import { PROBLEM_TYPE, problemDetails } from './problem.ts';
import type { Answer, Fields } from './route.ts';

/** For every answer that is not the page: nothing in it is to be kept, shown, framed or guessed at. */
const API_FIELDS: Fields = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

const JSON_TYPE = 'application/json; charset=utf-8';
const SLOW_MS = 1000;
const PATH_MAX = 200;

/** An answer of which all is known but what each request adds; so one that is sent often is made once. */
export class PreparedAnswer implements Answer {
  readonly status: number;
  readonly body: string | Buffer | undefined;
  readonly fields: undefined;
  /** Names and values in turn. */
  readonly head: readonly (string | string[])[];

  constructor({ status, body, fields }: Answer, routeFields?: Fields) {
    const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    this.status = status;
    this.body = isPlain ? body : JSON.stringify(body);
    const head: (string | string[])[] = [];
    const all: Record<string, string | readonly string[]> = {
      ...API_FIELDS,
      ...(isPlain ? {} : { 'content-type': JSON_TYPE }),
      ...routeFields,
      ...fields,
    };
    for (const [name, value] of Object.entries(all)) {
      // HTTP/2 and a header that was begun before keep the last of several fields of one name, but all of a list.
      head.push(name, typeof value === 'string' ? value : [...value]);
    }
    // RFC 9110 s8.6: neither of these has one.
    if (status !== 204 && status !== 304) {
      head.push('content-length', String(Buffer.byteLength(this.body ?? '')));
    }
    this.head = head;
  }
}

export class Responder {
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  write(request: FastifyRequest, reply: FastifyReply, answer: PreparedAnswer): void {
    const exchange = exchangeOf(request);
    const { status, body, head } = answer;
    const now = this.#clock.monotonic();
    const ms = now - exchange.startedAt;
    const list = [
      ...head,
      'x-request-id',
      exchange.id,
      'server-timing',
      serverTiming(ms, exchange),
    ];
    if (exchange.rateLimit !== '') {
      list.push('ratelimit-policy', exchange.ratePolicy, 'ratelimit', exchange.rateLimit);
    }
    if (exchange.origin !== '') list.push(...corsList(exchange.origin));
    reply.hijack();
    send(reply.raw, status, list, body);
    this.#note(request, exchange, status, ms, now);
  }

  writeProblem(
    request: FastifyRequest,
    reply: FastifyReply,
    problem: GatewayProblem,
    fields?: Fields,
  ): void {
    const { id } = exchangeOf(request);
    const answer: Answer = {
      status: problem.status,
      body: JSON.stringify(problemDetails(problem, id)),
      fields: { ...problem.headers, 'content-type': PROBLEM_TYPE },
    };
    this.write(request, reply, new PreparedAnswer(answer, fields));
  }

  /** For what leaves by Fastify: before its header does. */
  stamp(request: FastifyRequest, reply: FastifyReply): void {
    const exchange = exchangeOf(request);
    const now = this.#clock.monotonic();
    const ms = now - exchange.startedAt;
    void reply.header('x-request-id', exchange.id);
    void reply.header('server-timing', serverTiming(ms, exchange));
    this.#note(request, exchange, reply.statusCode, ms, now);
  }

  #note(
    request: FastifyRequest,
    { id, caller, latency, fault }: Exchange,
    status: number,
    ms: number,
    now: number,
  ): void {
    latency.record(status, ms, now);
    const level = fault !== undefined ? 'error' : status >= 500 || ms >= SLOW_MS ? 'info' : 'debug';
    this.#log[level](fault === undefined ? 'http.request' : 'http.failed', {
      requestId: id,
      route: latency.name,
      // Without its query, which is nobody's business; cutting it costs more than a line that is not written.
      path: level === 'debug' ? undefined : request.url.split('?', 1)[0]?.slice(0, PATH_MAX),
      status,
      durationMs: ms,
      key: caller.kind === 'anonymous' ? undefined : caller.key,
      err: fault,
    });
  }
}

function send(
  raw: ServerResponse,
  status: number,
  list: (string | string[])[],
  payload: string | Buffer | undefined,
): void {
  raw.writeHead(status, list);
  raw.end(payload);
}

/** https://www.w3.org/TR/server-timing/ */
function serverTiming(ms: number, { cache }: Exchange): string {
  return `total;dur=${Math.round(ms * 1000) / 1000}, cache;desc=${cache}`;
}
