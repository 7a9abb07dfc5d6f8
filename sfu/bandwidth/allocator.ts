// Shares what a subscriber's network carries among the videos that it is shown: everybody's lowest encoding first,
// then more for whoever matters more. No clock and no streams of its own. Called by: VideoShares. Allocates: nothing
// but when made.

/** Encodings of a video, from the lowest on. */
export const LAYERS_MAX = 3;
/** Nothing is sent. */
export const PAUSED = -1;

/**
 * Why a video is not shown better: it is as good as it gets; the network does not carry more; nobody wants it larger;
 * the publisher sends nothing better.
 */
export type LayerReason = 'best' | 'bandwidth' | 'limit' | 'publisher';

/** To go up, so much more must be there than what it costs: rates of encodings swing. */
const UP_MARGIN = 1.15;
/** What was taken away comes back after this long at the earliest, milliseconds; twice as long each time in a row. */
const UP_AFTER_MS = 1000;
const UP_AFTER_MS_MAX = 8000;
/** A layer that was held for so long was worth going up for. */
const SETTLED_MS = 10_000;

/** One video that a subscriber is shown: what it could have, and what it gets. */
export class Claim {
  /** The greater one first. */
  priority = 0;
  /** How many encodings were negotiated. */
  layers = LAYERS_MAX;
  /** The highest layer that is wanted. */
  wanted = LAYERS_MAX - 1;
  /** That one it is, whatever the network carries. */
  fixed = false;
  /** A bit for each layer that the publisher leaves out because nobody wants it, or has yet to send again. */
  resting = 0;
  /** Bits a second of each layer; 0 for one that is not sent. */
  readonly bps = new Float64Array(LAYERS_MAX);
  /** What it gets. */
  layer = PAUSED;
  reason: LayerReason = 'publisher';
  /** What was told of it. */
  #toldLayer = Number.NaN;
  #toldReason: LayerReason = 'publisher';
  #upAt = Number.NEGATIVE_INFINITY;
  #fellAt = Number.NEGATIVE_INFINITY;
  #upAfterMs = UP_AFTER_MS;
  /** While a share is being made. */
  next = PAUSED;

  /** It is about another video from now on. */
  reset(): void {
    this.bps.fill(0);
    this.layer = PAUSED;
    this.reason = 'publisher';
    this.#toldLayer = Number.NaN;
    this.#upAt = Number.NEGATIVE_INFINITY;
    this.#fellAt = Number.NEGATIVE_INFINITY;
    this.#upAfterMs = UP_AFTER_MS;
  }

  /** Whether there is something to tell of it, which counts as told then. */
  get isNews(): boolean {
    if (this.layer === this.#toldLayer && this.reason === this.#toldReason) return false;
    this.#toldLayer = this.layer;
    this.#toldReason = this.reason;
    return true;
  }

  /** The next layer above that is sent and wanted, or PAUSED. */
  above(layer: number): number {
    for (let next = layer + 1; next <= this.wanted && next < LAYERS_MAX; next++) {
      if (this.bps[next]! > 0) return next;
    }
    return PAUSED;
  }

  /** What is sent at all; the lowest. Larger than wanted where there is nothing smaller. */
  lowest(): number {
    for (let layer = 0; layer < LAYERS_MAX; layer++) if (this.bps[layer]! > 0) return layer;
    return PAUSED;
  }

  cost(layer: number): number {
    return layer < 0 ? 0 : this.bps[layer]!;
  }

  /** Whether it may go up to that layer now, as far as it has been there before. */
  mayRise(layer: number, now: number): boolean {
    return layer <= this.layer || now - this.#fellAt >= this.#upAfterMs;
  }

  /** Takes what was shared out; whether that is another layer. */
  settle(now: number): boolean {
    const before = this.layer;
    this.layer = this.next;
    this.reason = this.#why();
    if (this.layer === before) return false;
    if (this.layer < before && this.reason === 'bandwidth') {
      const held = now - this.#upAt;
      this.#upAfterMs =
        held >= SETTLED_MS ? UP_AFTER_MS : Math.min(UP_AFTER_MS_MAX, this.#upAfterMs * 2);
      this.#fellAt = now;
    } else if (this.layer > before) this.#upAt = now;
    return true;
  }

  #why(): LayerReason {
    if (this.above(this.layer) !== PAUSED) return 'bandwidth';
    for (let layer = this.layer + 1; layer < LAYERS_MAX; layer++) {
      if (this.bps[layer]! > 0 || (this.resting & (1 << layer)) !== 0) return 'limit';
    }
    return this.layer === this.layers - 1 || (this.layer >= 0 && this.layer >= this.wanted)
      ? 'best'
      : 'publisher';
  }
}

/**
 * Shares out so many bits a second; returns how much would be sent if there were no limit. Whoever has the highest
 * priority is sent something whatever there is: an estimate is an estimate, and a black picture is none.
 * @param claims the highest priority first
 */
export function shareOut(claims: readonly Claim[], budgetBps: number, now: number): number {
  let left = budgetBps;
  let wantedBps = 0;
  for (let i = 0; i < claims.length; i++) {
    const claim = claims[i]!;
    const best = bestOf(claim);
    wantedBps += claim.cost(best);
    const lowest = claim.fixed ? best : claim.lowest();
    const cost = claim.cost(lowest);
    // Who is paused comes back only when there is room to stay.
    const needed = claim.layer === PAUSED && i > 0 ? cost * UP_MARGIN : cost;
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
  return wantedBps;
}

/** Those of one priority, a layer each in turn, until no step fits. */
function raise(
  claims: readonly Claim[],
  from: number,
  end: number,
  budgetBps: number,
  now: number,
): number {
  let left = budgetBps;
  for (let step = 1; step < LAYERS_MAX; step++) {
    for (let i = from; i < end; i++) {
      const claim = claims[i]!;
      if (claim.next === PAUSED) continue;
      const above = claim.above(claim.next);
      if (above === PAUSED || !claim.mayRise(above, now)) continue;
      const more = claim.cost(above) - claim.cost(claim.next);
      const needed = above > claim.layer ? more + claim.cost(above) * (UP_MARGIN - 1) : more;
      if (needed > left) continue;
      claim.next = above;
      left -= more;
    }
  }
  return left;
}

function bestOf(claim: Claim): number {
  for (let layer = Math.min(claim.wanted, LAYERS_MAX - 1); layer >= 0; layer--) {
    if (claim.bps[layer]! > 0) return layer;
  }
  return claim.lowest();
}
