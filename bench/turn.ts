// What a relayed packet costs: Sterna beside coturn and node-turn, each pinned to one core, the load on the other.
// `npm run bench:turn`; `-- --quick` is a few cells, `-- --small` the short run of the test suite, `-- --json` for
// programs; `--methods --bursts --flows --bytes` choose cells, `--fill --rounds --measureMs` how each is measured.
// COTURN=path adds another build of coturn.

import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import {
  type AllocationFigure,
  type Cell,
  type CellFigure,
  measureAllocations,
  measureCell,
  measureLoad,
  type Plan,
} from './turn/matrix.ts';
import { FILLS, LOAD_METHODS, oneOf, positive } from './turn/load-options.ts';
import { facts, printAllocations, printCell } from './turn/report.ts';
import {
  coturns,
  nodeTurns,
  type RunningServer,
  type ServerKind,
  sink,
  start,
  sterna,
} from './turn/servers.ts';

export interface TurnBenchOptions {
  readonly plan: Plan;
  readonly cells: readonly Cell[];
  /** Also Sterna's portable engine. */
  readonly portable: boolean;
  /** Of Sterna. */
  readonly workers: number;
  /** Another build of coturn. */
  readonly coturn: string | undefined;
  /** Says nothing but what the result holds. */
  readonly quiet: boolean;
}

export interface TurnFigures {
  readonly machine: string;
  readonly warnings: readonly string[];
  readonly missing: readonly string[];
  /** What the load generator moves against a sink, packets a second, by burst. */
  readonly load: readonly { burst: number; perSecond: number; ownCpuNs: number }[];
  readonly allocations: readonly AllocationFigure[];
  readonly cells: readonly { cell: Cell; figures: readonly CellFigure[] }[];
}

const FULL: Plan = {
  rounds: 4,
  warmMs: 300,
  measureMs: 1000,
  newcomers: 64,
  idle: 2000,
  fills: FILLS,
};
const QUICK: Plan = { ...FULL, rounds: 3, measureMs: 600, idle: 1000 };
const SMALL: Plan = { ...FULL, rounds: 1, warmMs: 50, measureMs: 100, newcomers: 16, idle: 100 };

export const SMALL_RUN: TurnBenchOptions = {
  plan: SMALL,
  cells: [{ method: 'channel', flows: 4, burst: 8, bytes: 1000 }],
  portable: false,
  workers: 1,
  coturn: undefined,
  quiet: true,
};

/** Starts the servers, measures every cell, stops the servers. */
export async function run(options: TurnBenchOptions): Promise<TurnFigures> {
  const say = options.quiet ? () => {} : console.log;
  const { kinds, missing } = installed(options);
  const { machine, warnings } = facts();
  say(machine);
  for (const warning of warnings) say(`Warning: ${warning}.`);
  for (const name of missing) say(`Not installed: ${name}.`);
  const load = await validateLoad(options, say);
  const servers: RunningServer[] = [];
  try {
    for (const kind of kinds) servers.push(await start(kind));
    // First: memory that packets have left free already would hide what an allocation takes.
    const allocations = await measureAllocations(servers, options.plan);
    if (!options.quiet) printAllocations(allocations);
    const cells: { cell: Cell; figures: CellFigure[] }[] = [];
    for (const cell of options.cells) {
      const figures = await measureCell(cell, servers, options.plan);
      cells.push({ cell, figures });
      if (!options.quiet) printCell(cell, figures);
    }
    return { machine, warnings, missing, load, allocations, cells };
  } finally {
    for (const server of servers) await server.stop();
  }
}

function installed(options: TurnBenchOptions): { kinds: ServerKind[]; missing: string[] } {
  const { coturn, workers } = options;
  const kinds = [sterna({ engine: 'linux', workers })];
  const missing: string[] = [];
  if (options.portable) kinds.push(sterna({ engine: 'portable', workers }));
  const builds = coturn === undefined ? [] : [coturn];
  for (const binary of [...builds, 'turnserver']) {
    const found = coturns(binary);
    if (found.length === 0) missing.push(binary);
    kinds.push(...found);
  }
  const nodeTurn = nodeTurns();
  if (nodeTurn.length === 0) missing.push('node-turn');
  kinds.push(...nodeTurn);
  return { kinds, missing };
}

async function validateLoad(
  { plan, cells }: TurnBenchOptions,
  say: (line: string) => void,
): Promise<TurnFigures['load']> {
  const server = await start(sink);
  try {
    const load = [];
    for (const burst of new Set(cells.map((cell) => cell.burst))) {
      const moved = await measureLoad(server, burst, plan);
      load.push({ burst, ...moved });
      const thousands = (moved.perSecond / 1000).toFixed(0);
      const own = moved.ownCpuNs.toFixed(0);
      say(
        `Load against a sink, bursts of ${burst}: ${thousands}k packets/s there and back, ${own} ns each`,
      );
    }
    return load;
  } finally {
    await server.stop();
  }
}

function fromCommandLine(): TurnBenchOptions & { json: boolean } {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      quick: flag,
      small: flag,
      json: flag,
      portable: flag,
      workers: text,
      methods: text,
      bursts: text,
      flows: text,
      bytes: text,
      fill: text,
      rounds: text,
      measureMs: text,
    },
  });
  const { quick, small, json, portable } = values;
  const { COTURN: coturn } = process.env;
  const workers = positive('workers', values.workers ?? '1');
  const chosen = { portable, workers, coturn, quiet: json, json };
  if (small) return { ...SMALL_RUN, ...chosen };
  const base = quick ? QUICK : FULL;
  const plan = {
    ...base,
    rounds: positive('rounds', values.rounds ?? String(base.rounds)),
    measureMs: positive('measureMs', values.measureMs ?? String(base.measureMs)),
    fills: names('fill', values.fill, FILLS),
  };
  const numbers = (name: 'bursts' | 'flows' | 'bytes', full: number[], few: number[]): number[] =>
    values[name]?.split(',').map((number) => positive(name, number)) ?? (quick ? few : full);
  const cells: Cell[] = [];
  for (const method of names('methods', values.methods, LOAD_METHODS)) {
    for (const flows of numbers('flows', [16, 200], [16])) {
      for (const bytes of numbers('bytes', [1000, 100], [1000])) {
        for (const burst of numbers('bursts', [1, 8, 32], [1, 8])) {
          cells.push({ method, flows, burst, bytes });
        }
      }
    }
  }
  return { plan, cells, ...chosen };
}

function names<Name extends string>(
  flag: string,
  list: string | undefined,
  all: readonly Name[],
): readonly Name[] {
  return list?.split(',').map((name) => oneOf(all, flag, name)) ?? all;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Leaving by `exit` ends the servers too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const options = fromCommandLine();
  const figures = await run(options);
  if (options.json) console.log(JSON.stringify(figures, undefined, 2));
}
