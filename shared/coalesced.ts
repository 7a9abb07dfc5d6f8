// Questions that cost a way to a media worker, to another node or to Redis: who asks the same while one is on its way
// gets its answer. Nothing is kept: once it is there, the next one asks anew.
// Called by: the gateway's routes that read, signaling/room-stats.ts, server/cluster/claims.ts. Bounded by who waits.

export class Coalesced {
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** How many are on their way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** @param key what is asked for, the same for the same answer; an error is everybody's who waits, and is not kept */
  once<T>(key: string, make: () => T | Promise<T>): Promise<T> {
    // A key has one kind of answer: it names the question.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const before = this.#underWay.get(key) as Promise<T> | undefined;
    if (before !== undefined) return before;
    const made = (async () => make())().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, made);
    return made;
  }
}
