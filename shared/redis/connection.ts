// A connection to Redis whose every wait is bounded: nothing is queued while it is away, commands and connecting have
// a time limit, and one that has gone silent is closed and made anew, with back-off.
// Called by: RedisLink, and the source of TURN users, which has a Redis of its own.

import { Redis } from 'ioredis';

const CONNECT_TIMEOUT_MS = 3000;
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 2000;

export interface ConnectionOptions {
  /** As `CLIENT LIST` shows it. */
  readonly name: string;
  readonly commandTimeoutMs: number;
}

/** Connects in the background, for as long as it takes. Who opens it listens to `error` and calls `disconnect`. */
export function openConnection(url: string, options: ConnectionOptions): Redis {
  const { name, commandTimeoutMs } = options;
  return new Redis(url, {
    // Nobody waits for a Redis that is away: the answer is that it cannot be asked.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // Its answer may have been lost, and what asked for it has been told so.
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMs,
    // A frozen peer takes bytes and never answers: without this its connection would be kept, and its queue grow.
    socketTimeout: 2 * commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: commandTimeoutMs,
    retryStrategy: (attempt) =>
      Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt - 1, 10)),
    connectionName: name,
  });
}

/** Whether Redis itself said no: then it is there and well. */
export function isRedisReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
