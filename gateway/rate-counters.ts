// How much each key has taken in a sliding window that never lets more through than its limit. A window is cut into
// parts, and a part counts until all of it is out of the window: so what is let through may be less by what one part
// holds (a sixteenth of an even flow), and is never more.
// Called by: rate limits. Allocates: nothing but for a key that is new. Bounded: the key that was used longest ago
// gives way. Time is monotonic milliseconds, handed in.

/** What `take` says, in an object that the caller keeps. */
export class Take {
  allowed = false;
  /** What may still be taken now. */
  remaining = 0;
  /** When not allowed: milliseconds until it would be. When allowed: until all of the limit is there again. */
  resetMs = 0;
}

export interface RateCounters {
  /** Takes all of `cost`, or nothing; 0 only looks whether one more would be allowed. A key has one window for good. */
  take(key: string, limit: number, windowMs: number, now: number, cost: number, out: Take): boolean;
}

const PARTS = 16;
/** The parts that lie in the window whole, and the one that it cuts. */
const RING = PARTS + 1;

interface Window {
  readonly counts: Uint32Array;
  /** Number of the newest part. */
  part: number;
  sum: number;
}

export class LocalRateCounters implements RateCounters {
  readonly #capacity: number;
  /** The one that was used longest ago first. */
  readonly #windows = new Map<string, Window>();
  /** The key that was used last has its place already. */
  #newest = '';

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#windows.size;
  }

  take(
    key: string,
    limit: number,
    windowMs: number,
    now: number,
    cost: number,
    out: Take,
  ): boolean {
    const partMs = windowMs / PARTS;
    const part = Math.floor(now / partMs);
    const window = this.#of(key, part);
    forget(window, part);
    const taken = window.sum;
    out.allowed = taken + Math.max(cost, 1) <= limit;
    if (!out.allowed) {
      out.remaining = Math.max(0, limit - taken);
      out.resetMs = waitMs(window, limit - Math.max(cost, 1), now, partMs);
      return false;
    }
    window.sum = taken + cost;
    window.counts[part % RING]! += cost;
    out.remaining = limit - window.sum;
    out.resetMs = windowMs;
    return true;
  }

  #of(key: string, part: number): Window {
    const known = this.#windows.get(key);
    if (known !== undefined) {
      if (this.#newest !== key) {
        this.#windows.delete(key);
        this.#windows.set(key, known);
        this.#newest = key;
      }
      return known;
    }
    if (this.#windows.size >= this.#capacity) {
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest);
        break;
      }
    }
    const made = { counts: new Uint32Array(RING), part, sum: 0 };
    this.#windows.set(key, made);
    this.#newest = key;
    return made;
  }
}

/** Drops what is out of the window by now. */
function forget(window: Window, part: number): void {
  const gone = part - window.part;
  if (gone <= 0) return;
  window.part = part;
  if (gone >= RING) {
    window.counts.fill(0);
    window.sum = 0;
    return;
  }
  for (let at = part - gone + 1; at <= part; at++) {
    window.sum -= window.counts[at % RING]!;
    window.counts[at % RING] = 0;
  }
}

/** Until no more than `most` is in the window: its parts leave it from the oldest on. */
function waitMs(window: Window, most: number, now: number, partMs: number): number {
  let left = window.sum;
  let part = window.part - PARTS;
  for (; part <= window.part && left > most; part++) left -= window.counts[(part + RING) % RING]!;
  return Math.max(1, Math.ceil((part + PARTS) * partMs - now));
}
