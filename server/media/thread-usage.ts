// What the calling thread has taken of the processor, and of memory. Linux tells it of threads, others do not.
// Called by: the media worker; the overview, for the main thread. Allocates: some buffers, for each question.

import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { ThreadUsage } from './messages.ts';

/** proc(5): `/proc` counts in USER_HZ, which is 100 wherever Node runs. */
const TICKS_A_SECOND = 100;

/** proc_pid_stat(5): the 14th and 15th field, of which the 3rd is the first behind the name in parentheses. */
const USER_FIELD = 14 - 3;
const SYSTEM_FIELD = 15 - 3;

export function threadUsage(): ThreadUsage {
  return { cpuSeconds: cpuSeconds(), heapUsedBytes: getHeapStatistics().used_heap_size };
}

function cpuSeconds(): number | null {
  let text: string;
  try {
    text = readFileSync('/proc/thread-self/stat', 'latin1');
  } catch {
    return null;
  }
  // The name may have parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD]);
  return Number.isFinite(ticks) ? ticks / TICKS_A_SECOND : null;
}
