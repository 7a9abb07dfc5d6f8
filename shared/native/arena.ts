// Memory outside the JavaScript heap, at an address that the kernel may be told: for system calls that fill or read it.
// The only file that does pointer arithmetic. An arena lives until `free`, and is zeroed when made. Where the kernel
// can, it lies below 2 GiB: an address is a small integer then, and costs nothing to compute and to hand over.

import koffi from 'koffi';

/** Below 2^47 on every Linux that we run on, so a number holds it exactly. */
export type Pointer = number;

/** Of places in an arena, in their order. */
export type Addresses = readonly (Pointer | undefined)[];

const FOUR_GIB = 0x1_0000_0000;

/** PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, which is of x86-64 alone (mmap(2)). */
const READ_WRITE = 0x3;
const PRIVATE_LOW = 0x62;
const LOW_MAX = 0x8000_0000;

interface LowMemory {
  /** Addresses that are none, in an error, are large. */
  mmap(at: number, length: number, access: number, flags: number, fd: number, from: number): number;
  munmap(at: number, length: number): number;
}

let lowMemory: LowMemory | null | undefined;

/** Null where there is none of it. */
function low(): LowMemory | null {
  if (lowMemory !== undefined) return lowMemory;
  const isThere = process.platform === 'linux' && process.arch === 'x64';
  lowMemory = isThere ? loadLowMemory() : null;
  return lowMemory;
}

function loadLowMemory(): LowMemory {
  const library = koffi.load(null);
  return {
    mmap: library.func('uint64 mmap(uint64, size_t, int, int, int, int64)'),
    munmap: library.func('int munmap(uint64, size_t)'),
  };
}

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
  readonly #block: Block;
  #freed = false;

  /** @param length bytes; rounded up to a multiple of 64 */
  constructor(length: number) {
    const size = (length + 63) & ~63;
    this.#block = allocateLow(size) ?? allocateWithinBorder(size);
    this.base = this.#block.address;
    this.low = this.base % FOUR_GIB;
    this.high = Math.floor(this.base / FOUR_GIB);
    const buffer = koffi.view(this.#block.handle, size);
    this.bytes = new Uint8Array(buffer);
    if (!this.#block.isZeroed) this.bytes.fill(0);
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
    this.#block.free();
  }
}

interface Block {
  readonly handle: unknown;
  readonly address: Pointer;
  /** As the kernel hands memory out. */
  readonly isZeroed: boolean;
  free(): void;
}

/** Undefined where there is no such memory, or no more of it. */
function allocateLow(size: number): Block | undefined {
  const memory = low();
  if (memory === null) return undefined;
  const address = memory.mmap(0, size, READ_WRITE, PRIVATE_LOW, -1, 0);
  if (!(address > 0 && address <= LOW_MAX - size)) return undefined;
  const free = (): void => void memory.munmap(address, size);
  return { handle: address, address, isZeroed: true, free };
}

/** A second block cannot lie across the same border as the first, so two tries are enough. */
function allocateWithinBorder(size: number): Block {
  const first: unknown = koffi.alloc('uint8_t', size);
  if (Number(koffi.address(first)) % FOUR_GIB <= FOUR_GIB - size) return blockOf(first);
  const second: unknown = koffi.alloc('uint8_t', size);
  koffi.free(first);
  return blockOf(second);
}

function blockOf(handle: unknown): Block {
  const free = (): void => koffi.free(handle);
  return { handle, address: Number(koffi.address(handle)), isZeroed: false, free };
}
