// Calls between participants: a method of somebody else is run there once, and its result comes back; over directed
// `data`, which the server delivers once within a session. `room.rpc`.

import { SternaClientError } from './errors.ts';
import {
  RPC_CALLS_MAX,
  RPC_METHOD_CHARS_MAX,
  RPC_RUNS_MAX,
  RPC_RUNS_PER_CALLER_MAX,
  RPC_TEXT_CHARS_MAX,
  RPC_TIMEOUT_MAX_MS,
  RPC_TIMEOUT_MS,
} from './limits.ts';
import type { Participant } from './participant.ts';
import { decodeRpc, encodeRpc } from './rpc-message.ts';
import type { RpcMessage, RpcPayload } from './rpc-message.ts';

/** What a handler throws is what its caller gets: `kind` is the application's word for what is wrong. */
export class RpcError extends SternaClientError {
  readonly kind: string;

  /** At most 256 characters of each reach the caller. */
  constructor(kind: string, message = kind) {
    super('RPC_FAILED', message);
    this.kind = kind;
  }
}

export interface RpcRequest {
  readonly caller: Participant;
  readonly method: string;
  readonly payload: RpcPayload | undefined;
  /** Aborts when nobody waits for the result any more. */
  readonly signal: AbortSignal;
}

export type RpcHandler = (
  request: RpcRequest,
) => RpcPayload | undefined | void | Promise<RpcPayload | undefined | void>;

export interface RpcOptions {
  /** How long to wait for the result, milliseconds; default 10 000, at most 300 000. */
  timeoutMs?: number;
  /** Ends the waiting; the handler may run on. */
  signal?: AbortSignal;
}

export interface RpcPort {
  /** Rejects with SternaClientError, TOO_LARGE among them. */
  send(payload: Uint8Array, to: string): Promise<void>;
  participants(): ReadonlyMap<string, Participant>;
}

