// The CPU clock of a whole process (clock_getcpuclockid(3)): nanoseconds of all its threads, those that have ended
// included, which the sum over /proc/PID/task would lose. Janus ends idle threads during a run. Linux only.

import koffi from 'koffi';

/** include/linux/posix-timers_types.h: the scheduler's clock of the process whose inverted number stands above. */
const CPUCLOCK_SCHED = 2;

const clockGettime = koffi.load(null).func('int clock_gettime(int, _Out_ int64_t *)');

const timespec = new BigInt64Array(2);

/** Throws Error where there is no such process. */
export function processCpuNanoseconds(pid: number): number {
  const failed: unknown = clockGettime((~pid << 3) | CPUCLOCK_SCHED, timespec);
  if (failed !== 0) throw new Error(`process ${pid} is gone`);
  return Number(timespec[0]! * 1_000_000_000n + timespec[1]!);
}
