// Makes any value safe to log: no secrets, no control characters, bounded depth, count and length.
// Called by: log.ts for every line that is written, the configuration's error messages.

export type LogFields = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 5;
const ENTRIES_MAX = 64;
const TEXT_MAX = 2048;

const SECRET_NAME = /(?:token|secret|password|passwd|credential|authorization|cookie)s?$/i;
// The three base64url parts of a JWS; `eyJ` is the start of a JSON object in base64.
const TOKEN_IN_TEXT = /eyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g;
// C0 and C1 controls, and what reorders or breaks lines on a terminal or in a viewer.
// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Writes every control, line-breaking or bidirectional character as `\uXXXX`. */
export function escapeText(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Copies the fields into plain, bounded, printable values. */
export function sanitize(fields: LogFields): Record<string, unknown> {
  return sanitizeEntries(Object.entries(fields), 0);
}

function sanitizeEntries(entries: [string, unknown][], depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of entries.slice(0, ENTRIES_MAX)) {
    if (value === undefined) continue;
    const secret = SECRET_NAME.test(name) && typeof value !== 'boolean';
    safe[sanitizeText(name, 128)] = secret ? '[redacted]' : sanitizeValue(value, depth);
  }
  if (entries.length > ENTRIES_MAX) safe['...'] = entries.length - ENTRIES_MAX;
  return safe;
}

function sanitizeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return sanitizeText(value, TEXT_MAX);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : sanitizeObject(value, depth);
    case 'bigint':
    case 'symbol':
      return sanitizeText(String(value), TEXT_MAX);
    case 'function':
    case 'undefined':
      return `[${typeof value}]`;
    default:
      throw new Error('typeof has no further value');
  }
}

function sanitizeObject(value: object, depth: number): unknown {
  if (depth >= DEPTH_MAX) return '[deep]';
  if (value instanceof Error) return sanitizeEntries(errorEntries(value), depth + 1);
  if (Array.isArray(value)) {
    return value.slice(0, ENTRIES_MAX).map((item) => sanitizeValue(item, depth + 1));
  }
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return sanitizeEntries(Object.entries(value), depth + 1);
}

function errorEntries(error: Error): [string, unknown][] {
  const entries: [string, unknown][] = [
    ['name', error.name],
    ['message', error.message],
  ];
  if ('code' in error) entries.push(['code', error.code]);
  if (error.stack !== undefined) entries.push(['stack', stackLines(error.stack)]);
  if (error.cause !== undefined) entries.push(['cause', error.cause]);
  return entries;
}

/** The frames without the message, which may hold anything. */
function stackLines(stack: string): string[] {
  const frames = stack.split('\n').map((line) => line.trim());
  return frames.filter((line) => line.startsWith('at ')).slice(0, 12);
}

function sanitizeText(text: string, max: number): string {
  const clear = text.replace(TOKEN_IN_TEXT, '[redacted token]');
  return escapeText(
    clear.length > max ? `${clear.slice(0, max)}... (${clear.length} characters)` : clear,
  );
}
