// How long threads of a process were ready to run and did not (/proc/PID/task/TID/schedstat, proc(5)): on a machine
// that has others to serve, what comes late for that is nobody's fault. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

export class Starvation {
  readonly #pids: readonly number[];
  /** By thread, nanoseconds. */
  #waited = new Map<string, number>();

  constructor(...pids: readonly number[]) {
    this.#pids = pids;
    this.look();
  }

  /** Of the thread that waited longest since the last look, milliseconds. */
  look(): number {
    const waited = new Map<string, number>();
    let longest = 0;
    for (const pid of this.#pids) {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const path = `/proc/${pid}/task/${thread}/schedstat`;
        const ns = waitedOf(path);
        const before = this.#waited.get(path);
        waited.set(path, ns);
        if (before !== undefined) longest = Math.max(longest, ns - before);
      }
    }
    this.#waited = waited;
    return longest / NS_PER_MS;
  }
}

/** 0 for a thread that has ended. */
function waitedOf(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1').split(' ')[1]);
  } catch {
    return 0;
  }
}
