// Who has raised a hand, and in which order: an attribute says since when. Who was up before we came is ordered by what
// he says himself, all others by when we heard of it, which nobody can make earlier. Pure.

/** Milliseconds since the epoch by the clock of whoever raises it; absent when it is down. */
export const HAND_ATTRIBUTE = 'hand';

interface WithHand {
  readonly sid: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export const isRaised = ({ attributes }: WithHand): boolean =>
  (attributes[HAND_ATTRIBUTE] ?? '') !== '';

/** What is not a time comes last. */
function claimed({ attributes }: WithHand): number {
  const at = Number(attributes[HAND_ATTRIBUTE]);
  return Number.isFinite(at) ? at : Infinity;
}

/** Infinity minus itself is not a number. */
function compare<V extends number | string>(a: V, b: V): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export class Hands<T extends WithHand> {
  #raised: T[] = [];

  /** Everybody who is here; returns whose hands went up since the last look. */
  look(everybody: Iterable<T>): T[] {
    const up = new Map<string, T>();
    for (const one of everybody) if (isRaised(one)) up.set(one.sid, one);
    const known = new Set(this.#raised.map(({ sid }) => sid));
    const fresh = [...up.values()].filter(({ sid }) => !known.has(sid));
    fresh.sort((a, b) => compare(claimed(a), claimed(b)) || compare(a.sid, b.sid));
    this.#raised = [...this.#raised.flatMap(({ sid }) => up.get(sid) ?? []), ...fresh];
    return fresh;
  }

  get count(): number {
    return this.#raised.length;
  }

  /** From 1 for the first; 0 while it is down. */
  placeOf(sid: string): number {
    return this.#raised.findIndex((one) => one.sid === sid) + 1;
  }
}
