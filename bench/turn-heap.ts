// That relaying leaves nothing on the heap and allocates nearly nothing: ten million packets of each method through
// `sterna serve`. `npm run bench:turn-heap`; `-- --packets=N --methods --bursts` choose, `-- --json` is for programs,
// `-- --check` fails when a packet costs more than it may.

import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { type HeapCell, type HeapFigure, measureHeap } from './turn/heap.ts';
import { LOAD_METHODS, oneOf, positive } from './turn/load-options.ts';

/** Bytes a packet. What may be allocated is the numbers that system calls take: some for a call, nothing for a packet. */
const RETAINED_MAX = 1;
const ALLOCATED_MAX = 8;

/** Packets of the short run in the test suite. */
export const SMALL_PACKETS = 200_000;
const PACKETS = 10_000_000;

const FLOWS = 16;
const BURST = 8;
const BYTES = 1000;

/** What is too much, a line each. */
export function complaints({ cell, retained, allocated }: HeapFigure): string[] {
  const found: string[] = [];
  const say = (what: string, bytes: number, most: number): void => {
    if (!(bytes <= most)) {
      found.push(`${cell.method}: ${what} ${bytes.toFixed(2)} bytes a packet, more than ${most}`);
    }
  };
  say('keeps', retained, RETAINED_MAX);
  say('allocates', allocated, ALLOCATED_MAX);
  return found;
}

export function heapCells(packets: number, burst: number = BURST): HeapCell[] {
  return LOAD_METHODS.map((method) => ({ method, flows: FLOWS, burst, bytes: BYTES, packets }));
}

const HEAD = ['packets', 'lost', 'retained', 'allocated', 'scavenges', 'full'];

function print(figure: HeapFigure): void {
  const { cell, packets, lost, retained, allocated, scavenges, fullCollections } = figure;
  const columns = [
    packets.toLocaleString('en'),
    String(lost),
    retained.toFixed(3),
    allocated.toFixed(3),
    String(scavenges),
    String(fullCollections),
  ];
  printRow(`${cell.method}, bursts of ${cell.burst}`, columns);
  for (const { name, bytes } of figure.allocators) console.log(`    ${bytes.toFixed(3)}  ${name}`);
}

function printRow(name: string, columns: readonly string[]): void {
  console.log(`${name.padEnd(24)}${columns.map((text) => text.padStart(12)).join('')}`);
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: { packets: text, methods: text, bursts: text, json: flag, check: flag },
  });
  const packets = positive('packets', values.packets ?? String(PACKETS));
  const bursts = values.bursts?.split(',').map((burst) => positive('bursts', burst)) ?? [BURST];
  const methods = values.methods?.split(',').map((name) => oneOf(LOAD_METHODS, 'methods', name));
  const cells = bursts
    .flatMap((burst) => heapCells(packets, burst))
    .filter(({ method }) => methods?.includes(method) ?? true);
  const figures: HeapFigure[] = [];
  if (!values.json) printRow('Bytes a packet', HEAD);
  for (const cell of cells) {
    const figure = await measureHeap(cell);
    figures.push(figure);
    if (!values.json) print(figure);
  }
  if (values.json) console.log(JSON.stringify(figures, undefined, 2));
  if (!values.check) return;
  const found = figures.flatMap(complaints);
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Leaving by `exit` ends the servers too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await main();
}
