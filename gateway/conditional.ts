// Answers that a client may have already (RFC 9110 s8.8.3, s13.1.2): an entity tag of what is in them, and 304 where
// If-None-Match names it.
// Called by: the routes that read.

import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Answer } from './route.ts';

/** The body of answers that have none. */
export const nothing = z.undefined();

/** Clients that cache must ask each time. */
const CACHED = 'private, no-cache';

/** 200 with the body, or 304. */
export function conditional({ headers }: Pick<FastifyRequest, 'headers'>, body: object): Answer {
  const { etag, full, unchanged } = bothAnswers(body);
  return namesTag(headers['if-none-match'], etag) ? unchanged : full;
}

/** What there is to answer with, whether or not the client has it. */
export function bothAnswers(body: object): { etag: string; full: Answer; unchanged: Answer } {
  const text = JSON.stringify(body);
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const fields = { etag, 'cache-control': CACHED };
  return {
    etag,
    full: { status: 200, body: text, fields: { ...fields, 'content-type': JSON_TYPE } },
    unchanged: { status: 304, body: undefined, fields },
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Weak comparison (s8.8.3.2), as s13.1.2 has it. */
export function namesTag(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false;
  return field.split(',').some((one) => {
    const tag = one.trim();
    return tag === '*' || tag === etag || tag === `W/${etag}`;
  });
}
