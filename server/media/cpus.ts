// Which CPUs the threads of this process run on (sched_setaffinity(2), cpuset(7)): a configuration that names others is
// refused. Called by: the media host for its workers, the composition root for the main thread.

import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { parseCpuList } from '../../shared/config/cpu-list.ts';
import type { Settings } from '../../shared/config/schema.ts';
import { SternaError } from '../../shared/errors.ts';

export interface WorkerCpus {
  /** Empty for any. */
  of(worker: number): readonly number[];
}

/** Throws SternaError CPU_UNAVAILABLE that names the first CPU of the configuration that we may not use. */
export function workerCpus(settings: Pick<Settings, 'workerCpus' | 'mainCpus'>): WorkerCpus {
  const status = readFileSync('/proc/self/status', 'latin1');
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  return assignCpus(settings, list);
}

/** @param list the CPUs that this process may run on */
export function assignCpus(
  settings: Pick<Settings, 'workerCpus' | 'mainCpus'>,
  list: string,
): WorkerCpus {
  const allowed = parseCpuList(list);
  const [ofMain, ofWorkers] = (['mainCpus', 'workerCpus'] as const).map((key) => {
    const cpus = parseCpuList(settings[key]);
    const missing = cpus.find((cpu) => !allowed.includes(cpu));
    if (missing === undefined) return cpus;
    const why = `${key}: this process may not run on CPU ${missing}; choose from ${list}`;
    throw new SternaError('CPU_UNAVAILABLE', why);
  });
  // A thread begins where the one that started it is kept, and a worker that died is started by a main thread that is.
  const others = ofMain?.length === 0 ? [] : allowed;
  return {
    of: (worker) => {
      const own = ofWorkers?.[worker % ofWorkers.length];
      return own === undefined ? others : [own];
    },
  };
}

/** Keeps the main thread on these CPUs; called once everything runs that is to go elsewhere. */
export async function pinMainThread(cpus: string): Promise<void> {
  // The threads of libuv, which serve file reads and names, start with the first of these, and are left where they are.
  await stat('/');
  const { pinThread } = await import('../../shared/native/affinity.ts');
  pinThread(...parseCpuList(cpus));
}
