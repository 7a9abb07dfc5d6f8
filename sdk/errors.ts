// The one error class of the SDK. `reason` is a server's reason (signaling/codes.ts) or one of the few that
// only a browser can find out; those carry the code 0, which no server sends.

import { CODES } from '../signaling/codes.ts';
import type { Reason, Retry } from '../signaling/codes.ts';

export const LOCAL_REASONS = {
  UNREACHABLE: { retry: 'later', summary: 'The server could not be reached' },
  TOKEN_UNAVAILABLE: { retry: 'later', summary: 'The token provider gave no token' },
  ABORTED: { retry: 'never', summary: 'The caller aborted' },
  CLOSED: { retry: 'never', summary: 'The room has been left' },
  OVERLOADED: { retry: 'later', summary: 'Too many requests are waiting for the server' },
  PARTICIPANT_LEFT: { retry: 'never', summary: 'The other participant has left' },
  UNKNOWN_METHOD: { retry: 'never', summary: 'The other participant has no such method' },
  RPC_TIMEOUT: { retry: 'later', summary: 'The other participant did not answer in time' },
  RPC_FAILED: { retry: 'never', summary: 'The method has failed' },
  MEDIA_UNREACHABLE: { retry: 'later', summary: 'Media is not connected yet' },
  IDENTITY_CHANGED: {
    retry: 'never',
    summary: 'A participant has another key than the one known by its name, and is refused',
  },
  UNSUPPORTED: { retry: 'never', summary: 'This browser lacks what a meeting needs' },
} as const satisfies Record<string, { retry: Retry; summary: string }>;

export type LocalReason = keyof typeof LOCAL_REASONS;
export type ClientReason = Reason | LocalReason;

function isLocal(reason: string): reason is LocalReason {
  return Object.hasOwn(LOCAL_REASONS, reason);
}

/** True for what the server can say in `error`, `bye` and a WebSocket close. */
export function isReason(reason: string): reason is Reason {
  return Object.hasOwn(CODES, reason);
}

/** What `error` and `bye` messages and WebSocket closes have in common. */
export interface Refusal {
  readonly reason: string;
  readonly message?: string;
  readonly retry?: Retry;
  readonly retryAfterMs?: number | undefined;
}

/** Every failure of the SDK: stable `reason`, its numeric `code`, and whether trying again makes sense. */
export class SternaClientError extends Error {
  override readonly name = 'SternaClientError';
  /** 4xxx from signaling/codes.ts, or 0 for a reason found in the browser. */
  readonly code: number;
  readonly reason: ClientReason;
  readonly retry: Retry;
  /** Milliseconds to wait before trying again, when the server said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: ClientReason,
    message?: string,
    options: ErrorOptions & Pick<Refusal, 'retry' | 'retryAfterMs'> = {},
  ) {
    const row = isLocal(reason) ? { code: 0, ...LOCAL_REASONS[reason] } : CODES[reason];
    super(message ?? row.summary, options);
    this.code = row.code;
    this.reason = reason;
    this.retry = options.retry ?? row.retry;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** From an `error` or `bye` message; a reason that this SDK does not know yet counts as INTERNAL. */
  static fromRefusal(refusal: Refusal): SternaClientError {
    const reason = isReason(refusal.reason) ? refusal.reason : 'INTERNAL';
    return new SternaClientError(reason, refusal.message, {
      ...(refusal.retry ? { retry: refusal.retry } : {}),
      retryAfterMs: refusal.retryAfterMs,
    });
  }
}

/** The session is over, or another one has begun: nothing of this one is worth a word. */
export function isOver(error: unknown): boolean {
  return (
    error instanceof SternaClientError &&
    (error.reason === 'SESSION_GONE' || error.reason === 'CLOSED')
  );
}

/** The reason that a WebSocket close code stands for, or null for RFC 6455's own codes and unknown ones. */
export function reasonOfCloseCode(code: number): Reason | null {
  return (
    Object.keys(CODES)
      .filter(isReason)
      .find((reason) => CODES[reason].code === code) ?? null
  );
}
