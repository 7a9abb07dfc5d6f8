// The name of a request, by which an answer is found in the log: what a proxy in front has given it, or our own.
// Called by: the gate, upgrades, and what refuses bytes that are no request. Costs no randomness for each request.

import { randomBytes } from 'node:crypto';

/** Apart from those of other processes and of the time before a restart. */
const PREFIX = `${randomBytes(6).toString('base64url')}-`;

/** Short, and fit for header fields, logs and JSON as it is. */
const TAKEN = /^[\w.:-]{1,64}$/;

let count = 0;

/** @param given the field `x-request-id` as it came */
export function requestId(given?: string | string[]): string {
  if (typeof given === 'string' && TAKEN.test(given)) return given;
  return PREFIX + (++count).toString(36);
}
