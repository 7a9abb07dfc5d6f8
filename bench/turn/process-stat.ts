// What a process has used, from /proc: CPU time of all its threads, and resident memory; and what the machine has.
// Called by the TURN bench's load generator. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all threads of a process, kernel and user, nanoseconds: the first field of each schedstat. */
export function cpuNanoseconds(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const schedstat = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    total += Number(schedstat.split(' ')[0]);
  }
  return total;
}

/** /proc/stat counts in hundredths of a second (USER_HZ). */
const TICK_NS = 10_000_000;

/** CPU time that the whole machine has spent at work, all cores, nanoseconds; in steps of a tick. */
export function machineNanoseconds(): number {
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_NS;
}

/** VmRSS of a process, bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return Number(kibibytes ?? Number.NaN) * 1024;
}
