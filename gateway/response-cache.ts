// Answers that were made already, as text with their header and entity tag, for as long as what they tell of has not
// changed: it counts its changes. Nothing is looked up by text, nothing made on a hit, and an answer goes with its
// subject. Called by: routes that are asked again and again.

import type { FastifyRequest } from 'fastify';
import { bothAnswers, namesTag } from './conditional.ts';
import { PreparedAnswer } from './responder.ts';

/** What an answer is about. */
export interface Subject {
  /** Goes up with every change that an answer tells of. */
  readonly revision: number;
}

interface Kept {
  readonly revision: number;
  readonly etag: string;
  readonly full: PreparedAnswer;
  /** RFC 9110 s15.4.5. */
  readonly unchanged: PreparedAnswer;
}

type Asked = Pick<FastifyRequest, 'headers'>;

export class ResponseCache {
  readonly #kept = new WeakMap<Subject, Kept>();

  /** The answer with its body, or 304 to who has it already; undefined where it has to be made. */
  get(subject: Subject, { headers }: Asked): PreparedAnswer | undefined {
    const kept = this.#kept.get(subject);
    if (kept === undefined || kept.revision !== subject.revision) return undefined;
    return namesTag(headers['if-none-match'], kept.etag) ? kept.unchanged : kept.full;
  }

  /** As `get`, of an answer that has just been made. */
  set(subject: Subject, body: object, { headers }: Asked): PreparedAnswer {
    const { etag, full, unchanged } = bothAnswers(body);
    const kept = {
      revision: subject.revision,
      etag,
      full: new PreparedAnswer(full),
      unchanged: new PreparedAnswer(unchanged),
    };
    this.#kept.set(subject, kept);
    return namesTag(headers['if-none-match'], etag) ? kept.unchanged : kept.full;
  }
}
