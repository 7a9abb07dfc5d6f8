// Memory for the payloads of all incoming streams, leased in blocks: it grows with the streams there are, and goes
// back to the system when they are gone. Called by: PacketHistory. Allocates: a slab of 64 blocks where none is free.

import { Arena } from '../../shared/native/arena.ts';
import { PAYLOAD_POOL_BYTES_MAX } from './limits.ts';

/** Ten packets of video, or what a microphone sends in three seconds. */
export const BLOCK_BYTES = 16_384;
const BLOCKS_PER_SLAB = 64;
const SLAB_BITS = 6;
const SLAB_BYTES = BLOCKS_PER_SLAB * BLOCK_BYTES;

/** A block's number: its slab, then its place there. */
export class PayloadPool {
  readonly #slabsMax: number;
  readonly #slabs: (Arena | undefined)[] = [];
  /** Free blocks of each slab. */
  readonly #freeIn: number[] = [];
  #free: number[] = [];
  #leased = 0;

  constructor(bytesMax = PAYLOAD_POOL_BYTES_MAX) {
    this.#slabsMax = Math.max(1, Math.floor(bytesMax / SLAB_BYTES));
  }

  /** Blocks in use. */
  get leased(): number {
    return this.#leased;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return (
      SLAB_BYTES * this.#slabs.reduce((count, slab) => count + (slab === undefined ? 0 : 1), 0)
    );
  }

  /** The number of a block; -1 when there is none left. */
  lease(): number {
    if (this.#free.length === 0 && !this.#grow()) return -1;
    const block = this.#free.pop()!;
    this.#freeIn[block >> SLAB_BITS]!--;
    this.#leased++;
    return block;
  }

  /** Nothing may be read from the block afterwards. */
  release(block: number): void {
    const slab = block >> SLAB_BITS;
    this.#free.push(block);
    this.#leased--;
    const isEmpty = ++this.#freeIn[slab]! === BLOCKS_PER_SLAB;
    // One slab to spare, so that a stream that comes and goes takes none from the system each time.
    if (isEmpty && this.#free.length >= 2 * BLOCKS_PER_SLAB) this.#shrink(slab);
  }

  arenaOf(block: number): Arena {
    return this.#slabs[block >> SLAB_BITS]!;
  }

  /** Where the block begins in its arena. */
  offsetOf(block: number): number {
    return (block & (BLOCKS_PER_SLAB - 1)) * BLOCK_BYTES;
  }

  /** Frees everything; no block may be used afterwards. */
  close(): void {
    for (const slab of this.#slabs.splice(0)) slab?.free();
    this.#freeIn.length = 0;
    this.#free = [];
    this.#leased = 0;
  }

  #grow(): boolean {
    let slab = this.#slabs.indexOf(undefined);
    if (slab < 0) slab = this.#slabs.length;
    if (slab >= this.#slabsMax) return false;
    this.#slabs[slab] = new Arena(SLAB_BYTES);
    this.#freeIn[slab] = BLOCKS_PER_SLAB;
    for (let i = BLOCKS_PER_SLAB - 1; i >= 0; i--) this.#free.push((slab << SLAB_BITS) + i);
    return true;
  }

  #shrink(slab: number): void {
    this.#free = this.#free.filter((block) => block >> SLAB_BITS !== slab);
    this.#freeIn[slab] = 0;
    this.#slabs[slab]?.free();
    this.#slabs[slab] = undefined;
  }
}
