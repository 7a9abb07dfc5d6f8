// Records of bytes on their way from one thread to another: a ring in shared memory with one that writes and one that
// reads. What was claimed is there for the reader once it is published, however much at a time. Called by: rings of
// datagrams, the pipes of rooms. Allocates: nothing.

/** Words of the head: what was read and what was written so far, in bytes modulo 2^32, on cache lines of their own. */
const READ = 0;
const WRITTEN = 16;
const HEAD_BYTES = 128;

/** In front of a record: its length. */
const LENGTH_BYTES = 4;

/** In place of a length: the rest up to the ring's end is unused, since no record is taken apart. */
const SKIP = -1;

export class RecordRing {
  /** What the records hold, by bytes and by words. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** For the reader: where the record that `next` took begins; a multiple of four. */
  at = 0;
  readonly #head: Int32Array;
  readonly #size: number;
  readonly #longest: number;
  /** For the writer: up to where it has claimed. */
  #claimed: number;
  /** For the reader: where the record behind that one begins. */
  #end = 0;

  /** @param longest bytes of a record */
  constructor(memory: SharedArrayBuffer, longest: number) {
    this.#head = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.words = new Int32Array(memory, HEAD_BYTES);
    this.bytes = new Uint8Array(memory, HEAD_BYTES);
    this.#size = this.bytes.length;
    this.#longest = longest;
    this.#claimed = this.#head[WRITTEN]!;
  }

  /** @param size bytes; a power of two. Untouched pages of it cost no memory. */
  static memoryOf(size: number): SharedArrayBuffer {
    return new SharedArrayBuffer(HEAD_BYTES + size);
  }

  get empty(): boolean {
    return Atomics.load(this.#head, READ) === Atomics.load(this.#head, WRITTEN);
  }

  /**
   * For the writer: where a record of so many bytes is to be written before the next `publish`, a multiple of four; -1
   * where there is no room, or it is too long.
   */
  claim(length: number): number {
    if (length > this.#longest) return -1;
    const claimed = this.#claimed;
    const used = (claimed - Atomics.load(this.#head, READ)) >>> 0;
    const bytes = recordBytes(length);
    let at = claimed & (this.#size - 1);
    const skipped = at + bytes > this.#size ? this.#size - at : 0;
    if (used + skipped + bytes > this.#size) return -1;
    if (skipped > 0) {
      this.words[at >> 2] = SKIP;
      at = 0;
    }
    this.words[at >> 2] = length;
    this.#claimed = (claimed + skipped + bytes) | 0;
    return at + LENGTH_BYTES;
  }

  /** For the writer: all that was claimed is whole. False where there was nothing new. */
  publish(): boolean {
    if (this.#head[WRITTEN] === this.#claimed) return false;
    Atomics.store(this.#head, WRITTEN, this.#claimed);
    return true;
  }

  /**
   * For the reader: takes the oldest record, whose bytes lie at `bytes[at]` until `release`. Its length, or -1 when
   * there is none. A ring that holds no sense is emptied.
   */
  next(): number {
    const read = this.#head[READ]!;
    const used = (Atomics.load(this.#head, WRITTEN) - read) >>> 0;
    if (used === 0) return -1;
    let at = read & (this.#size - 1);
    let skipped = 0;
    if (this.words[at >> 2] === SKIP) {
      skipped = this.#size - at;
      at = 0;
    }
    const length = this.words[at >> 2]!;
    const bytes = recordBytes(length);
    const sound =
      used <= this.#size &&
      length >= 0 &&
      length <= this.#longest &&
      skipped + bytes <= used &&
      at + bytes <= this.#size;
    if (!sound) {
      this.clear();
      return -1;
    }
    this.at = at + LENGTH_BYTES;
    this.#end = (read + skipped + bytes) | 0;
    return length;
  }

  /** For the reader: what `next` told of may be overwritten. */
  release(): void {
    Atomics.store(this.#head, READ, this.#end);
  }

  /** For the reader: forgets all that waits. */
  clear(): void {
    Atomics.store(this.#head, READ, Atomics.load(this.#head, WRITTEN));
  }
}

function recordBytes(length: number): number {
  return LENGTH_BYTES + ((length + 3) & ~3);
}
