// The one table of error and close codes; `error`, `bye`, WebSocket closes and HTTP statuses come from it.
// Imported by the browser SDK at run time, so it depends on nothing.

/** When to try again: at once, after a pause (`retryAfterMs` if given), or not before something changes. */
export type Retry = 'now' | 'later' | 'never';

/** What a client does after `bye` or a close: resume the session, join anew with a token, or give up. */
export type CloseAction = 'resume' | 'rejoin' | 'stop';

interface CodeRow {
  /** WebSocket close code and `error.code`. */
  readonly code: number;
  readonly http: number;
  readonly retry: Retry;
  readonly action: CloseAction;
  readonly summary: string;
}

const row = (
  code: number,
  http: number,
  retry: Retry,
  action: CloseAction,
  summary: string,
): CodeRow => ({ code, http, retry, action, summary });

/** Every reason Sterna gives, by its stable name. RFC 6455 s7.4.2 leaves 4xxx to applications. */
export const CODES = {
  BAD_MESSAGE: row(
    4400,
    400,
    'never',
    'rejoin',
    'The message is not JSON, breaks its schema or came out of order',
  ),
  TOKEN_INVALID: row(
    4401,
    401,
    'never',
    'stop',
    'The token is missing, malformed, revoked or signed by an unknown key',
  ),
  TOKEN_EXPIRED: row(4402, 401, 'never', 'rejoin', 'The token is past its exp'),
  NOT_ALLOWED: row(4403, 403, 'never', 'stop', 'The token does not grant this'),
  NOT_FOUND: row(4404, 404, 'never', 'stop', 'There is no such room or participant'),
  AUTH_TIMEOUT: row(4408, 408, 'now', 'rejoin', 'No join message arrived in time'),
  DUPLICATE_IDENTITY: row(4409, 409, 'never', 'stop', 'The same identity joined from elsewhere'),
  ROOM_ENDED: row(4410, 410, 'never', 'stop', 'The room has ended'),
  TOO_LARGE: row(
    4413,
    413,
    'never',
    'rejoin',
    'The message, metadata or payload is over its limit',
  ),
  UPGRADE_PROTOCOL: row(4426, 426, 'never', 'stop', 'No common protocol version'),
  RATE_LIMITED: row(4429, 429, 'later', 'resume', 'Too many messages or connections'),
  ROOM_FULL: row(4430, 409, 'later', 'stop', 'The room is at its capacity'),
  KICKED: row(4440, 403, 'never', 'stop', 'A participant with roomAdmin has put this one out'),
  SESSION_GONE: row(4450, 410, 'now', 'rejoin', 'The session to resume is unknown or over'),
  SLOW_CONSUMER: row(4451, 503, 'now', 'resume', 'The client does not read fast enough'),
  PING_TIMEOUT: row(4452, 408, 'now', 'resume', 'Nothing was heard from the client for too long'),
  ROUTE_LOST: row(
    4453,
    503,
    'later',
    'resume',
    'The way to the node that has the room is lost; the session waits',
  ),
  ROOM_MOVED: row(4454, 503, 'now', 'rejoin', 'The room goes on at another node'),
  BAD_SDP: row(
    4488,
    400,
    'never',
    'rejoin',
    'The offer cannot be read, or does not go with the one before',
  ),
  NO_COMMON_CODEC: row(4489, 422, 'never', 'stop', 'The offer has no codec that is forwarded here'),
  INTERNAL: row(4500, 500, 'later', 'resume', 'The server failed; the log has the cause'),
  DRAINING: row(4503, 503, 'later', 'rejoin', 'The server is shutting down'),
  MEDIA_UNAVAILABLE: row(
    4504,
    503,
    'later',
    'rejoin',
    'No media worker can take this participant right now',
  ),
} as const satisfies Record<string, CodeRow>;

export type Reason = keyof typeof CODES;

/** The WebSocket subprotocol, which is the protocol version. */
export const SUBPROTOCOL = 'sterna.v1';

/** The path of the signaling WebSocket. */
export const SIGNAL_PATH = '/v1/signal';
