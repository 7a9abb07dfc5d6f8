// When a value that is used a lot is loaded again before its time is over: by chance, the more likely the nearer its
// end is and the longer loading takes (XFetch; Vattani, Chierichetti, Lowenstein 2015), so that of many readers,
// threads and nodes one begins early and no one ever waits.
// Called by: the tiered cache.

/** -ln of 2^-32, the least that a draw is: before that nobody has to draw. */
const DRAW_MAX = 23;

/** What loads faster than this part of its TTL is refreshed as if it took that long. */
const COST_SHARE_MIN = 1 / 200;

/** Above 1 refreshes earlier, below 1 later. */
const BETA = 1;

/** What loading counts as, in milliseconds. */
export function effectiveCost(costMs: number, ttlMs: number): number {
  return BETA * Math.max(costMs, ttlMs * COST_SHARE_MIN);
}

/** Before that time there is no need to ask `isEarly`. */
export function earlyFrom(freshUntil: number, effectiveCostMs: number): number {
  return freshUntil - DRAW_MAX * effectiveCostMs;
}

/** @param draw from 0 to 1, another one each time */
export function isEarly(
  now: number,
  freshUntil: number,
  effectiveCostMs: number,
  draw: number,
): boolean {
  return now - effectiveCostMs * Math.log(draw) >= freshUntil;
}
