// Shares what a subscriber's network carries among the videos that it is shown: everybody's lowest operating point
// first, then more for whoever matters more. No clock and no streams of its own. Called by: VideoShares. Allocates:
// nothing but when made.

import {
  operatingPoint,
  POINTS,
  SPATIAL_LAYERS_MAX,
  spatialOf,
  TEMPORAL_LAYERS_MAX,
  temporalOf,
} from '../rtp/packet-layers.ts';

/** Sizes of a video, from the lowest on: encodings, or spatial layers of one. */
export const LAYERS_MAX = SPATIAL_LAYERS_MAX;
/** Nothing is sent. */
export const PAUSED = -1;

/**
 * Why a video is not shown better: it is as good as it gets; the network does not carry more; nobody wants it larger;
 * the publisher sends nothing better.
 */
export type LayerReason = 'best' | 'bandwidth' | 'limit' | 'publisher';

/** To go up, so much more must be there than what it costs: rates of encodings swing. */
const UP_MARGIN = 1.15;
/** And so much for a while after a fall: the key frame of a larger picture fills a narrow network for long. */
const UP_MARGIN_FALLEN = 1.5;
/** What was taken away comes back after this long at the earliest, milliseconds; twice as long each time in a row. */
const UP_AFTER_MS = 1000;
const UP_AFTER_MS_MAX = 8000;
/** What was held for so long was worth going up for. */
const SETTLED_MS = 10_000;
/** For a while after a fall, a larger picture is no reason for a pause: its key frame is through in this time. */
const KEY_FRAME_MS_MAX = 300;

/** One video that a subscriber is shown: what it could have, and what it gets. */
export class Claim {
  /** The greater one first. */
  priority = 0;
  /** How many sizes there should be. */
  sizes = LAYERS_MAX;
  /** The largest size that is wanted. */
  wanted = LAYERS_MAX - 1;
  /** That one it is, whatever the network carries. */
  fixed = false;
  /** A bit for each size that the publisher leaves out because nobody wants it, or has yet to send again. */
  resting = 0;
  /** Bits a second of each operating point, the smallest size with the fewest frames first; 0 for what is not sent. */
  readonly bps = new Float64Array(POINTS);
  /** Bits of the last key frame of each size; 0 while that is not known. */
  readonly keyBits = new Float64Array(LAYERS_MAX);
  /** The operating point that it gets. */
  point = PAUSED;
  reason: LayerReason = 'publisher';
  /** What was told of it. */
  #toldPoint = Number.NaN;
  #toldReason: LayerReason = 'publisher';
  #upAt = Number.NEGATIVE_INFINITY;
  #fellAt = Number.NEGATIVE_INFINITY;
  #upAfterMs = UP_AFTER_MS;
  /** While a share is being made. */
  next = PAUSED;

  /** It is about another video from now on. */
  reset(): void {
    this.bps.fill(0);
    this.point = PAUSED;
    this.reason = 'publisher';
    this.#toldPoint = Number.NaN;
    this.#upAt = Number.NEGATIVE_INFINITY;
    this.#fellAt = Number.NEGATIVE_INFINITY;
    this.#upAfterMs = UP_AFTER_MS;
  }

  /** The size that it gets, or PAUSED. */
  get layer(): number {
    return this.point === PAUSED ? PAUSED : spatialOf(this.point);
  }

  /** Its temporal layer, of those that there are; PAUSED for none. */
  get temporal(): number {
    return this.point === PAUSED ? PAUSED : temporalOf(this.point);
  }

  /** Up to which temporal layer it may be sent what comes: any where none is known above the one that it gets. */
  get temporalMax(): number {
    if (this.point === PAUSED) return 0;
    const top = operatingPoint(spatialOf(this.point), TEMPORAL_LAYERS_MAX - 1);
    for (let next = this.point + 1; next <= top; next++) {
      if (this.bps[next]! > 0) return temporalOf(this.point);
    }
    return TEMPORAL_LAYERS_MAX - 1;
  }

