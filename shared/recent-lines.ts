// The last warnings and errors of the log, for who looks at the server from afar. Bounded in number and in size; what
// repeats is one line with a count, so that a flood of one thing drives out nothing else.
// Called by: the server, by what it logs; its API.

import type { Clock } from './clock.ts';
import type { KeptLevel, LineKeeper } from './log.ts';

const LINES_MAX = 200;
const FIELDS_CHARACTERS_MAX = 2048;

export interface RecentLine {
  /** Unix time, milliseconds: of the first one, and of the last one. */
  readonly firstAt: number;
  readonly at: number;
  readonly level: KeptLevel;
  readonly event: string;
  /** JSON of an object; cut where it is long. */
  readonly fields: string;
  readonly count: number;
}

export class RecentLines implements LineKeeper {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #lines: RecentLine[] = [];
  #warnings = 0;
  #errors = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Since the start; of `error` and above the second one. */
  get warnings(): number {
    return this.#warnings;
  }

  get errors(): number {
    return this.#errors;
  }

  keep(level: KeptLevel, event: string, given: Record<string, unknown>): void {
    if (level === 'warn') this.#warnings++;
    else this.#errors++;
    const fields = JSON.stringify(given).slice(0, FIELDS_CHARACTERS_MAX);
    const lines = this.#lines;
    const before = lines.findIndex((line) => line.event === event && line.fields === fields);
    const [repeated] = before < 0 ? [] : lines.splice(before, 1);
    const at = this.#clock.wall();
    const { firstAt = at, count = 0 } = repeated ?? {};
    lines.push({ firstAt, at, level, event, fields, count: count + 1 });
    if (lines.length > LINES_MAX) lines.shift();
  }

  /** The newest first. */
  list(max: number): RecentLine[] {
    return this.#lines.slice(-max).toReversed();
  }
}
