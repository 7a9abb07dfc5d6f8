// Prints what the TURN bench measured: a table for each cell, ours beside the others, and the ratios.

import { cpus, loadavg, release } from 'node:os';
import { canPin } from './pinned.ts';
import type { AllocationFigure, Cell, CellFigure } from './matrix.ts';

/** A load average above this share of the cores spoils figures. */
const BUSY_SHARE = 0.25;

export interface Facts {
  readonly machine: string;
  readonly warnings: readonly string[];
}

export function facts(): Facts {
  const cores = cpus();
  const load = loadavg()[0] ?? 0;
  const warnings: string[] = [];
  if (load > BUSY_SHARE * cores.length) {
    warnings.push('the machine is busy with something else: do not trust these figures');
  }
  if (!canPin) warnings.push('server and load share a core: these figures mean little');
  return {
    machine:
      `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown'}, Linux ${release()}, ` +
      `Node ${process.version}, load average ${load.toFixed(2)}`,
    warnings,
  };
}

function cellName({ method, flows, burst, bytes }: Cell): string {
  return `${method}, bursts of ${burst}, ${flows} flows, ${bytes} bytes`;
}

const CELL_HEAD = [
  'CPU ns',
  'ours/it',
  'fill',
  'packets/s',
  'loss',
  'core',
  'others',
  'paced ns',
  'p50 us',
  'p99',
  'p99.9',
];

export function printCell(cell: Cell, figures: readonly CellFigure[]): void {
  const own = figures.find(({ ours }) => ours);
  const rate = Math.round((figures[0]?.pacedPerSecond ?? 0) / 1000);
  console.log(`\n${cellName(cell)}; paced at ${rate}k packets/s`);
  printRow('', CELL_HEAD);
  for (const figure of figures) {
    printRow(figure.server, [
      figure.cpuNs.toFixed(0),
      ratio(own?.cpuNs, figure.cpuNs),
      figure.fill,
      figure.perSecond.toFixed(0),
      percent(Math.max(figure.loss, figure.pacedLoss)),
      percent(figure.busy, 0),
      percent(figure.others, 0),
      figure.pacedCpuNs.toFixed(0),
      figure.p50.toFixed(0),
      figure.p99.toFixed(0),
      figure.p999.toFixed(0),
    ]);
  }
}

const ALLOCATION_HEAD = ['per second', 'ours/it', 'CPU us', 'failed', 'idle bytes', 'ours/it'];

export function printAllocations(figures: readonly AllocationFigure[]): void {
  const own = figures.find(({ ours }) => ours);
  console.log('\nAllocations: challenge, Allocate, Refresh to zero; memory of one that is idle');
  printRow('', ALLOCATION_HEAD);
  for (const figure of figures) {
    printRow(figure.server, [
      figure.perSecond.toFixed(0),
      ratio(own?.perSecond, figure.perSecond),
      (figure.cpuNs / 1000).toFixed(1),
      figure.failures.toFixed(0),
      figure.idleBytes.toFixed(0),
      ratio(own?.idleBytes, figure.idleBytes),
    ]);
  }
}

function printRow(name: string, columns: readonly string[]): void {
  console.log(`  ${name.padEnd(28)}${columns.map((text) => text.padStart(10)).join('')}`);
}

function ratio(own: number | undefined, other: number): string {
  return own === undefined ? '' : `${(own / other).toFixed(2)}x`;
}

function percent(fraction: number, digits = 3): string {
  return `${(100 * fraction).toFixed(digits)} %`;
}