  /** Whether there is something to tell of it, which counts as told then. */
  get isNews(): boolean {
    if (this.point === this.#toldPoint && this.reason === this.#toldReason) return false;
    this.#toldPoint = this.point;
    this.#toldReason = this.reason;
    return true;
  }

  /**
   * The next operating point above that is sent and wanted, or PAUSED. A larger picture with the fewest frames that
   * there are is none: that is what is left of it until a smaller one can be shown.
   */
  above(point: number): number {
    for (let next = point + 1; next < POINTS && spatialOf(next) <= this.wanted; next++) {
      if (this.bps[next]! > 0 && (point === PAUSED || !this.#isStutter(next))) return next;
    }
    return PAUSED;
  }

  /** What is sent at all; the lowest. Larger than wanted where there is nothing smaller. */
  lowest(): number {
    for (let point = 0; point < POINTS; point++) if (this.bps[point]! > 0) return point;
    return PAUSED;
  }

  cost(point: number): number {
    return point < 0 ? 0 : this.bps[point]!;
  }

  /** The most frames of the lowest size. */
  lowestSize(): number {
    let point = this.lowest();
    for (let next = point + 1; next < POINTS && spatialOf(next) === spatialOf(point); next++) {
      if (this.bps[next]! > 0) point = next;
    }
    return point;
  }

  /** Whether it may go up to that point now, as far as it has been there before. */
  mayRise(point: number, now: number): boolean {
    return point <= this.point || now - this.#fellAt >= this.#upAfterMs;
  }

  /** Whether nothing stands still for long while it goes up to that point, at so many bits a second. */
  opensFast(point: number, bps: number, now: number): boolean {
    const isLarger = this.point !== PAUSED && spatialOf(point) > spatialOf(this.point);
    if (!isLarger || now - this.#fellAt >= SETTLED_MS) return true;
    return this.keyBits[spatialOf(point)]! * 1000 <= bps * KEY_FRAME_MS_MAX;
  }

  /** To go up, so much of what the point costs must be there besides. */
  margin(now: number): number {
    return (now - this.#fellAt < SETTLED_MS ? UP_MARGIN_FALLEN : UP_MARGIN) - 1;
  }

  /** Takes what was shared out; whether that is something else. */
  settle(now: number): boolean {
    const before = this.point;
    this.point = this.next;
    this.reason = this.#why();
    if (this.point === before) return false;
    if (this.point < before && this.reason === 'bandwidth') {
      const held = now - this.#upAt;
      this.#upAfterMs =
        held >= SETTLED_MS ? UP_AFTER_MS : Math.min(UP_AFTER_MS_MAX, this.#upAfterMs * 2);
      this.#fellAt = now;
    } else if (this.point > before) this.#upAt = now;
    return true;
  }

  #why(): LayerReason {
    if (this.above(this.point) !== PAUSED) return 'bandwidth';
    const { layer } = this;
    // Behind the last frames of what it gets.
    for (let next = (layer + 1) * TEMPORAL_LAYERS_MAX; next < POINTS; next++) {
      if (this.bps[next]! > 0 || (this.resting & (1 << spatialOf(next))) !== 0) return 'limit';
    }
    return layer === this.sizes - 1 || (layer >= 0 && layer >= this.wanted) ? 'best' : 'publisher';
  }

  /** Whether it is the fewest frames of a size that has more, and there are smaller ones. */
  #isStutter(point: number): boolean {
    if (temporalOf(point) > 0 || point === this.lowest()) return false;
    for (let next = point + 1; next < point + TEMPORAL_LAYERS_MAX; next++) {
      if (this.bps[next]! > 0) return true;
    }
    return false;
  }
}

/**
 * Shares out so many bits a second; returns how much would be sent if there were no limit. Whoever has the highest
 * priority is sent something whatever there is: an estimate is an estimate, and a black picture is none.
 * @param claims the highest priority first
 * @param isFull the queue on the way is full: who has to become smaller is the smallest first, whose key frame is
 *   through in no time, where that of a size between stands in the queue for as long as it takes to notice a pause
 */
export function shareOut(
  claims: readonly Claim[],
  budgetBps: number,
  isFull: boolean,
  now: number,
): number {
  let left = budgetBps;
  let wantedBps = 0;
  for (let i = 0; i < claims.length; i++) {
    const claim = claims[i]!;
    const best = bestOf(claim);
    wantedBps += claim.cost(best);
    const lowest = claim.fixed ? best : claim.lowest();
    const cost = claim.cost(lowest);
    // Who is paused comes back only when there is room to stay.
    const needed = claim.point === PAUSED && i > 0 ? cost * UP_MARGIN : cost;
    const fits = claim.fixed || (needed <= left && claim.mayRise(lowest, now));
    claim.next = fits || i === 0 ? lowest : PAUSED;
    if (claim.next !== PAUSED) left -= cost;
  }
  for (let from = 0; from < claims.length;) {
    let end = from + 1;
    while (end < claims.length && claims[end]!.priority === claims[from]!.priority) end++;
    left = raise(claims, from, end, left, now);
    from = end;
  }
  if (isFull) fallFar(claims);
  return wantedBps;
}

/** Who becomes smaller becomes the smallest. */
function fallFar(claims: readonly Claim[]): void {
  for (let i = 0; i < claims.length; i++) {
    const claim = claims[i]!;
    const isSmaller = claim.next !== PAUSED && spatialOf(claim.next) < claim.layer;
    if (isSmaller && !claim.fixed) claim.next = Math.min(claim.next, claim.lowestSize());
  }
}

/** Those of one priority, a step each in turn, until none fits. */
function raise(
  claims: readonly Claim[],
  from: number,
  end: number,
  budgetBps: number,
  now: number,
): number {
  let left = budgetBps;
  for (let step = 1; step < POINTS; step++) {
    for (let i = from; i < end; i++) {
      const claim = claims[i]!;
      if (claim.next === PAUSED) continue;
      const above = claim.above(claim.next);
      if (above === PAUSED || !claim.mayRise(above, now)) continue;
      const more = claim.cost(above) - claim.cost(claim.next);
      const needed = above > claim.point ? more + claim.cost(above) * claim.margin(now) : more;
      if (needed > left || !claim.opensFast(above, left + claim.cost(claim.next), now)) continue;
      claim.next = above;
      left -= more;
    }
  }
  return left;
}

function bestOf(claim: Claim): number {
  const best = operatingPoint(claim.wanted, TEMPORAL_LAYERS_MAX - 1);
  for (let point = best; point >= 0; point--) if (claim.bps[point]! > 0) return point;
  return claim.lowest();
}
