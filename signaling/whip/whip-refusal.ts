// Why a WHIP or WHEP request is not granted: an HTTP status, a stable reason and a sentence. The reasons are those of
// the one table of codes, and a few that only conditional requests and offers of one direction know.
// Called by: everything of this folder that answers a request.

import { CODES } from '../codes.ts';
import type { Reason } from '../codes.ts';
import type { Refusal } from '../refusal.ts';

/** What only these endpoints say, and its HTTP status. */
const OWN_REASONS = {
  /** RFC 9110 s13.1.1: the entity-tag is that of an earlier ICE session. */
  PRECONDITION_FAILED: 412,
  /** RFC 9725 s4.4: an offer that can be read and is not for this endpoint. */
  UNPROCESSABLE: 422,
  /** RFC 6585 s3. */
  PRECONDITION_REQUIRED: 428,
} as const;

type OwnReason = keyof typeof OWN_REASONS;

export interface WhipRefusal {
  readonly status: number;
  readonly reason: Reason | OwnReason;
  readonly message: string;
  readonly retryAfterMs?: number;
  /** RFC 6750 s3: how to authenticate, with a 401. */
  readonly challenge?: string;
}

export function whipRefusal(reason: OwnReason, message: string): WhipRefusal {
  return { status: OWN_REASONS[reason], reason, message };
}

/** Every status that these endpoints refuse with; the HTTP server itself adds 405 and 415. */
export const WHIP_STATUSES: readonly number[] = [
  400, 401, 403, 404, 409, 412, 413, 422, 428, 429, 503,
];

/** The same over HTTP; `bearer` is what a request with status 401 had. */
export function overHttp(refused: Refusal, bearer?: string): WhipRefusal {
  const status = CODES[refused.reason].http;
  if (status !== 401) return { status, ...refused };
  // RFC 6750 s3.1: who has not tried is told no error.
  const challenge = bearer === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
  return { status, ...refused, challenge };
}

export function isRefusal(result: object): result is WhipRefusal {
  return 'reason' in result;
}
