// Which CPU a thread runs on (sched_setaffinity(2)): a media thread that stays on one keeps its caches.

import { Arena } from './arena.ts';
import { EINVAL, errnoName } from './errno.ts';
import { libc } from './libc.ts';

/** More than the kernel has (CONFIG_NR_CPUS is at most 8192). */
const CPUS_MAX = 8192;

/** Keeps the thread that calls this, and what threads it starts, on these CPUs. Throws an Error that says why not. */
export function pinThread(...cpus: readonly number[]): void {
  const isNone = (cpu: number): boolean => !Number.isInteger(cpu) || cpu < 0 || cpu >= CPUS_MAX;
  if (cpus.some(isNone)) throw refused(cpus, EINVAL);
  const mask = new Arena(CPUS_MAX / 8);
  try {
    for (const cpu of cpus) mask.bytes[cpu >> 3]! |= 1 << (cpu & 7);
    // Zero is the calling thread, not the process.
    if (libc().sched_setaffinity(0, CPUS_MAX / 8, mask.base) < 0)
      throw refused(cpus, libc().errno());
  } finally {
    mask.free();
  }
}

function refused(cpus: readonly number[], errno: number): Error {
  const why = errno === EINVAL ? 'no such CPU' : errnoName(errno);
  return new Error(`cannot pin a thread to CPU ${cpus.join()}: ${why}`);
}
