// Which thread has which file descriptor open: descriptors belong to the process, so those of a thread that was ended
// from outside stay open until somebody who knows them closes them.
// Called by: the Linux engine, which notes its own; the media host, which closes those of a worker that died.

import { readFileSync } from 'node:fs';

/** Beyond this a descriptor is not noted; its thread would have to open a million others first. */
const DESCRIPTORS_MAX = 1 << 20;

const FALLBACK_LIMIT = 4096;

/** One thread's view of the shared table: its own number, and a byte for each descriptor of the process. */
export class DescriptorLedger {
  readonly #owners: Uint8Array;
  readonly #self: number;

  /** @param self 0-254 */
  constructor(memory: SharedArrayBuffer, self: number) {
    this.#owners = new Uint8Array(memory);
    this.#self = self + 1;
  }

  /** The table, zeroed: as long as this process may have descriptors. */
  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(Math.min(DESCRIPTORS_MAX, descriptorLimit()));
  }

  own(fd: number): void {
    if (fd < this.#owners.length) Atomics.store(this.#owners, fd, this.#self);
  }

  /** Forgets a descriptor that is ours; another thread may have got its number since it was closed. */
  disown(fd: number): void {
    if (fd < this.#owners.length) Atomics.compareExchange(this.#owners, fd, this.#self, 0);
  }

  /** Takes every descriptor of a thread out of the table; they are the caller's to close. */
  takeAllOf(thread: number): number[] {
    const fds: number[] = [];
    for (let fd = 0; fd < this.#owners.length; fd++) {
      if (Atomics.compareExchange(this.#owners, fd, thread + 1, 0) === thread + 1) fds.push(fd);
    }
    return fds;
  }
}

/** RLIMIT_NOFILE, soft (proc(5)). Node has raised it to the hard one by now. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  return soft > 0 ? soft : FALLBACK_LIMIT;
}
