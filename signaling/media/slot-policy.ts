// Which track each receive slot of a participant is pointed at, with the least change; and how many slots there
// should be. Called by: ParticipantMedia. Pure; costs the number of slots, not that of the room's tracks,
// unless slots stay empty. Allocates: the changes and a few lists as long as the slots.

import type { Ranking } from './ranking.ts';
import type { Track } from './track.ts';

export interface Slot {
  readonly mid: string;
  readonly kind: 'audio' | 'video';
  /** `OfferedCodec.format` of what it can show. */
  readonly formats: ReadonlySet<string>;
  readonly track: Track | null;
}

/** Who looks, and what for. */
export interface Viewer {
  /** Its own tracks it is never shown. */
  readonly sid: string;
  /** Before all others, the first one first. */
  readonly pinned: ReadonlySet<Track>;
  /** Never. */
  readonly off: ReadonlySet<Track>;
  /** The identity of the one whose tracks are shown; null for those of all. */
  readonly only: string | null;
}

/**
 * What to point elsewhere; slots that are not named stay as they are. `slots` and `ranking` are of one kind.
 *
 * A track keeps its slot unless one of a better tier needs it. Pinned tracks come first, then those of the tiers
 * of the ranking; within a tier what is shown already before what is not. A track that no free slot can show is
 * passed over.
 */
export function pointSlots<S extends Slot>(
  slots: readonly S[],
  ranking: Ranking,
  viewer: Viewer,
): Map<S, Track | null> {
  const choice = new Choice(slots, ranking, viewer);
  for (const track of viewer.pinned) choice.give(track);
  let start = 0;
  for (const end of ranking.tiers) {
    if (choice.done) break;
    for (const track of choice.shown(start, end)) choice.give(track);
    for (let i = start; i < end && !choice.done; i++) choice.give(ranking.order[i]!);
    start = end;
  }
  return choice.changes();
}

/** How many slots of a kind there should be for so many tracks: in steps, so that a growing room costs few offers. */
export function neededSlots(tracks: number, most: number): number {
  if (tracks <= 0) return 0;
  let step = 2;
  while (step < tracks && step < most) step *= 2;
  return Math.min(step, most);
}

class Choice<S extends Slot> {
  readonly #slots: readonly S[];
  readonly #ranking: Ranking;
  readonly #viewer: Viewer;
  /** The standing of what is pinned: below that of all others, and the earlier pin below the later one. */
  readonly #pins: ReadonlyMap<Track, number>;
  readonly #free: Set<S>;
  readonly #given = new Map<S, Track>();
  /** The slot that shows a track now. */
  readonly #shows = new Map<Track, S>();
  readonly #done = new Set<Track>();
  /** Formats that no free slot can show; there will be none later either. */
  readonly #hopeless = new Set<string>();

  constructor(slots: readonly S[], ranking: Ranking, viewer: Viewer) {
    this.#slots = slots;
    this.#ranking = ranking;
    this.#viewer = viewer;
    const { pinned } = viewer;
    this.#pins = new Map(Array.from(pinned, (track, i) => [track, i - pinned.size]));
    this.#free = new Set(slots);
    for (const slot of slots) {
      if (slot.track !== null && this.#eligible(slot.track)) this.#shows.set(slot.track, slot);
    }
  }

  get done(): boolean {
    return this.#free.size === 0;
  }

  /** Those of a tier that are shown now, the best first. */
  shown(start: number, end: number): Track[] {
    const tracks = [...this.#shows.keys()].filter((track) => {
      const place = this.#ranking.places.get(track)!;
      return place >= start && place < end;
    });
    return tracks.toSorted((a, b) => this.#standing(a) - this.#standing(b));
  }

  give(track: Track): void {
    if (this.#done.has(track) || !this.#eligible(track)) return;
    const slot = this.#slotFor(track);
    if (slot === undefined) return;
    this.#done.add(track);
    this.#free.delete(slot);
    this.#given.set(slot, track);
  }

  changes(): Map<S, Track | null> {
    const changes = new Map<S, Track | null>();
    for (const slot of this.#slots) {
      const track = this.#given.get(slot) ?? null;
      if (track !== slot.track) changes.set(slot, track);
    }
    return changes;
  }

  #eligible(track: Track): boolean {
    const { sid, off, only } = this.#viewer;
    const { publisher } = track;
    if (publisher.sid === sid || (only !== null && publisher.identity !== only)) return false;
    return !off.has(track) && this.#ranking.places.has(track);
  }

  #slotFor(track: Track): S | undefined {
    const own = this.#shows.get(track);
    if (own !== undefined && this.#free.has(own) && own.formats.has(track.format)) return own;
    if (this.#hopeless.has(track.format)) return undefined;
    let found: S | undefined = undefined;
    let worst = -Infinity;
    for (const slot of this.#free) {
      if (!slot.formats.has(track.format)) continue;
      const standing = this.#standingOfSlot(slot);
      if (standing <= worst) continue;
      found = slot;
      worst = standing;
    }
    if (found === undefined) this.#hopeless.add(track.format);
    return found;
  }

  /** The worse what it shows, the sooner it is taken; one that shows nothing at once. */
  #standingOfSlot(slot: S): number {
    const { track } = slot;
    const occupied = track !== null && this.#shows.get(track) === slot && !this.#done.has(track);
    return occupied ? this.#standing(track) : Infinity;
  }

  #standing(track: Track): number {
    return this.#pins.get(track) ?? this.#ranking.places.get(track)!;
  }
}
