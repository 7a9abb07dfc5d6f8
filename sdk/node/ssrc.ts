// Synchronization sources, chosen at random (RFC 3550 s8). Called by: the tracks, reports.ts.

import { randomInt } from 'node:crypto';

/** Never 0, which feedback uses for none. */
export function randomSsrc(): number {
  return randomInt(1, 2 ** 32);
}
