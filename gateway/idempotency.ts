// POST requests that are sent again after a connection broke (`Idempotency-Key`,
// draft-ietf-httpapi-idempotency-key-header): the first one is executed, and the others get its answer. Called by:
// the route table, for routes of POST. Kept in memory, for a day at most, within bounds.

import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../shared/clock.ts';
import { LocalTier } from '../shared/cache/local-tier.ts';
import { GatewayProblem } from './problem.ts';
import type { Answer } from './route.ts';

/** As the draft recommends; a broken connection is tried again much sooner. */
const KEPT_MS = 86_400_000;
/** Answers that are kept, those that are asked for least going first: of 64 KiB each, 256 MiB. */
const KEPT_MAX = 4096;
const ANSWER_BYTES_MAX = 65_536;

interface Executed {
  /** Of the request: the same key with another one is a mistake of the client's. */
  readonly fingerprint: string;
  /** Undefined while it is executed. */
  answer: Answer | undefined;
}

export class Idempotency {
  readonly #executed: LocalTier<Executed>;

  constructor(clock: Clock) {
    this.#executed = new LocalTier(KEPT_MAX, clock);
  }

  /**
   * Executes it, or gives the answer of the first time.
   * @param who whose key it is: two callers may choose the same
   * @throws GatewayProblem
   */
  async once(
    { method, url, headers, body }: FastifyRequest,
    who: string,
    execute: () => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const key = headers['idempotency-key'];
    if (key === undefined) return execute();
    if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
      const detail = 'Idempotency-Key: expected 1 to 255 printable characters, such as a UUID.';
      throw new GatewayProblem(400, 'BAD_MESSAGE', detail);
    }
    const name = digest([who, method, url, key]);
    const fingerprint = digest([JSON.stringify(body ?? null)]);
    const before = this.#executed.get(name);
    if (before !== undefined) return again(before, fingerprint);
    const entry: Executed = { fingerprint, answer: undefined };
    this.#executed.set(name, entry, KEPT_MS);
    try {
      entry.answer = await execute();
    } catch (error) {
      // Nothing has been done: it may be tried again.
      this.#executed.delete(name);
      throw error;
    }
    if (sizeOf(entry.answer) > ANSWER_BYTES_MAX) this.#executed.delete(name);
    return entry.answer;
  }
}

function again({ fingerprint, answer }: Executed, now: string): Answer {
  if (fingerprint !== now) {
    const detail = 'This Idempotency-Key was sent with another request before; take a new one.';
    throw new GatewayProblem(422, 'IDEMPOTENCY_KEY', detail);
  }
  if (answer === undefined) {
    const detail = 'The request with this Idempotency-Key is being executed; try again shortly.';
    throw new GatewayProblem(409, 'IDEMPOTENCY_KEY', detail, { 'retry-after': '1' });
  }
  return { ...answer, fields: { ...answer.fields, 'idempotency-replayed': 'true' } };
}

function sizeOf({ body }: Answer): number {
  return body === undefined ? 0 : JSON.stringify(body).length;
}

/** Parts cannot run into one another: each is followed by its length. */
function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update(`\n${part.length}\n`);
  return hash.digest('base64url');
}
