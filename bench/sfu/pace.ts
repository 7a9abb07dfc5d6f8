// How a load lets its peers join: so many at once, none for ever; and what the machine spends meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { machineNanoseconds } from '../turn/process-stat.ts';
import { processCpuNanoseconds } from './process-clock.ts';

/** To publish, or to get the first packets of a subscription. */
const JOIN_MS_MAX = 15_000;

export interface Spent {
  readonly seconds: number;
  readonly serverCpuNs: number;
  readonly ownCpuNs: number;
  /** CPU time of everything else on the machine, by the time: 1 = a core of it. */
  readonly others: number;
}

/** Waits, calls `end`, and notes what the time took. `pid` is the server's; 0 where there is none. */
export async function measure(pid: number, ms: number, end: () => void): Promise<Spent> {
  const own = processCpuNanoseconds(process.pid);
  const server = cpuOf(pid);
  const machine = machineNanoseconds();
  const start = performance.now();
  await sleep(ms);
  end();
  const seconds = (performance.now() - start) / 1000;
  const serverCpuNs = cpuOf(pid) - server;
  const ownCpuNs = processCpuNanoseconds(process.pid) - own;
  const others = machineNanoseconds() - machine - serverCpuNs - ownCpuNs;
  return { seconds, serverCpuNs, ownCpuNs, others: Math.max(0, others / 1e9 / seconds) };
}

function cpuOf(pid: number): number {
  return pid === 0 ? 0 : processCpuNanoseconds(pid);
}

/** Throws Error that says what took too long. */
export async function inTime<Done>(what: string, done: Promise<Done>): Promise<Done> {
  const late = new AbortController();
  const { signal } = late;
  const timeout = sleep(JOIN_MS_MAX, undefined, { signal, ref: false }).then(
    () => {
      throw new Error(`cannot ${what} within ${JOIN_MS_MAX / 1000} s`);
    },
    () => done,
  );
  try {
    return await Promise.race([done, timeout]);
  } finally {
    late.abort();
  }
}

export async function atMost<Item>(
  count: number,
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const workers = Array.from({ length: count }, async () => {
    for (const item of left) await act(item);
  });
  await Promise.all(workers);
}
