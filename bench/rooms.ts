// Rooms as they are: many meetings with simulcast, one very large room, and a storm of joins into a busy one, by Sterna
// and by Janus, each pinned to one core, the same load on the other.
// `npm run bench:rooms`; `--parts --servers` choose, `--rooms --size --people --cameras --joins` say how large,
// `--rounds --warmMs --seconds` how each is measured; `--json` is for programs.

import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { measurePart, type Part, type PartFigures, type Timing } from './rooms/figures.ts';
import { printPart } from './rooms/report.ts';
import { installed, ownAddress } from './sfu/servers.ts';
import { oneOf, positive } from './turn/load-options.ts';
import { facts } from './turn/report.ts';

const PARTS = ['meetings', 'large', 'storm'] as const;
type PartName = (typeof PARTS)[number];
const RIVALS = ['sterna', 'janus'] as const;

export interface Sizes {
  /** Meetings, and participants of each, who all have a camera. */
  readonly rooms: number;
  readonly size: number;
  /** Participants of the large room, and how many of them have a camera. */
  readonly people: number;
  readonly cameras: number;
  /** Who joins within a second, for as long as it is measured. */
  readonly joins: number;
}

export interface RoomsBenchOptions {
  readonly parts: readonly PartName[];
  readonly servers: readonly (typeof RIVALS)[number][];
  readonly sizes: Sizes;
  readonly timing: Timing;
  /** Says nothing but what the result holds. */
  readonly quiet: boolean;
}

export interface RoomsFigures {
  readonly machine: string;
  readonly warnings: readonly string[];
  readonly missing: readonly string[];
  readonly parts: readonly PartFigures[];
}

const SIZES: Sizes = { rooms: 10, size: 10, people: 200, cameras: 4, joins: 50 };
const TIMING: Timing = { rounds: 1, warmMs: 12_000, measureMs: 8000 };

/** Some participants, a second: whether it works. A large room is a meeting that is larger. */
export const SMALL_RUN: RoomsBenchOptions = {
  parts: ['meetings', 'storm'],
  servers: RIVALS,
  sizes: { rooms: 2, size: 3, people: 6, cameras: 2, joins: 4 },
  timing: { rounds: 1, warmMs: 500, measureMs: 1000 },
  quiet: true,
};

export async function run(options: RoomsBenchOptions): Promise<RoomsFigures> {
  const { sizes, timing, quiet } = options;
  const { kinds, missing } = installed(options.servers, sizes.rooms);
  const { machine, warnings } = facts();
  if (!quiet) {
    console.log(machine);
    for (const warning of warnings) console.log(`Warning: ${warning}.`);
    for (const what of missing) console.log(`Not installed: ${what}.`);
  }
  const address = ownAddress() ?? '127.0.0.1';
  const parts: PartFigures[] = [];
  for (const name of options.parts) {
    const part = await measurePart(partOf(name, sizes, timing), kinds, address, timing);
    parts.push(part);
    if (!quiet) printPart(part);
  }
  return { machine, warnings, missing, parts };
}

function partOf(name: PartName, sizes: Sizes, { measureMs }: Timing): Part {
  const { rooms, size, people, cameras, joins } = sizes;
  if (name === 'meetings') {
    const heard = size - 1;
    const plan = { rooms, size, cameras: size, speakers: 1, heard, large: 1, middle: 3 };
    return { name, plan };
  }
  // As many as Sterna forwards at once by default; the other server is asked for as many.
  const others = { rooms: 1, cameras, heard: 3, large: 0 };
  if (name === 'large') return { name, plan: { ...others, size: people, speakers: 3, middle: 1 } };
  const all = Math.ceil((joins * measureMs) / 1000);
  return {
    name,
    plan: { ...others, size: size + all, speakers: 2, middle: 1 },
    storm: { joins: all, perSecond: joins },
  };
}

function fromCommandLine(): RoomsBenchOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      parts: text,
      servers: text,
      rooms: text,
      size: text,
      people: text,
      cameras: text,
      joins: text,
      rounds: text,
      warmMs: text,
      seconds: text,
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name: keyof Sizes | 'rounds' | 'warmMs' | 'seconds', usual: number): number =>
    positive(name, values[name] ?? String(usual));
  return {
    parts: values.parts?.split(',').map((name) => oneOf(PARTS, 'parts', name)) ?? PARTS,
    servers: values.servers?.split(',').map((name) => oneOf(RIVALS, 'servers', name)) ?? RIVALS,
    sizes: {
      rooms: number('rooms', SIZES.rooms),
      size: number('size', SIZES.size),
      people: number('people', SIZES.people),
      cameras: number('cameras', SIZES.cameras),
      joins: number('joins', SIZES.joins),
    },
    timing: {
      rounds: number('rounds', TIMING.rounds),
      warmMs: number('warmMs', TIMING.warmMs),
      measureMs: 1000 * number('seconds', TIMING.measureMs / 1000),
    },
    quiet: values.json,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Leaving by `exit` ends the servers and the load, too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const options = fromCommandLine();
  const figures = await run(options);
  if (options.quiet) console.log(JSON.stringify(figures, undefined, 2));
}
