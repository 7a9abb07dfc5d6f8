// Answers that were made already, as text with their header and entity-tag, for as long as what they tell of has not
// changed: it counts its changes. Nothing is looked up by text, nothing made on a hit, and an answer goes with its
// subject.
// Called by: routes that are asked again and again.

import { createHash } from 'node:crypto';
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

/** What it is for may be kept by the browser of who asked, and by no proxy; it is asked for again each time. */
const FIELDS = { 'cache-control': 'private, no-cache' };

export class ResponseCache<Of extends Subject> {
  readonly #kept = new WeakMap<Of, Kept>();

  /** The answer with its body, or 304 to who has it already; undefined where it has to be made. */
  get(subject: Of, ifNoneMatch: string | undefined): PreparedAnswer | undefined {
    const kept = this.#kept.get(subject);
    if (kept === undefined || kept.revision !== subject.revision) return undefined;
    return ifNoneMatch !== undefined && matches(ifNoneMatch, kept.etag)
      ? kept.unchanged
      : kept.full;
  }

  set(subject: Of, body: object): void {
    // Node writes text with its header in one piece, and bytes apart.
    const payload = JSON.stringify(body);
    const etag = `"${createHash('sha256').update(payload).digest('base64url').slice(0, 22)}"`;
    const fields = { ...FIELDS, etag };
    this.#kept.set(subject, {
      revision: subject.revision,
      etag,
      full: new PreparedAnswer({
        status: 200,
        body: payload,
        fields: { ...fields, 'content-type': 'application/json; charset=utf-8' },
      }),
      unchanged: new PreparedAnswer({ status: 304, body: undefined, fields }),
    });
  }
}

/** RFC 9110 s13.1.2: compared weakly. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag || ifNoneMatch === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
