// Datagrams with two addresses on their way from one thread to another, each there for the reader at once. Called by:
// the mailroom. Allocates: nothing.

import { copyBytes } from './copy-bytes.ts';
import { RecordRing } from './record-ring.ts';
import type { TransportAddress } from './transport-address.ts';

/** Holds a burst of a few hundred datagrams. */
const RING_BYTES = 256 * 1024;

/** The largest UDP payload. */
const DATAGRAM_BYTES_MAX = 65_507;

/** Words in front of a datagram: two addresses of family and port, and four words each. */
const FROM = 0;
const TO = 5;
const HEAD_BYTES = 40;

const FAMILY_6 = 0x1_0000;

export class DatagramRing {
  readonly #ring: RecordRing;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new RecordRing(memory, HEAD_BYTES + DATAGRAM_BYTES_MAX);
  }

  static memory(): SharedArrayBuffer {
    return RecordRing.memoryOf(RING_BYTES);
  }

  get empty(): boolean {
    return this.#ring.empty;
  }

  /** What the records hold, and where the bytes of the last `peek` begin. */
  get bytes(): Uint8Array {
    return this.#ring.bytes;
  }

  get at(): number {
    return this.#ring.at + HEAD_BYTES;
  }

  /** For the writer: false when there is no room, or the datagram is none. */
  push(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const ring = this.#ring;
    const at = ring.claim(HEAD_BYTES + length);
    if (at < 0) return false;
    writeAddress(ring.words, (at >> 2) + FROM, from);
    writeAddress(ring.words, (at >> 2) + TO, to);
    copyBytes(ring.bytes, at + HEAD_BYTES, bytes, offset, length);
    return ring.publish();
  }

  /**
   * For the reader: takes the oldest datagram, whose bytes lie at `bytes[at]` until `release`. Its length, or -1 when
   * there is none. A ring that holds no sense is emptied.
   */
  peek(from: TransportAddress, to: TransportAddress): number {
    const ring = this.#ring;
    const length = ring.next();
    if (length < HEAD_BYTES) {
      if (length >= 0) ring.clear();
      return -1;
    }
    readAddress(ring.words, (ring.at >> 2) + FROM, from);
    readAddress(ring.words, (ring.at >> 2) + TO, to);
    return length - HEAD_BYTES;
  }

  /** For the reader: what `peek` told of may be overwritten. */
  release(): void {
    this.#ring.release();
  }

  /** For the reader: forgets all that waits. */
  clear(): void {
    this.#ring.clear();
  }
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
