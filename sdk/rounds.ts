// Rounds of negotiation, one after the other: what is asked for while one runs is done by the next, once for
// all who asked. Knows nothing of what a round does; sfu-media.ts gives it.

export class Rounds {
  readonly #round: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(round: () => Promise<void>) {
    this.#round = round;
  }

  /** Resolves, or rejects, with a round that began after this call. */
  run(): Promise<void> {
    // Looked at first: between two rounds none is running, and yet one is due.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#begin();
    this.#next = this.#afterThis(this.#running);
    return this.#next;
  }

  async #afterThis(running: Promise<void>): Promise<void> {
    // Who asked for that one hears how it ended.
    await running.catch(() => undefined);
    this.#next = null;
    await this.#begin();
  }

  #begin(): Promise<void> {
    const running = this.#round().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
