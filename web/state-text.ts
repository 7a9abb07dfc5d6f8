// What the page says about the state of the connection, in one place.

import { SternaClientError } from '../sdk/index.ts';
import type { ClientReason, Quality, StateDetail } from '../sdk/index.ts';

export interface BannerText {
  text: string;
  tone: 'warn' | 'good';
  /** It goes away by itself. */
  passing: boolean;
}

/** Null: no banner. */
export function bannerFor(detail: StateDetail): BannerText | null {
  if (detail.state === 'reconnecting') {
    const again = detail.attempt && detail.attempt > 1 ? ` (attempt ${detail.attempt})` : '';
    return {
      text: `The server cannot be reached; reconnecting${again}. The call itself goes on.`,
      tone: 'warn',
      passing: false,
    };
  }
  if (detail.state !== 'connected' || detail.how === 'joined') return null;
  return {
    text: detail.how === 'resumed' ? 'Back online: resumed.' : 'Back online: joined anew.',
    tone: 'good',
    passing: true,
  };
}

type QualityTexts = Partial<Record<Quality['reason'], string>>;

const WORSE: QualityTexts = { bandwidth: 'Slow connection', publisher: 'Slow on their side' };
const PAUSED: QualityTexts = {
  bandwidth: 'Paused: slow connection',
  publisher: 'Paused: nothing comes from them',
  hidden: 'Paused: out of sight',
  permission: 'Paused: not allowed',
};

/** Why a picture is not what it could be; empty where it is, is not wanted larger, or another sign says it. */
export function qualityText(quality: Quality | null): string {
  if (!quality) return '';
  return (quality.paused ? PAUSED : WORSE)[quality.reason] ?? '';
}

interface EndingText {
  title: string;
  text: string;
}

const ENDINGS: Partial<Record<ClientReason, EndingText>> = {
  DUPLICATE_IDENTITY: {
    title: 'You joined from elsewhere',
    text: 'The same identity joined again, so this page has left.',
  },
  KICKED: {
    title: 'You were put out of the meeting',
    text: 'Somebody who leads it has done that.',
  },
  ROOM_ENDED: { title: 'The meeting has ended', text: 'It was closed for everybody.' },
  UNREACHABLE: {
    title: 'The connection was lost',
    text: 'The server could not be reached again.',
  },
};

/** Heading and sentence of the page that follows the meeting; no error means that the user left. */
export function endingText(error: SternaClientError | null): EndingText {
  if (!error) return { title: 'You left the meeting', text: 'Your camera and microphone are off.' };
  return (
    ENDINGS[error.reason] ?? {
      title: 'The meeting is over for you',
      text: `${error.message} (${error.reason})`,
    }
  );
}

const JOIN_PROBLEMS: Partial<Record<ClientReason, string>> = {
  UNREACHABLE: 'The server cannot be reached. Check the connection and try again.',
  TOKEN_INVALID: 'The token is not accepted. Ask whoever invited you for a new one.',
  TOKEN_EXPIRED: 'The token has expired. Ask for a new one.',
  ROOM_FULL: 'The room is full. Try again when somebody has left.',
  RATE_LIMITED: 'Too many are joining at once. Wait a moment and try again.',
  DRAINING: 'The server is about to restart. Try again in a moment.',
  MEDIA_UNAVAILABLE: 'The server has no room for another participant. Try again in a moment.',
  UNSUPPORTED: 'This browser has no WebRTC, which meetings need.',
};

/** Why a join did not work. */
export function joinProblem(error: SternaClientError): string {
  return JOIN_PROBLEMS[error.reason] ?? `${error.message} (${error.reason})`;
}

const PROBLEMS: Partial<Record<ClientReason, string>> = {
  NOT_ALLOWED: 'Your token does not allow that. Ask whoever invited you.',
  NOT_FOUND: 'That is not there any more: they have left, or stopped it.',
  TOO_LARGE: 'That is too long. Send it in parts.',
  RATE_LIMITED: 'That was too fast. Wait a moment, then try again.',
  OVERLOADED: 'The connection does not carry so much. Wait until it is better, then try again.',
  NO_COMMON_CODEC: 'The server does not forward what this browser sends. Use another browser.',
  SESSION_GONE: 'The connection was made anew meanwhile. Try again.',
  UNREACHABLE: 'The server cannot be reached. Try again when it is back.',
  INTERNAL: 'The server has failed. Try again.',
};

/** Why something in the meeting did not work, and what to do. */
export function problemText(error: unknown): string {
  if (error instanceof SternaClientError) return PROBLEMS[error.reason] ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
