// Which CPUs this process may run on (sched_setaffinity(2), cpuset(7)), to refuse a configuration that names another.

import { readFileSync } from 'node:fs';
import { parseCpuList } from '../../shared/config/cpu-list.ts';
import { SternaError } from '../../shared/errors.ts';

/** Throws SternaError CPU_UNAVAILABLE that names the first of `workerCpus` that we may not use. */
export function checkWorkerCpus(workerCpus: readonly number[]): void {
  const status = readFileSync('/proc/self/status', 'latin1');
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  const allowed = parseCpuList(list);
  const missing = workerCpus.find((cpu) => !allowed.includes(cpu));
  if (missing === undefined) return;
  throw new SternaError(
    'CPU_UNAVAILABLE',
    `workerCpus: this process may not run on CPU ${missing}; choose from ${list}`,
  );
}
