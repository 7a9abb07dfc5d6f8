// The last replies of a session: a request that arrives again is answered again, and not executed again.
// Called by: conversation.ts. Bounded in count and in characters: the oldest replies fall out, never the newest.

/** `new`: not seen, to be executed; `stale`: seen or passed over, its reply gone; else the reply it got. */
export type ReplyLookup = { state: 'new' | 'stale' } | { state: 'known'; frame: string };

const NEW = { state: 'new' } as const;
const STALE = { state: 'stale' } as const;

export class ReplyCache {
  readonly #repliesMax: number;
  readonly #charsMax: number;
  /** In rising order of ids, as they are only ever added above the last one. */
  readonly #frames = new Map<number, string>();
  #chars = 0;
  #lastId = 0;

  constructor(repliesMax: number, charsMax: number) {
    this.#repliesMax = repliesMax;
    this.#charsMax = charsMax;
  }

  get lastId(): number {
    return this.#lastId;
  }

  find(id: number): ReplyLookup {
    if (id > this.#lastId) return NEW;
    const frame = this.#frames.get(id);
    return frame === undefined ? STALE : { state: 'known', frame };
  }

  /** Ids begin anew. */
  clear(): void {
    this.#frames.clear();
    this.#chars = 0;
    this.#lastId = 0;
  }

  /** Keeps the reply to a request that `find` called new. */
  add(id: number, frame: string): void {
    this.#lastId = id;
    this.#frames.set(id, frame);
    this.#chars += frame.length;
    for (const [oldId, oldFrame] of this.#frames) {
      if (this.#frames.size <= this.#repliesMax && this.#chars <= this.#charsMax) return;
      if (oldId === id) return;
      this.#frames.delete(oldId);
      this.#chars -= oldFrame.length;
    }
  }
}
