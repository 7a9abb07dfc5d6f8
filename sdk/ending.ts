// Why a signaling socket ended and what follows: resume, join anew, or stop. Pure; signal-connection.ts
// obeys.

import { CODES } from '../signaling/codes.ts';
import type { CloseAction, Reason } from '../signaling/codes.ts';
import type { ByeMessage, ErrorMessage } from '../signaling/protocol.ts';
import { SternaClientError, isReason, reasonOfCloseCode } from './errors.ts';
import { BYE_WAIT_MAX_MS, FIRST_JOIN_ATTEMPTS } from './limits.ts';

export interface Ending {
  readonly reason: Reason | 'UNREACHABLE';
  readonly action: CloseAction;
  readonly message?: string;
  /** The server asked for at least this pause, milliseconds. */
  readonly afterMs?: number;
}

/** The network took the socket; the session may well be alive. */
export const LOST: Ending = { reason: 'UNREACHABLE', action: 'resume' };

export function endingOfClose(code: number, text: string): Ending {
  const reason = reasonOfCloseCode(code);
  if (!reason) return LOST;
  return { reason, action: CODES[reason].action, ...(text ? { message: text } : {}) };
}

/** Of a `bye`, or of the `error` that answers `join`. */
export function endingOfRefusal(refusal: ByeMessage | ErrorMessage): Ending {
  const reason = isReason(refusal.reason) ? refusal.reason : 'INTERNAL';
  const afterMs = refusal.type === 'bye' ? refusal.afterMs : refusal.retryAfterMs;
  const action = refusal.type === 'bye' ? refusal.action : CODES[reason].action;
  return {
    reason,
    action: action === 'resume' || action === 'rejoin' ? action : 'stop',
    message: refusal.message,
    ...(typeof afterMs === 'number' && afterMs > 0
      ? { afterMs: Math.min(afterMs, BYE_WAIT_MAX_MS) }
      : {}),
  };
}

export interface EndingSituation {
  readonly everJoined: boolean;
  /** Attempts made since the connection was last good. */
  readonly attempts: number;
  readonly lostForMs: number;
  readonly reconnectForMs: number;
  /** A token asked for again may be a newer one. */
  readonly tokenRenews: boolean;
}

/** The error to give up with, or null to try again. */
export function finalError(ending: Ending, at: EndingSituation): SternaClientError | null {
  const tokenSpent = ending.reason === 'TOKEN_EXPIRED' && !at.tokenRenews;
  const tooLate = at.everJoined
    ? at.lostForMs > at.reconnectForMs
    : at.attempts >= FIRST_JOIN_ATTEMPTS;
  if (ending.action !== 'stop' && !tokenSpent && !tooLate) return null;
  return new SternaClientError(
    ending.reason,
    ending.message,
    ending.afterMs === undefined ? {} : { retryAfterMs: ending.afterMs },
  );
}
