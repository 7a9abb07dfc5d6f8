// The messages of remote calls, as bytes of `data`: a line of JSON, then the payload as it is. What comes of others is
// checked in full. Called by: rpc.ts.

import { RPC_HEAD_BYTES_MAX, RPC_METHOD_CHARS_MAX, RPC_TEXT_CHARS_MAX } from './limits.ts';

/** What a call carries: bytes, or what JSON can say. */
export type RpcPayload =
  | Uint8Array
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | object;

/** Why there is no result: of the handler itself, or of the other side's SDK. */
export type RpcFailure = 'FAILED' | 'UNKNOWN_METHOD' | 'OVERLOADED' | 'TOO_LARGE';

export type RpcMessage =
  | { type: 'call'; id: string; method: string; timeoutMs: number; payload: RpcPayload | undefined }
  | { type: 'result'; id: string; payload: RpcPayload | undefined }
  | { type: 'error'; id: string; failure: RpcFailure; kind: string; message: string };

const FAILURES: ReadonlySet<string> = new Set<RpcFailure>([
  'FAILED',
  'UNKNOWN_METHOD',
  'OVERLOADED',
  'TOO_LARGE',
]);
const LINE_FEED = 10;
const ID = /^[\w-]{1,36}$/;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isFailure(value: unknown): value is RpcFailure {
  return typeof value === 'string' && FAILURES.has(value);
}

/** @throws TypeError for a payload that JSON cannot say */
export function encodeRpc(message: RpcMessage): Uint8Array {
  const { payload, ...head } = { payload: undefined, ...message };
  const isBytes = payload instanceof Uint8Array;
  const encoder = new TextEncoder();
  const line = encoder.encode(`${JSON.stringify(isBytes ? { ...head, bytes: true } : head)}\n`);
  const text = isBytes ? '' : (JSON.stringify(payload) as string | undefined);
  const body = isBytes ? payload : encoder.encode(text ?? '');
  const bytes = new Uint8Array(line.length + body.length);
  bytes.set(line);
  bytes.set(body, line.length);
  return bytes;
}

function payloadOf(body: Uint8Array<ArrayBuffer>, isBytes: boolean): RpcPayload | undefined {
  if (isBytes) return body;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON can say nothing else
  return body.length === 0 ? undefined : (JSON.parse(new TextDecoder().decode(body)) as RpcPayload);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, RPC_TEXT_CHARS_MAX) : '';
}

function messageOf(head: Fields, body: Uint8Array<ArrayBuffer>): RpcMessage | null {
  const { type, id, method, timeoutMs, failure, kind, message, bytes } = head;
  if (typeof id !== 'string' || !ID.test(id)) return null;
  switch (type) {
    case 'call':
      if (typeof method !== 'string' || method.length > RPC_METHOD_CHARS_MAX) return null;
      if (typeof timeoutMs !== 'number' || !(timeoutMs > 0)) return null;
      return { type, id, method, timeoutMs, payload: payloadOf(body, bytes === true) };
    case 'result':
      return { type, id, payload: payloadOf(body, bytes === true) };
    case 'error':
      if (!isFailure(failure)) return null;
      return { type, id, failure, kind: textOf(kind), message: textOf(message) };
    default:
      return null;
  }
}

/** Null for what is none. */
export function decodeRpc(bytes: Uint8Array<ArrayBuffer>): RpcMessage | null {
  const end = bytes.subarray(0, RPC_HEAD_BYTES_MAX).indexOf(LINE_FEED);
  if (end < 0) return null;
  try {
    const head: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    return isFields(head) ? messageOf(head, bytes.subarray(end + 1)) : null;
  } catch {
    return null;
  }
}
