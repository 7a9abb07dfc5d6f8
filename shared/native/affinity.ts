// Which CPU a thread runs on (sched_setaffinity(2)): a media thread that stays on one keeps its caches.

import { Arena } from './arena.ts';
import { EINVAL, errnoName } from './errno.ts';
import { libc } from './libc.ts';

/** More than the kernel has (CONFIG_NR_CPUS is at most 8192). */
const CPUS_MAX = 8192;

/** Keeps the thread that calls this, and what threads it starts, on one CPU. Throws an Error that says why not. */
export function pinThread(cpu: number): void {
  if (!Number.isInteger(cpu) || cpu < 0 || cpu >= CPUS_MAX) throw refused(cpu, EINVAL);
  const mask = new Arena(CPUS_MAX / 8);
  try {
    mask.bytes[cpu >> 3] = 1 << (cpu & 7);
    // Zero is the calling thread, not the process.
    if (libc().sched_setaffinity(0, CPUS_MAX / 8, mask.base) < 0)
      throw refused(cpu, libc().errno());
  } finally {
    mask.free();
  }
}

function refused(cpu: number, errno: number): Error {
  const why = errno === EINVAL ? 'no such CPU' : errnoName(errno);
  return new Error(`cannot pin a thread to CPU ${cpu}: ${why}`);
}
