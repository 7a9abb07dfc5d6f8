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
  /** When it was last loud, by sid. */
  readonly #loudAt = new Map<string, number>();

  /** Who speaks now. */
  hear(levels: ReadonlyMap<string, number>, nowMs: number): string[] {
    for (const [sid, level] of levels) {
      if (level >= SPEECH_LEVEL_MIN) this.#loudAt.set(sid, nowMs);
    }
    for (const [sid, atMs] of this.#loudAt) {
      if (nowMs - atMs >= SPEECH_HANGOVER_MS) this.#loudAt.delete(sid);
    }
    const level = (sid: string): number => levels.get(sid) ?? 0;
    return [...this.#loudAt.keys()].toSorted((a, b) => level(b) - level(a));
  }
}
