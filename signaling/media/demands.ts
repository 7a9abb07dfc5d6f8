// Which encodings of each track anybody is to be shown, counted as wishes change, so that a publisher need not encode
// for nobody. What is wanted again is told at once, what nobody wants after a while. Called by: RoomMedia, its owner;
// Audience with what one participant is shown. Allocates: where something changes.

import type { Clock } from '../../shared/clock.ts';
import type { Track } from './track.ts';

/** Of a track: a bit for each encoding, the lowest first. */
export type EncodingBits = number;

export const ALL_ENCODINGS: EncodingBits = 0b111;
const ENCODINGS = [0, 1, 2] as const;

interface Demand {
  /** Slots that are to be able to show each. */
  readonly counts: [number, number, number];
  /** When the last one that wanted it went. */
  readonly idleAt: [number, number, number];
  /** What the publisher was told. */
  told: EncodingBits;
}

export class Demands {
  readonly #clock: Clock;
  readonly #restAfterMs: number;
  readonly #tell: (track: Track, wanted: EncodingBits) => void;
  readonly #demands = new Map<Track, Demand>();
  /** Of which more is sent than anybody wants. */
  readonly #idle = new Set<Track>();
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(
    clock: Clock,
    restAfterMs: number,
    tell: (track: Track, wanted: EncodingBits) => void,
  ) {
    this.#clock = clock;
    this.#restAfterMs = restAfterMs;
    this.#tell = tell;
  }

  /** It is sent anew, all of it. */
  begin(track: Track): void {
    if (track.kind !== 'video') return;
    const now = this.#clock.monotonic();
    const counts = this.#demands.get(track)?.counts ?? [0, 0, 0];
    this.#demands.set(track, { counts, idleAt: [now, now, now], told: ALL_ENCODINGS });
    this.#watch(track);
  }

  end(track: Track): void {
    this.#demands.delete(track);
    this.#idle.delete(track);
  }

  /** What one slot wants of it, and has wanted before. */
  change(track: Track, before: EncodingBits, after: EncodingBits): void {
    const demand = this.#demands.get(track);
    if (demand === undefined) return;
    for (const i of ENCODINGS) {
      const more = ((after >> i) & 1) - ((before >> i) & 1);
      demand.counts[i] += more;
      if (more < 0 && demand.counts[i] === 0) demand.idleAt[i] = this.#clock.monotonic();
    }
    const wanted = wantedOf(demand);
    if ((wanted & ~demand.told) !== 0) {
      demand.told |= wanted;
      this.#tell(track, demand.told);
    }
    this.#watch(track);
  }

  /** What the publisher of a track was told last. */
  told(track: Track): EncodingBits {
    return this.#demands.get(track)?.told ?? ALL_ENCODINGS;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#demands.clear();
    this.#idle.clear();
  }

  #watch(track: Track): void {
    const demand = this.#demands.get(track)!;
    if ((demand.told & ~wantedOf(demand)) === 0) this.#idle.delete(track);
    else {
      this.#idle.add(track);
      this.#wake(this.#restAfterMs);
    }
  }

  #wake(afterMs: number): void {
    this.#timer ??= setTimeout(() => this.#look(), afterMs).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const due = this.#clock.monotonic() - this.#restAfterMs;
    let next = Infinity;
    for (const track of this.#idle) {
      const demand = this.#demands.get(track)!;
      const { told } = demand;
      for (const i of ENCODINGS) {
        if ((demand.told & (1 << i)) === 0 || demand.counts[i] > 0) continue;
        if (demand.idleAt[i] <= due) demand.told &= ~(1 << i);
        else next = Math.min(next, demand.idleAt[i] - due);
      }
      if ((demand.told & ~wantedOf(demand)) === 0) this.#idle.delete(track);
      if (demand.told !== told) this.#tell(track, demand.told);
    }
    if (next < Infinity) this.#wake(Math.ceil(next));
  }
}

/** What one participant is shown, as `Demands` counts it. */
export class Audience {
  readonly #demands: Pick<Demands, 'change'>;
  #shown: ReadonlyMap<Track, EncodingBits> = new Map();

  constructor(demands: Pick<Demands, 'change'>) {
    this.#demands = demands;
  }

  /** From now on. A track is in one slot at most. */
  show(slots: readonly { readonly track: Track | null; readonly bits: EncodingBits }[]): void {
    const before = this.#shown;
    let same = 0;
    let others = 0;
    for (const { track, bits } of slots) {
      if (track?.kind !== 'video') continue;
      if (before.get(track) === bits) same++;
      else others++;
    }
    if (others === 0 && same === before.size) return;
    const shown = new Map<Track, EncodingBits>();
    for (const { track, bits } of slots) if (track?.kind === 'video') shown.set(track, bits);
    this.#shown = shown;
    for (const [track, bits] of shown) {
      const had = before.get(track) ?? 0;
      if (had !== bits) this.#demands.change(track, had, bits);
    }
    for (const [track, bits] of before) if (!shown.has(track)) this.#demands.change(track, bits, 0);
  }
}

function wantedOf({ counts }: Demand): EncodingBits {
  let bits = 0;
  for (const i of ENCODINGS) if (counts[i] > 0) bits |= 1 << i;
  return bits;
}
