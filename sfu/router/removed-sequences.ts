// Numbers the packets of a stream anew as if those that are left out had never been: packets of padding alone, which
// no subscriber is to miss, and layers that one does not get. Late packets still get the number that they would have
// had. Called by: IncomingStream, LayerFilter. Allocates: nothing but when it is made. All numbers are 32 bits that
// wrap.

/** What `map` gives for a number that was left out, or that lies before all that is remembered. */
export const NOT_MAPPED = 0x1_0000_0000;

/** Nothing comes as late as that. */
const FAR = 2 ** 24;

export class RemovedSequences {
  /** A ring of runs: its first number, the one behind its last, and how many have been left out up to there. */
  readonly #runs: number;
  readonly #first: Int32Array;
  readonly #end: Int32Array;
  readonly #removed: Int32Array;
  #newest = 0;
  #count = 0;
  /** Left out before the runs that are remembered. */
  #before = 0;
  /** Where the last run ends that had to make room; undefined for none. */
  #forgottenEnd: number | undefined = undefined;

  /** @param runs that are remembered */
  constructor(runs: number) {
    this.#runs = runs;
    this.#first = new Int32Array(runs);
    this.#end = new Int32Array(runs);
    this.#removed = new Int32Array(runs);
  }

  /** Nothing has been left out. */
  clear(): void {
    this.#forgetRuns(0);
  }

  /** Leaves out a number that is higher than any before. */
  remove(sequence: number): void {
    const newest = this.#newest;
    const removed = this.#count === 0 ? this.#before : this.#removed[newest]!;
    if (this.#count > 0 && this.#end[newest] === sequence) {
      this.#end[newest] = (sequence + 1) | 0;
      this.#removed[newest] = (removed + 1) | 0;
      return;
    }
    const place = (newest + 1) % this.#runs;
    if (this.#count === this.#runs) {
      this.#before = this.#removed[place]!;
      this.#forgottenEnd = this.#end[place]!;
    } else this.#count++;
    this.#first[place] = sequence;
    this.#end[place] = (sequence + 1) | 0;
    this.#removed[place] = (removed + 1) | 0;
    this.#newest = place;
  }

  /** The number without those that were left out before it, or NOT_MAPPED. */
  map(sequence: number): number {
    for (let back = 0; back < this.#count; back++) {
      const run = (this.#newest + this.#runs - back) % this.#runs;
      const behind = (sequence - this.#end[run]!) | 0;
      if (behind >= 0) {
        const removed = this.#removed[run]!;
        if (back === 0 && behind > FAR) this.#forgetRuns(removed);
        return (sequence - removed) | 0;
      }
      if (((sequence - this.#first[run]!) | 0) >= 0) return NOT_MAPPED;
    }
    const forgotten = this.#forgottenEnd;
    if (forgotten !== undefined && ((sequence - forgotten) | 0) < 0) return NOT_MAPPED;
    return (sequence - this.#before) | 0;
  }

  /** Before the numbers have gone half round and the runs would seem to lie ahead. */
  #forgetRuns(before: number): void {
    this.#count = 0;
    this.#before = before;
    this.#forgottenEnd = undefined;
  }
}
