// A hash table of records of 32-bit words in shared memory: chained, of fixed capacity; a record never moves.
// Called by: shared quotas and reservations, with their lock held. Allocates: nothing.
//
// What a thread was doing to chains and free list when it died is mended by `rebuild`, from the records alone.

const FREE = 0;
const FRESH = 1;
const HEADER_WORDS = 2;

const NEXT = 0;
const HASH = 1;
const LINK_WORDS = 2;

export class SharedTable {
  /** Those of a record begin at `at(slot)`. */
  readonly words: Int32Array;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #slotWords: number;
  readonly #firstSlot: number;

  constructor(memory: SharedArrayBuffer, capacity: number, recordWords: number) {
    this.words = new Int32Array(memory);
    this.#capacity = capacity;
    this.#mask = buckets(capacity) - 1;
    this.#slotWords = LINK_WORDS + recordWords;
    this.#firstSlot = HEADER_WORDS + buckets(capacity);
  }

  static memory(capacity: number, recordWords: number): SharedArrayBuffer {
    const words = HEADER_WORDS + buckets(capacity) + capacity * (LINK_WORDS + recordWords);
    return new SharedArrayBuffer(4 * words);
  }

  /** Slots from here on have never held a record. */
  get end(): number {
    return this.words[FRESH]!;
  }

  at(slot: number): number {
    return this.#firstSlot + slot * this.#slotWords + LINK_WORDS;
  }

  hash(slot: number): number {
    return this.words[this.#link(slot) + HASH]!;
  }

  /** The first slot whose record may have that hash, or -1. */
  first(hash: number): number {
    return this.words[this.#bucket(hash)]! - 1;
  }

  /** The one after it, or -1. */
  next(slot: number): number {
    return this.words[this.#link(slot) + NEXT]! - 1;
  }

  /** A slot for a record with that hash, its words as the last record left them; -1 when all are in use. */
  add(hash: number): number {
    const { words } = this;
    let slot = words[FREE]! - 1;
    if (slot >= 0) words[FREE] = words[this.#link(slot) + NEXT]!;
    else if (words[FRESH]! < this.#capacity) slot = words[FRESH]!++;
    else return -1;
    words[this.#link(slot) + HASH] = hash;
    this.#enchain(slot);
    return slot;
  }

  remove(slot: number): void {
    const { words } = this;
    let at = this.#bucket(this.hash(slot));
    while (words[at] !== slot + 1) {
      if (words[at] === 0) throw new Error('a record that is not in its chain');
      at = this.#link(words[at]! - 1) + NEXT;
    }
    words[at] = words[this.#link(slot) + NEXT]!;
    this.#release(slot);
  }

  /** Makes chains and free list anew: the records that `keep` says yes to stay, all others are gone. */
  rebuild(keep: (slot: number) => boolean): void {
    this.words.fill(0, HEADER_WORDS, this.#firstSlot);
    this.words[FREE] = 0;
    for (let slot = this.end - 1; slot >= 0; slot--) {
      if (keep(slot)) this.#enchain(slot);
      else this.#release(slot);
    }
  }

  #enchain(slot: number): void {
    const bucket = this.#bucket(this.hash(slot));
    this.words[this.#link(slot) + NEXT] = this.words[bucket]!;
    this.words[bucket] = slot + 1;
  }

  #release(slot: number): void {
    this.words[this.#link(slot) + NEXT] = this.words[FREE]!;
    this.words[FREE] = slot + 1;
  }

  #bucket(hash: number): number {
    return HEADER_WORDS + (hash & this.#mask);
  }

  #link(slot: number): number {
    return this.#firstSlot + slot * this.#slotWords;
  }
}

/** A power of two, at least the capacity. */
function buckets(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, capacity)));
}
