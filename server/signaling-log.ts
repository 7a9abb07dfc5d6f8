// Signaling logs through pino's own interface; this passes its lines on to the one log of the process.
// Called by: server.ts.

import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';
import type { Logger } from '../shared/log.ts';
import { LOG_LEVELS } from '../shared/log.ts';

/** A pino logger whose `{ event, ...facts }` records become lines of `log`. */
export function signalingLog(log: Logger): PinoLogger {
  return pino({
    level: 'trace',
    hooks: {
      logMethod: ([record]: unknown[], _method, number) => {
        const level = LOG_LEVELS.find((name) => pino.levels.values[name] === number) ?? 'info';
        if (typeof record !== 'object' || record === null || !('event' in record)) return;
        const { event, ...facts } = record;
        log[level](String(event), facts);
      },
    },
  });
}
