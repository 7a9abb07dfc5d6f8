// Which receive slot is pointed at which track, and what of that can be shown: `bind` may overtake the
// `people` that names its track. Says what changed, and nothing twice. Pure; owned by sfu-media.ts.

import type { Binding, TrackInfo } from '../signaling/protocol.ts';

/** A slot that carries a track of somebody who is known. */
export interface Filled {
  readonly mid: string;
  /** Sid of the participant. */
  readonly participant: string;
  readonly info: TrackInfo;
}

export interface SlotChange {
  /** To be taken away first: a slot that goes from one to another is in both lists. */
  emptied: Filled[];
  filled: Filled[];
}

interface Target {
  readonly track: string;
  readonly participant: string;
}

export class SlotTable {
  /** By `mid`, what the server says; empty slots are not in it. */
  readonly #bound = new Map<string, Target>();
  /** By participant, what it publishes. */
  readonly #tracks = new Map<string, ReadonlyMap<string, TrackInfo>>();
  readonly #filled = new Map<string, Filled>();

  /** What is shown now. */
  filled(): IterableIterator<Filled> {
    return this.#filled.values();
  }

  /** Slots that are not named stay as they are. */
  bind(map: readonly Binding[]): void {
    for (const { mid, track, participant } of map) {
      if (track === null || participant === null) {
        this.#bound.delete(mid);
        continue;
      }
      // A track is in one slot: where it was, the news that frees the slot may still come.
      for (const [other, target] of this.#bound) {
        if (other !== mid && target.track === track) this.#bound.delete(other);
      }
      this.#bound.set(mid, { track, participant });
    }
  }

  /** Every slot: what is not named is empty. */
  bindAll(map: readonly Binding[]): void {
    this.#bound.clear();
    this.bind(map);
  }

  setTracks(participant: string, tracks: readonly TrackInfo[]): void {
    this.#tracks.set(participant, new Map(tracks.map((info) => [info.sid, info])));
  }

  forget(participant: string): void {
    this.#tracks.delete(participant);
  }

  /** What changed since the last call. */
  changes(): SlotChange {
    const change: SlotChange = { emptied: [], filled: [] };
    for (const [mid, filled] of this.#filled) {
      const now = this.#target(mid);
      if (now?.info.sid === filled.info.sid && now.participant === filled.participant) continue;
      this.#filled.delete(mid);
      change.emptied.push(filled);
    }
    for (const mid of this.#bound.keys()) {
      const now = this.#filled.has(mid) ? undefined : this.#target(mid);
      if (!now) continue;
      this.#filled.set(mid, now);
      change.filled.push(now);
    }
    return change;
  }

  #target(mid: string): Filled | undefined {
    const bound = this.#bound.get(mid);
    const info = bound && this.#tracks.get(bound.participant)?.get(bound.track);
    return bound && info && { mid, participant: bound.participant, info };
  }
}
