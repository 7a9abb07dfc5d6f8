// A clock that tests set, and a log that keeps its lines.

import type { Clock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import type { Logger } from '../../../shared/log.ts';

export interface TestClock extends Clock {
  now: number;
  unix: number;
  /** Both clocks go on by that many milliseconds. */
  advance(ms: number): void;
}

export function testClock(unix = 1_800_000_000_000): TestClock {
  return {
    now: 1000,
    unix,
    monotonic() {
      return this.now;
    },
    wall() {
      return this.unix;
    },
    advance(ms) {
      this.now += ms;
      this.unix += ms;
    },
  };
}

export interface KeptLog {
  log: Logger;
  text(): string;
  events(): string[];
}

export function keptLog(): KeptLog {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = createLogger({ level: 'debug', format: 'json', write });
  return {
    log,
    text: () => lines.join(''),
    events: () => lines.map((line) => /"event":"([^"]+)"/.exec(line)?.[1] ?? ''),
  };
}
