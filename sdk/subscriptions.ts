// Which tracks of others are wanted, and which before all others: kept, so that a new session can be told again.
// Owned by room.ts.

import type { SubscribeMessage } from '../signaling/protocol.ts';

export interface Wish {
  /** False: never, as long as it stays so. Default true. */
  on?: boolean;
  /** True: before all that are not pinned. */
  pin?: boolean;
  /** How large it is shown, in pixels of the screen: no larger size of a camera is sent, and of 0 x 0 nothing. */
  w?: number;
  h?: number;
  /** That size of a camera, from 0 for the smallest, whatever our network carries; null: as it fits. */
  layer?: number | null;
  /** 0 to 9: the greater one is given more where our network does not carry all. */
  priority?: number;
}

type Entries = SubscribeMessage['tracks'];

/** As many as a message may name. */
const ENTRIES_MAX = 256;

export class Subscriptions {
  readonly #tell: (tracks: Entries) => Promise<unknown>;
  readonly #wishes = new Map<string, Wish>();

  constructor(tell: (tracks: Entries) => Promise<unknown>) {
    this.#tell = tell;
  }

  of(track: string): Readonly<Wish> {
    return this.#wishes.get(track) ?? {};
  }

  async change(wishes: ReadonlyMap<string, Wish>): Promise<void> {
    for (const [track, wish] of wishes) this.#wishes.set(track, { ...this.of(track), ...wish });
    await this.#send([...wishes].map(([track, wish]) => Object.assign({ track }, wish)));
  }

  /** Another session is told the same again, of those tracks that are still there. */
  async repeat(present: ReadonlySet<string>): Promise<void> {
    for (const track of this.#wishes.keys()) if (!present.has(track)) this.#wishes.delete(track);
    await this.#send([...this.#wishes].map(([track, wish]) => Object.assign({ track }, wish)));
  }

  async #send(entries: Entries): Promise<void> {
    const told: Promise<unknown>[] = [];
    for (let at = 0; at < entries.length; at += ENTRIES_MAX) {
      told.push(this.#tell(entries.slice(at, at + ENTRIES_MAX)));
    }
    await Promise.all(told);
  }
}
