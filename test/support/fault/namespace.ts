// A network namespace with nothing in it but loopback, whose MTU and queue a test sets: what a kernel does there is
// real, and nobody else notices. Needs iproute2, and leave to make namespaces.

import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { program } from '../program.ts';

const RUN_TIMEOUT_MS = 60_000;

/** A token bucket that the device's packets queue up behind. */
export const SHAPED = 'tc qdisc add dev lo root tbf rate 80mbit burst 16kb';

const report = z.object({
  got: z.number(),
  whole: z.boolean(),
  inOrder: z.boolean(),
  sent: z.number(),
  dropped: z.number(),
  failures: z.record(z.string(), z.number()),
  faults: z.array(z.string()),
});

/** What came of a burst: `failures` are the sends that failed, by errno. */
export type BurstReport = z.output<typeof report>;

/** Whether these commands work in a namespace here. Containers may forbid it, kernels lack the queue. */
export function canRunInNamespace(...commands: readonly string[]): boolean {
  try {
    execFileSync('unshare', unshareArguments(commands), { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Sends a burst over a loopback device that `commands` have prepared. */
export async function burstInNamespace(
  datagrams: number,
  bytes: number,
  ...commands: readonly string[]
): Promise<BurstReport> {
  const file = program(new URL('./burst.ts', import.meta.url));
  const burst = `exec '${process.execPath}' '${file}' ${datagrams} ${bytes}`;
  const { stdout } = await promisify(execFile)('unshare', unshareArguments([...commands, burst]), {
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  return report.parse(JSON.parse(stdout));
}

function unshareArguments(commands: readonly string[]): string[] {
  // `tc` is where only root's PATH leads.
  const all = ['PATH="$PATH:/usr/sbin:/sbin"', 'ip link set lo up', ...commands];
  return ['-rn', 'sh', '-c', all.join(' && ')];
}
