// Reads that cost a way to a media worker or to another node: who asks for the same while it is on its way gets the
// same answer. Nothing is kept: once it is there, the next one asks anew.
// Called by: the routes that read. Bounded by the requests that are open.

export class Coalesced {
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** How many are on their way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** @param key what is asked for, the same for the same answer; an error is everybody's who waits, and is not kept */
  once<T>(key: string, make: () => T | Promise<T>): Promise<T> {
    // A key has one kind of answer: it is the URL, which has one route.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const before = this.#underWay.get(key) as Promise<T> | undefined;
    if (before !== undefined) return before;
    const made = (async () => make())().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, made);
    return made;
  }
}
