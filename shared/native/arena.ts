// Memory outside the JavaScript heap, at an address that the kernel may be told: for system calls that fill or read it.
// The only file that does pointer arithmetic. An arena lives until `free`, and is zeroed when made.

import koffi from 'koffi';

/** Below 2^47 on every Linux that we run on, so a number holds it exactly. */
export type Pointer = number;

/** Of places in an arena, in their order. */
export type Addresses = readonly (Pointer | undefined)[];

const FOUR_GIB = 0x1_0000_0000;

export class Arena {
  readonly base: Pointer;
  /** The low and high halves of `base`. The arena crosses no 4 GiB border, so `high` holds for all of it. */
  readonly low: number;
  readonly high: number;
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  /** For what has network order. */
  readonly view: DataView;
  readonly #handle: unknown;
  #freed = false;

  /** @param length bytes; rounded up to a multiple of 64 */
  constructor(length: number) {
    const size = (length + 63) & ~63;
    this.#handle = allocateWithinBorder(size);
    this.base = Number(koffi.address(this.#handle));
    this.low = this.base % FOUR_GIB;
    this.high = Math.floor(this.base / FOUR_GIB);
    const buffer = koffi.view(this.#handle, size);
    this.bytes = new Uint8Array(buffer);
    this.bytes.fill(0);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** The address of that offset. */
  at(offset: number): Pointer {
    return this.base + offset;
  }

  /**
   * The addresses of `count` places, `step` bytes from one to the next. Each is an object of the heap, made once: a
   * number of so many bits that is computed for a call is boxed anew each time. (Undefined at the end keeps them so.)
   */
  addresses(offset: number, step: number, count: number): Addresses {
    const addresses: (Pointer | undefined)[] = Array.from({ length: count + 1 }, () => undefined);
    for (let i = 0; i < count; i++) addresses[i] = this.base + offset + i * step;
    return addresses;
  }

  /** Writes the address of `offset` in `target` into this arena at `where`, as C has it: 64 bits, little-endian. */
  writePointer(where: number, target: Arena, offset: number): void {
    this.u32[where >> 2] = target.low + offset;
    this.u32[(where >> 2) + 1] = target.high;
  }

  /** The address that `writePointer` has put at `where`. */
  readPointer(where: number): Pointer {
    return this.u32[where >> 2]! + this.u32[(where >> 2) + 1]! * FOUR_GIB;
  }

  /** Gives the memory back. Nothing may touch it afterwards, the kernel included. Idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    koffi.free(this.#handle);
  }
}

/** A second block cannot lie across the same border as the first, so two tries are enough. */
function allocateWithinBorder(size: number): unknown {
  const first: unknown = koffi.alloc('uint8_t', size);
  if (Number(koffi.address(first)) % FOUR_GIB <= FOUR_GIB - size) return first;
  const second: unknown = koffi.alloc('uint8_t', size);
  koffi.free(first);
  return second;
}
