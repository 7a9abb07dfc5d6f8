// Streams that wait until the limits on bandwidth let them go on: tried in turn, and who got something stands at the
// end.
// Called by: TcpPipe.

/** Between two tries: what a limit grants meanwhile goes at once. */
const STEP_MS = 20;

export interface Paced {
  /** Whether something is left that has not been granted. */
  readonly isWaiting: boolean;
  /** Passes on what is granted; true when that was anything. */
  proceed(): boolean;
}

export class TcpPacer {
  readonly #waiting = new Set<Paced>();
  #timer: NodeJS.Timeout | undefined;

  /** One that waits already keeps its place. */
  add(paced: Paced): void {
    this.#waiting.add(paced);
    this.#timer ??= setTimeout(() => this.#step(), STEP_MS);
  }

  delete(paced: Paced): void {
    this.#waiting.delete(paced);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #step(): void {
    this.#timer = undefined;
    // Each once, though some stand at the end then.
    for (const paced of Array.from(this.#waiting)) {
      if (!paced.proceed()) continue;
      this.#waiting.delete(paced);
      if (paced.isWaiting) this.#waiting.add(paced);
    }
    if (this.#waiting.size > 0) this.#timer ??= setTimeout(() => this.#step(), STEP_MS);
  }
}
