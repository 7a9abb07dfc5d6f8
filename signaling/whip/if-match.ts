// The precondition of a PATCH: whether its If-Match (RFC 9110 s13.1.1) means the ICE session that there is.
// Called by: whip-session.ts. Pure.

import { whipRefusal } from './whip-refusal.ts';
import type { WhipRefusal } from './whip-refusal.ts';

/** `ifMatch` as the header field came; null when the request may go on. */
export function checkIfMatch(ifMatch: string | undefined, etag: string): WhipRefusal | null {
  if (ifMatch === undefined || ifMatch.trim() === '') {
    const how = 'If-Match: the ETag of the answer, or * to restart ICE';
    return whipRefusal('PRECONDITION_REQUIRED', `Send ${how}`);
  }
  // The examples of RFC 9725 s4.3.3 have it in quotes, and so have clients. Strong comparison (RFC 9110 s8.8.3.2):
  // ours is not weak, so that one with W/ before it is another one.
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.some((tag) => tag === '*' || tag === '"*"' || tag === etag)) return null;
  return whipRefusal('PRECONDITION_FAILED', 'If-Match names an ICE session that is over');
}
