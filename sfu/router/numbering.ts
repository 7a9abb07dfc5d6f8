// Goes on counting where the source before has stopped: picture IDs, TL0PICIDX, KEYIDX, frame numbers. Inside of a
// source the distance to what it says itself stays the same. Called by: Rewriter. Allocates: nothing.

export class Numbering {
  readonly #mask: number;
  #offset = 0;
  /** The highest that was given out. */
  #last = -1;
  #begun = false;

  /** @param mask of the bits that there are at most */
  constructor(mask: number) {
    this.#mask = mask;
  }

  /** The next number is that of another source. */
  restart(): void {
    this.#begun = false;
  }

  /**
   * What stands for a number of the source. Where it has fewer bits than there may be, the caller cuts off those of
   * the result; they are there so that it can go on with more.
   *
   * @param mask of the bits that it has here
   */
  map(value: number, mask: number): number {
    if (!this.#begun) {
      this.#begun = true;
      // The first source of all keeps its own.
      if (this.#last < 0) this.#last = (value - 1) & this.#mask;
      this.#offset = this.#last + 1 - value;
    }
    let ahead = (value + this.#offset - this.#last) & mask;
    if (ahead > mask >> 1) ahead -= mask + 1;
    const mapped = (this.#last + ahead) & this.#mask;
    if (ahead > 0) this.#last = mapped;
    return mapped;
  }
}
