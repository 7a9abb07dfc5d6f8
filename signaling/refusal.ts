// A refusal as a value, and the two messages that carry one: `error` (the socket stays), `bye` (it closes).
// Called by: everything that answers a client. Texts are bounded, and quote the input in snippets only.

import { CODES } from './codes.ts';
import type { Reason } from './codes.ts';
import type { ByeMessage, ErrorMessage } from './protocol.ts';

/** Keeps replies small: an error must not be an amplifier. */
const MESSAGE_CHARS_MAX = 240;
const SNIPPET_CHARS_MAX = 32;

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
  readonly retryAfterMs?: number;
}

export function refusal(reason: Reason, message: string, retryAfterMs?: number): Refusal {
  const text = message.length > MESSAGE_CHARS_MAX ? message.slice(0, MESSAGE_CHARS_MAX) : message;
  return retryAfterMs === undefined
    ? { reason, message: text }
    : { reason, message: text, retryAfterMs };
}

/** What was sent, short, quoted and in printable ASCII, fit for a message that others read. */
export function snippet(input: string): string {
  const short = input.length > SNIPPET_CHARS_MAX;
  const text = JSON.stringify(short ? `${input.slice(0, SNIPPET_CHARS_MAX)}...` : input);
  return text.replaceAll(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

export function errorFrame(from: Refusal, re: number | undefined): string {
  const { code, retry } = CODES[from.reason];
  const message: ErrorMessage = {
    type: 'error',
    ...(re === undefined ? {} : { re }),
    code,
    reason: from.reason,
    message: from.message,
    retry,
    ...(from.retryAfterMs === undefined ? {} : { retryAfterMs: from.retryAfterMs }),
  };
  return JSON.stringify(message);
}

export function byeFrame(from: Refusal): string {
  const { code, action } = CODES[from.reason];
  const message: ByeMessage = {
    type: 'bye',
    code,
    reason: from.reason,
    message: from.message,
    action,
    ...(from.retryAfterMs === undefined ? {} : { afterMs: from.retryAfterMs }),
  };
  return JSON.stringify(message);
}
