// Starts a program pinned to one core, and sees to it that nothing of the bench outlives it.
// Called for every server and every run of the load generator.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** One core for the server, the other for the load. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const KILL_AFTER_MS = 2000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Whether both cores can be had; without, the figures mean little. */
export const canPin: boolean =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Its output can be read; its input is written to, or empty. */
export function startPinned(
  core: number,
  command: readonly string[],
  input: 'pipe' | 'ignore' = 'ignore',
): ChildProcess {
  const [file, ...args] = canPin ? ['taskset', '-c', String(core), ...command] : command;
  if (file === undefined) throw new TypeError('there is no command');
  const child = spawn(file, args, { stdio: [input, 'pipe', 'pipe'] });
  running.add(child);
  child.on('close', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}

/** Ends a process that `startPinned` started, by force after a while. */
export async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await closed;
  clearTimeout(force);
}
