// Datagrams on their way from one thread to another: a ring in shared memory with one that writes and one that reads.
// A datagram is there for the reader only once it is written whole. Called by: the mailroom. Allocates: nothing.

import { copyBytes } from './copy-bytes.ts';
import type { TransportAddress } from './transport-address.ts';

/** A power of two. Holds a burst of a few hundred datagrams; untouched pages of it cost no memory. */
const RING_BYTES = 256 * 1024;

/** The largest UDP payload. */
const DATAGRAM_BYTES_MAX = 65_507;

/** Words of the head: what was read and what was written so far, in bytes modulo 2^32, on cache lines of their own. */
const READ = 0;
const WRITTEN = 16;
const HEAD_BYTES = 128;

/** Words in front of a datagram: its length, then two addresses of family and port, and four words each. */
const LENGTH = 0;
const FROM = 1;
const TO = 6;
const RECORD_HEAD_WORDS = 11;
const RECORD_HEAD_BYTES = 4 * RECORD_HEAD_WORDS;

/** In place of a length: the rest up to the ring's end is unused, since no datagram is taken apart. */
const SKIP = -1;

const FAMILY_6 = 0x1_0000;

export class DatagramRing {
  readonly #head: Int32Array;
  readonly #words: Int32Array;
  /** What the records hold. */
  readonly bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.#words = new Int32Array(memory, HEAD_BYTES);
    this.bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEAD_BYTES + RING_BYTES);
  }

  get empty(): boolean {
    return Atomics.load(this.#head, READ) === Atomics.load(this.#head, WRITTEN);
  }

  /** For the writer: false when there is no room, or the datagram is none. */
  push(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    if (length > DATAGRAM_BYTES_MAX) return false;
    const written = this.#head[WRITTEN]!;
    const used = (written - Atomics.load(this.#head, READ)) >>> 0;
    const size = recordBytes(length);
    let at = written & (RING_BYTES - 1);
    const skipped = at + size > RING_BYTES ? RING_BYTES - at : 0;
    if (used + skipped + size > RING_BYTES) return false;
    const words = this.#words;
    if (skipped > 0) {
      words[at >> 2] = SKIP;
      at = 0;
    }
    const word = at >> 2;
    words[word + LENGTH] = length;
    writeAddress(words, word + FROM, from);
    writeAddress(words, word + TO, to);
    copyBytes(this.bytes, at + RECORD_HEAD_BYTES, bytes, offset, length);
    Atomics.store(this.#head, WRITTEN, (written + skipped + size) | 0);
    return true;
  }

  /**
   * For the reader: takes the oldest datagram, whose bytes lie at `bytes[at]` until `release`. Its length, or -1 when
   * there is none. A ring that holds no sense is emptied.
   */
  peek(from: TransportAddress, to: TransportAddress): number {
    const read = this.#head[READ]!;
    const used = (Atomics.load(this.#head, WRITTEN) - read) >>> 0;
    if (used === 0) return -1;
    let at = read & (RING_BYTES - 1);
    let skipped = 0;
    if (this.#words[at >> 2] === SKIP) {
      skipped = RING_BYTES - at;
      at = 0;
    }
    const length = this.#words[(at >> 2) + LENGTH]!;
    const size = recordBytes(length);
    const sound =
      used <= RING_BYTES &&
      length >= 0 &&
      length <= DATAGRAM_BYTES_MAX &&
      skipped + size <= used &&
      at + size <= RING_BYTES;
    if (!sound) {
      this.clear();
      return -1;
    }
    readAddress(this.#words, (at >> 2) + FROM, from);
    readAddress(this.#words, (at >> 2) + TO, to);
    this.at = at + RECORD_HEAD_BYTES;
    this.#end = (read + skipped + size) | 0;
    return length;
  }

  /** Where the bytes of the last `peek` begin. */
  at = 0;
  #end = 0;

  /** For the reader: what `peek` told of may be overwritten. */
  release(): void {
    Atomics.store(this.#head, READ, this.#end);
  }

  /** For the reader: forgets all that waits. */
  clear(): void {
    Atomics.store(this.#head, READ, Atomics.load(this.#head, WRITTEN));
  }
}

function recordBytes(length: number): number {
  return RECORD_HEAD_BYTES + ((length + 3) & ~3);
}

function writeAddress(words: Int32Array, at: number, address: TransportAddress): void {
  words[at] = address.port | (address.family === 6 ? FAMILY_6 : 0);
  words[at + 1] = address.w0;
  words[at + 2] = address.w1;
  words[at + 3] = address.w2;
  words[at + 4] = address.w3;
}

function readAddress(words: Int32Array, at: number, out: TransportAddress): void {
  const port = words[at]! & 0xffff;
  if ((words[at]! & FAMILY_6) === 0) out.setV4(words[at + 1]!, port);
  else out.setV6(words[at + 1]!, words[at + 2]!, words[at + 3]!, words[at + 4]!, port);
}
