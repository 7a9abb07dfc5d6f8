// What nodes send each other: a line of JSON that says what it is, and behind it the text that it carries, untouched.
// Redis and who may write to it are trusted, and yet nothing here throws on any input.
// Called by: links.ts.

import { z } from 'zod';

/** A message of signaling is smaller; `joined` of a large room may be larger. */
const CHARS_MAX = 33_554_432;
const HEADER_CHARS_MAX = 4096;
/** Of a Host header; what is behind it reaches nobody. */
export const HOST_CHARS_MAX = 512;

const id = z.string().regex(/^[\w-]{1,32}$/);
/** A WebSocket, by the number that the node gave it which has it. */
const c = z.int().min(1);

const content = z.discriminatedUnion('k', [
  /** To the owner: the WebSocket `c` wants to join; the text is its `join`. `at`: the time of Redis. */
  z.object({
    k: z.literal('open'),
    c,
    at: z.number(),
    host: z.string().max(HOST_CHARS_MAX),
    room: z.string().max(256).optional(),
    epoch: z.number().optional(),
  }),
  /** To the owner: what it sent. */
  z.object({ k: z.literal('msg'), c, binary: z.literal(true).optional() }),
  /** To the owner: a ping or pong frame. */
  z.object({ k: z.literal('control'), c }),
  /** To the owner: it is closed, or not there. */
  z.object({ k: z.literal('shut'), c }),
  /** To the owner: so many bytes have left for its client. */
  z.object({ k: z.literal('ack'), c, bytes: z.number() }),
  /** From the owner: a frame for it. */
  z.object({ k: z.literal('send'), c }),
  /** From the owner: it has joined. */
  z.object({ k: z.literal('in'), c }),
  /** From the owner: close it. */
  z.object({
    k: z.literal('close'),
    c,
    code: z.int().min(1000).max(4999),
    reason: z.string().max(123),
  }),
  /** From the owner: it is not known here. */
  z.object({ k: z.literal('no'), c }),
  /** Nothing but that we live, and by its number that nothing was lost. */
  z.object({ k: z.literal('beat') }),
  /** A request about a room, and its answer; the text is JSON. */
  z.object({ k: z.literal('call'), i: z.int().min(1), method: z.string().max(64) }),
  z.object({ k: z.literal('return'), i: z.int().min(1), ok: z.boolean() }),
]);

export type Content = z.output<typeof content>;
/** About a WebSocket, to the node that has its session, and to the one that has itself. */
export type ToOwner = Extract<Content, { k: 'msg' | 'control' | 'shut' | 'ack' }>;
export type ToEdge = Extract<Content, { k: 'send' | 'in' | 'close' | 'no' }>;

/** `from` sends it as the `n`th of `stream`. */
const numbered = z.object({ from: id, stream: id, n: z.int().min(1) });

export interface Envelope {
  readonly from: string;
  readonly stream: string;
  readonly n: number;
  readonly content: Content;
  readonly text: string;
}

export function encode(envelope: Envelope): string {
  const { from, stream, n, content: rest, text } = envelope;
  return `${JSON.stringify({ from, stream, n, ...rest })}\n${text}`;
}

/** Null for what is none. */
export function decode(message: string): Envelope | null {
  const end = message.indexOf('\n');
  if (end < 0 || end > HEADER_CHARS_MAX || message.length > CHARS_MAX) return null;
  let header: unknown;
  try {
    header = JSON.parse(message.slice(0, end));
  } catch {
    return null;
  }
  const number = numbered.safeParse(header);
  const parsed = content.safeParse(header);
  if (!number.success || !parsed.success) return null;
  return { ...number.data, content: parsed.data, text: message.slice(end + 1) };
}
