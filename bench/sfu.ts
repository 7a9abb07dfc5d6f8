// What a forwarded packet costs: Sterna's SFU beside the plainest forwarder on node-datachannel and Debian's Janus,
// each pinned to one core, the same load on the other.
// `npm run bench:sfu`; `-- --quick` is a few shapes, `-- --json` for programs; `--shapes --servers` choose,
// `--rounds --warmMs --measureMs` say how each is measured.

import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { oneOf, positive } from './turn/load-options.ts';
import { facts } from './turn/report.ts';
import {
  type Failure,
  lossOf,
  measureShape,
  measureStraight,
  type Plan,
  runAgainst,
  type SfuFigure,
} from './sfu/matrix.ts';
import { printShape } from './sfu/report.ts';
import { forwarder, installed, ownAddress, type ServerName, SERVERS } from './sfu/servers.ts';
import { fanOut, type Shape, SHAPES } from './sfu/shapes.ts';

export interface SfuBenchOptions {
  readonly plan: Plan;
  readonly shapes: readonly Shape[];
  readonly servers: readonly ServerName[];
  /** Of the check of the loss meter. */
  readonly lossShape: Shape;
  /** Says nothing but what the result holds. */
  readonly quiet: boolean;
}

export interface ShapeFigures {
  readonly shape: Shape;
  /** The load without a server. */
  readonly straight: SfuFigure;
  readonly figures: readonly SfuFigure[];
  readonly failures: readonly Failure[];
}

export interface SfuFigures {
  readonly machine: string;
  readonly warnings: readonly string[];
  readonly missing: readonly string[];
  /** What the load measured where a forwarder lost one packet of `LOSS_ONE_OF`. */
  readonly knownLoss: number;
  readonly shapes: readonly ShapeFigures[];
}

// A compiler at run time, and a heap that shrinks after the joins, take up to 20 s to be done.
const FULL: Plan = { rounds: 3, warmMs: 20_000, measureMs: 8000, tries: 3 };
const QUICK: Plan = { rounds: 2, warmMs: 12_000, measureMs: 5000, tries: 3 };
const SMALL: Plan = { rounds: 1, warmMs: 200, measureMs: 1000, tries: 1 };
const QUICK_SHAPES: readonly string[] = ['1x20', '10x10'];

/** Everybody, two subscribers, a second: whether it works. */
export const SMALL_RUN: SfuBenchOptions = {
  plan: SMALL,
  shapes: [fanOut(2)],
  servers: ['sterna', 'forwarder', 'janus'],
  lossShape: fanOut(10),
  quiet: true,
};

const LOSS_ONE_OF = 100;
/** How far from that the meter may be, as a share of it: the forwarder counts from another packet on. */
const LOSS_TOLERANCE = 0.1;

/** Checks the load, then measures every shape. */
export async function run(options: SfuBenchOptions): Promise<SfuFigures> {
  const { plan, quiet } = options;
  const say = quiet ? () => {} : console.log;
  const { kinds, missing } = installed(options.servers);
  const address = ownAddress() ?? '127.0.0.1';
  const { machine, warnings } = facts();
  say(machine);
  for (const warning of warnings) say(`Warning: ${warning}.`);
  for (const what of missing) say(`Not installed: ${what}.`);
  const lossy = forwarder(LOSS_ONE_OF);
  const knownLoss = lossOf(await runAgainst(lossy, options.lossShape, address, plan));
  const measured = (100 * knownLoss).toFixed(3);
  say(`Loss meter: a forwarder that loses one packet of ${LOSS_ONE_OF} shows ${measured} %`);
  if (Math.abs(knownLoss * LOSS_ONE_OF - 1) > LOSS_TOLERANCE) {
    throw new Error(
      `the loss meter shows ${measured} % where one packet of ${LOSS_ONE_OF} is lost`,
    );
  }
  const shapes: ShapeFigures[] = [];
  for (const shape of options.shapes) {
    const straight = await measureStraight(shape, address, plan);
    const { figures, failures } = await measureShape(shape, kinds, address, plan);
    shapes.push({ shape, straight, figures, failures });
    if (!quiet) printShape(shape, straight, figures, failures);
  }
  return { machine, warnings, missing, knownLoss, shapes };
}

function fromCommandLine(): SfuBenchOptions & { json: boolean } {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      quick: flag,
      json: flag,
      shapes: text,
      servers: text,
      rounds: text,
      warmMs: text,
      measureMs: text,
    },
  });
  const { quick, json } = values;
  const base = quick ? QUICK : FULL;
  const number = (name: 'rounds' | 'warmMs' | 'measureMs'): number =>
    positive(name, values[name] ?? String(base[name]));
  const known = SHAPES.map(({ name }) => name);
  const names = values.shapes?.split(',') ?? (quick ? QUICK_SHAPES : known);
  const chosen = new Set(names.map((name) => oneOf(known, 'shapes', name)));
  return {
    plan: {
      ...base,
      rounds: number('rounds'),
      warmMs: number('warmMs'),
      measureMs: number('measureMs'),
    },
    shapes: SHAPES.filter(({ name }) => chosen.has(name)),
    servers: values.servers?.split(',').map((name) => oneOf(SERVERS, 'servers', name)) ?? SERVERS,
    lossShape: fanOut(10),
    quiet: json,
    json,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Leaving by `exit` ends the servers and the load, too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const options = fromCommandLine();
  const figures = await run(options);
  if (options.json) console.log(JSON.stringify(figures, undefined, 2));
}
