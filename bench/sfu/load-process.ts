// Runs a load generator to its end, in a process of its own, and hands back what it printed. Called by the SFU benches.

import { built } from '../built.ts';
import { canPin, LOAD_CORE, startPinned } from '../turn/pinned.ts';

const RUN_MS_MAX = 120_000;

/**
 * Throws Error with what the load complained of.
 * @param file of dist/
 * @param cores those that it may use, as taskset has it
 */
export async function runLoadProcess(
  file: string,
  args: readonly string[],
  cores = `${LOAD_CORE}`,
): Promise<string> {
  const command = [process.execPath, built(file), ...args];
  if (canPin) command.unshift('taskset', '-c', cores);
  const child = startPinned(LOAD_CORE, command);
  let printed = '';
  let complaint = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()));
  const timeout = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timeout);
  if (code === 0) return printed;
  throw new Error(
    /^\w*Error: (.*)$/m.exec(complaint)?.[1] ?? `the load ended with ${String(code)}`,
  );
}