interface Call {
  readonly to: string;
  readonly resolve: (payload: RpcPayload | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Run {
  readonly caller: string;
  readonly abort: AbortController;
}

const OTHERS_FAILURES = {
  OVERLOADED: 'The other one has too many calls to answer',
  TOO_LARGE: 'The result is too large',
};

type Failure = Omit<Extract<RpcMessage, { type: 'error' }>, 'type' | 'id'>;

export class Rpc {
  readonly #port: RpcPort;
  readonly #handlers = new Map<string, RpcHandler>();
  /** By id: waiting for their results. */
  readonly #calls = new Map<string, Call>();
  /** Handlers that are running for others. */
  readonly #runs = new Set<Run>();

  constructor(port: RpcPort) {
    this.#port = port;
  }

  /**
   * Answers calls of `method` by all who are in the room. Returns the function that ends it.
   * @throws TypeError where the method has a handler
   */
  register(method: string, handler: RpcHandler): () => void {
    if (this.#handlers.has(method)) throw new TypeError(`${method} is registered already`);
    this.#handlers.set(method, handler);
    return () => {
      if (this.#handlers.get(method) === handler) this.#handlers.delete(method);
    };
  }

  /**
   * Runs a method of another participant: itself, or its sid or identity. Resolves with what its handler returns;
   * rejects with the RpcError that it throws, and with SternaClientError else.
   */
  async call(
    to: Participant | string,
    method: string,
    payload?: RpcPayload,
    { timeoutMs = RPC_TIMEOUT_MS, signal }: RpcOptions = {},
  ): Promise<RpcPayload | undefined> {
    const sid = this.#sidOf(typeof to === 'string' ? to : to.sid);
    if (sid === undefined) throw new SternaClientError('NOT_FOUND', 'The participant is not here');
    if (method.length > RPC_METHOD_CHARS_MAX) throw new SternaClientError('TOO_LARGE');
    if (signal?.aborted) throw abortedBy(signal);
    if (this.#calls.size >= RPC_CALLS_MAX) throw new SternaClientError('OVERLOADED');
    const id = crypto.randomUUID?.() ?? `${performance.now()}-${Math.random()}`.replaceAll('.', '');
    const waitMs = Math.min(Math.max(1, timeoutMs), RPC_TIMEOUT_MAX_MS);
    const bytes = encodeRpc({ type: 'call', id, method, timeoutMs: waitMs, payload });
    return this.#wait(id, sid, bytes, { timeoutMs: waitMs, signal });
  }

  /** For room.ts: data of somebody who is in the room, to us alone. */
  receive(from: Participant, bytes: Uint8Array<ArrayBuffer>): void {
    const message = decodeRpc(bytes);
    if (message?.type === 'call') {
      this.#answer(from, message).catch(() => undefined);
      return;
    }
    const call = this.#calls.get(message?.id ?? '');
    // Others may guess an id.
    if (!message || call?.to !== from.sid) return;
    if (message.type === 'result') call.resolve(message.payload);
    else call.reject(errorOf(message));
  }

  /** For room.ts. */
  left(sid: string): void {
    for (const call of this.#calls.values()) {
      if (call.to === sid) call.reject(new SternaClientError('PARTICIPANT_LEFT'));
    }
    for (const { caller, abort } of this.#runs) if (caller === sid) abort.abort();
  }

  /** For room.ts: another session has begun, or it is over; nobody answers what this one has asked. */
  reset(error: SternaClientError): void {
    for (const call of this.#calls.values()) call.reject(error);
    for (const { abort } of this.#runs) abort.abort();
  }

  #sidOf(name: string): string | undefined {
    const participants = this.#port.participants();
    if (participants.has(name)) return name;
    for (const { sid, identity } of participants.values()) if (identity === name) return sid;
    return undefined;
  }

  #wait(
    id: string,
    to: string,
    bytes: Uint8Array,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<RpcPayload | undefined> {
    const abort = (): void => {
      if (signal) this.#calls.get(id)?.reject(abortedBy(signal));
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const result = new Promise<RpcPayload | undefined>((resolve, reject) => {
      this.#calls.set(id, { to, resolve, reject });
      timer = setTimeout(() => reject(new SternaClientError('RPC_TIMEOUT')), timeoutMs);
      signal?.addEventListener('abort', abort);
      // Its success says that the server has it, and nothing more.
      this.#port.send(bytes, to).catch(reject);
    });
    return result.finally(() => {
      this.#calls.delete(id);
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  }

  async #answer(caller: Participant, call: Extract<RpcMessage, { type: 'call' }>): Promise<void> {
    const { id, method } = call;
    const refuse = (failure: Failure): Promise<void> =>
      this.#port.send(encodeRpc({ type: 'error', id, ...failure }), caller.sid);
    const handler = this.#handlers.get(method);
    if (!handler) return refuse({ failure: 'UNKNOWN_METHOD', kind: '', message: '' });
    const ofCaller = [...this.#runs].filter((run) => run.caller === caller.sid).length;
    if (this.#runs.size >= RPC_RUNS_MAX || ofCaller >= RPC_RUNS_PER_CALLER_MAX) {
      return refuse({ failure: 'OVERLOADED', kind: '', message: '' });
    }
    let bytes: Uint8Array;
    try {
      const payload = await this.#run(caller, call, handler);
      bytes = encodeRpc({ type: 'result', id, payload: payload ?? undefined });
    } catch (error) {
      return refuse(failureOf(error));
    }
    try {
      return await this.#port.send(bytes, caller.sid);
    } catch (error) {
      const isTooLarge = error instanceof SternaClientError && error.reason === 'TOO_LARGE';
      if (!isTooLarge) throw error;
      return refuse({ failure: 'TOO_LARGE', kind: '', message: '' });
    }
  }

  /** Ends with the time of the caller: a handler that never ends takes no place from others. */
  async #run(
    caller: Participant,
    { method, payload, timeoutMs }: Extract<RpcMessage, { type: 'call' }>,
    handler: RpcHandler,
  ): Promise<RpcPayload | undefined | void> {
    const abort = new AbortController();
    const run: Run = { caller: caller.sid, abort };
    this.#runs.add(run);
    const { signal } = abort;
    const over = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new RpcError('ABORTED')));
    });
    const timer = setTimeout(() => abort.abort(), Math.min(timeoutMs, RPC_TIMEOUT_MAX_MS));
    try {
      return await Promise.race([handler({ caller, method, payload, signal }), over]);
    } finally {
      clearTimeout(timer);
      this.#runs.delete(run);
    }
  }
}

function abortedBy(signal: AbortSignal): SternaClientError {
  return new SternaClientError('ABORTED', undefined, { cause: signal.reason });
}

/** What is no RpcError is the application's mistake, whose words are not for others. */
function failureOf(error: unknown): Failure {
  const { kind, message } = error instanceof RpcError ? error : new RpcError('INTERNAL');
  return {
    failure: 'FAILED',
    kind: kind.slice(0, RPC_TEXT_CHARS_MAX),
    message: message.slice(0, RPC_TEXT_CHARS_MAX),
  };
}

function errorOf({ failure, kind, message }: Failure): SternaClientError {
  if (failure === 'FAILED') return new RpcError(kind, message);
  const summary = failure === 'UNKNOWN_METHOD' ? undefined : OTHERS_FAILURES[failure];
  return new SternaClientError(failure, summary);
}
