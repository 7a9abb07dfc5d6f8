// Pauses before reconnecting: 0, 300, 1200, 2700 ms ... (300 n^2), capped, with jitter from the second
// attempt on so that the clients of a restarted server do not come back in one wave. Used by
// signal-connection.ts.

import { BACKOFF_MAX_MS } from './limits.ts';

const STEP_MS = 300;
const JITTER = 0.25;

/** Milliseconds before attempt `attempt` (0 = the first); `random` gives [0, 1). */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const base = Math.min(STEP_MS * attempt * attempt, BACKOFF_MAX_MS);
  return Math.round(base * (1 + JITTER * random()));
}
