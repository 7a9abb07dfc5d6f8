// Which server pushes are new. A resumed session replays pushes after `lastSeq`; some may have arrived
// already.

export class PushSequence {
  #last = 0;

  /** The `s` of the newest push seen; sent as `session.lastSeq` to resume. */
  get last(): number {
    return this.#last;
  }

  /** True when `s` has not been seen; remembers it. */
  accept(s: number): boolean {
    if (!Number.isSafeInteger(s) || s <= this.#last) return false;
    this.#last = s;
    return true;
  }

  /** A snapshot (`joined`) covers everything up to `s`. */
  restart(s: number): void {
    this.#last = s;
  }
}
