// What a server process holds, seen from outside: descriptors and memory by proc(5), its own numbers by /metrics.

import { readdirSync, readFileSync } from 'node:fs';
import type { Sterna } from '../e2e/sterna.ts';
import { call } from '../http-call.ts';
import { parseExposition } from '../exposition.ts';

export function openDescriptors({ pid }: Sterna): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory, MiB. */
export function residentMiB({ pid }: Sterna): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}

/** The server's numbers at one moment: by name, and where a label is given, by that; summed over all media workers. */
export async function metrics({
  port,
}: Sterna): Promise<(name: string, label?: string, value?: string) => number> {
  // A connection that stayed open would be a descriptor of the server's.
  const { body } = await call(port, 'GET', '/metrics', { connection: 'close' });
  const families = parseExposition(body);
  return (name, label, value) => {
    const family = families.get(name);
    if (family === undefined) throw new Error(`no metric ${name}`);
    return [...family.samples]
      .filter(([series]) => label === undefined || series.includes(`${label}="${value}"`))
      .reduce((sum, [, sample]) => sum + sample, 0);
  };
}
