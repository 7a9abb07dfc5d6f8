// One request and its answer, from the gate to the last byte: what is known of it, and how an answer is written.
// Called by: the gate, which makes one for each request; the route table.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ANONYMOUS } from './caller.ts';
import type { Caller } from './caller.ts';
import type { Answer, Fields, Route } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the gate has seen it. */
    exchange: Exchange | null;
  }
}

export class Exchange {
  /** Undefined for files of the page, and where there is nothing. */
  readonly route: Route | undefined;
  caller: Caller = ANONYMOUS;

  constructor(route: Route | undefined) {
    this.route = route;
  }
}

/** For every answer that is not the page: nothing in it is to be shown, framed or guessed at. */
const API_FIELDS: Fields = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

const JSON_TYPE = 'application/json; charset=utf-8';

export function writeAnswer(request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
  const { body } = answer;
  const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const payload = isPlain ? body : JSON.stringify(body);
  const fields: Record<string, string | readonly string[]> = {
    ...API_FIELDS,
    ...(isPlain ? {} : { 'content-type': JSON_TYPE }),
    ...request.exchange?.route?.fields,
    ...answer.fields,
  };
  if (answer.status !== 204 && answer.status !== 304) {
    fields['content-length'] = String(payload === undefined ? 0 : Buffer.byteLength(payload));
  }
  const list: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') list.push(name, value);
    else for (const one of value) list.push(name, one);
  }
  reply.hijack();
  reply.raw.writeHead(answer.status, list);
  reply.raw.end(payload);
}
