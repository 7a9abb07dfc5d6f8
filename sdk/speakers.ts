// Who speaks, the loudest first: as the server says it or, of media that it does not see, by how loud it is here.
// Pure: time is an argument. Owned by room.ts (what is told) and auto-media.ts (what is heard).

import { SPEECH_HANGOVER_MS, SPEECH_LEVEL_MIN } from './limits.ts';

export class Speakers {
  readonly #onChange: () => void;
  #told: readonly string[] = [];
  /** Null while the server is believed. */
  #heard: readonly string[] | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get sids(): readonly string[] {
    return this.#heard ?? this.#told;
  }

  tell(sids: readonly string[]): void {
    this.#told = sids;
    if (this.#heard === null) this.#onChange();
  }

  /** Null: the server hears them again. */
  hear(sids: readonly string[] | null): void {
    const before = this.sids;
    this.#heard = sids;
    if (this.sids.join() !== before.join()) this.#onChange();
  }
}

export class Hearing {
  /** Who was loud when it was looked last: a click is no speech. */
  #loud: ReadonlySet<string> = new Set();
  /** When they spoke last, by sid. */
  readonly #spokeAt = new Map<string, number>();

  /** Who speaks now. */
  hear(levels: ReadonlyMap<string, number>, nowMs: number): string[] {
    const before = this.#loud;
    this.#loud = new Set([...levels.keys()].filter((sid) => levels.get(sid)! >= SPEECH_LEVEL_MIN));
    for (const sid of this.#loud) if (before.has(sid)) this.#spokeAt.set(sid, nowMs);
    for (const [sid, atMs] of this.#spokeAt) {
      if (nowMs - atMs >= SPEECH_HANGOVER_MS) this.#spokeAt.delete(sid);
    }
    const level = (sid: string): number => levels.get(sid) ?? 0;
    return [...this.#spokeAt.keys()].toSorted((a, b) => level(b) - level(a));
  }
}
