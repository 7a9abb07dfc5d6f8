// From a WebSocket message to a ClientMessage or a refusal that names the field and what was expected.
// Called by: conversation.ts, for every message. Nothing here throws on any input.

import type { z } from 'zod';
import { clientMessage } from './protocol.ts';
import type { ClientMessage } from './protocol.ts';
import { refusal, snippet } from './refusal.ts';
import type { Refusal } from './refusal.ts';

export interface Decoded {
  /** The request id, where one could be read, also from a message that is refused. */
  readonly i: number | undefined;
  readonly result: { message: ClientMessage } | { refused: Refusal };
}

const TYPES: readonly string[] = clientMessage.options.map(({ shape }) => shape.type.value);

/**
 * Decodes one message of at most `bytesMax` bytes. A longer one (the framing layer bounds how much) is
 * still parsed for its id, so that its sender learns which request was refused.
 */
export function decode(data: Buffer, isBinary: boolean, bytesMax: number): Decoded {
  if (isBinary) {
    return refused(undefined, 'BAD_MESSAGE', 'Expected a text frame of JSON, got a binary frame');
  }
  let input: unknown;
  try {
    input = JSON.parse(data.toString('utf8'));
  } catch {
    input = undefined;
  }
  const fields = isObject(input) ? input : undefined;
  const i = readId(fields?.['i']);
  if (data.length > bytesMax) {
    return refused(
      i,
      'TOO_LARGE',
      `The message has ${data.length} bytes, at most ${bytesMax} here`,
    );
  }
  if (fields === undefined) {
    return refused(undefined, 'BAD_MESSAGE', 'Expected a JSON object with a "type"');
  }
  const type = fields['type'];
  if (typeof type !== 'string' || !TYPES.includes(type)) {
    const got = typeof type === 'string' ? snippet(type) : 'no string';
    return refused(i, 'BAD_MESSAGE', `type: expected one of ${TYPES.join(', ')}, got ${got}`);
  }
  const parsed = clientMessage.safeParse(fields);
  if (parsed.success) return { i, result: { message: parsed.data } };
  const { reason, message } = explain(parsed.error.issues);
  return refused(i, reason, message);
}

function refused(i: number | undefined, reason: Refusal['reason'], message: string): Decoded {
  return { i, result: { refused: refusal(reason, message) } };
}

function readId(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first issue in words; a string over its bound is a matter of size, all else of form. */
function explain(issues: readonly z.core.$ZodIssue[]): {
  reason: Refusal['reason'];
  message: string;
} {
  const tooLong = issues.find((issue) => issue.code === 'too_big' && issue.origin === 'string');
  const issue = tooLong ?? issues[0];
  if (issue === undefined)
    return { reason: 'BAD_MESSAGE', message: 'The message breaks its schema' };
  const path = issue.path.map((key) => (typeof key === 'string' ? plain(key) : String(key)));
  return {
    reason: tooLong === undefined ? 'BAD_MESSAGE' : 'TOO_LARGE',
    message: `${path.join('.')}: ${issue.message}`,
  };
}

/** Field names of the schema as they are; names that the sender made up, quoted and shortened. */
function plain(key: string): string {
  return /^[A-Za-z]{1,32}$/.test(key) ? key : snippet(key);
}
