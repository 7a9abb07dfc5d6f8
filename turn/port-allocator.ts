// Relay ports: which are taken, and random choice among the free ones (RFC 8656 s7.2, RFC 6056 s3.3.1).

/** A draw of n: an integer in [0, n), unpredictable to clients. */
export type RandomInt = (n: number) => number;

/** The ports of one relay address. One byte a port. */
export class PortAllocator {
  readonly #first: number;
  readonly #count: number;
  readonly #taken: Uint8Array;
  readonly #random: RandomInt;
  #free: number;

  constructor(first: number, last: number, random: RandomInt) {
    this.#first = first;
    this.#count = last - first + 1;
    this.#taken = new Uint8Array(this.#count);
    this.#random = random;
    this.#free = this.#count;
  }

  get free(): number {
    return this.#free;
  }

  /** Takes a random free port, even if asked; undefined when there is none. */
  take(even: boolean): number | undefined {
    const start = this.#random(this.#count);
    for (let n = 0; n < this.#count; n++) {
      const i = (start + n) % this.#count;
      if (this.#taken[i] === 0 && !(even && this.#isOdd(i))) return this.#mark(i);
    }
    return undefined;
  }

  /** Takes a random even port whose successor is free too, and the successor with it; returns the even one. */
  takePair(): number | undefined {
    const start = this.#random(this.#count);
    for (let n = 0; n < this.#count; n++) {
      const i = (start + n) % this.#count;
      if (i + 1 >= this.#count || this.#isOdd(i)) continue;
      if (this.#taken[i] === 0 && this.#taken[i + 1] === 0) {
        this.#mark(i + 1);
        return this.#mark(i);
      }
    }
    return undefined;
  }

  /** Gives a port back; giving back a free one does nothing. */
  release(port: number): void {
    const i = port - this.#first;
    if (this.#taken[i] !== 1) return;
    this.#taken[i] = 0;
    this.#free++;
  }

  #isOdd(i: number): boolean {
    return ((this.#first + i) & 1) === 1;
  }

  #mark(i: number): number {
    this.#taken[i] = 1;
    this.#free--;
    return this.#first + i;
  }
}
