// A clock that a test sets.

import type { Clock } from '../../../shared/clock.ts';

export class TestClock implements Clock {
  now = 1_000_000;

  monotonic(): number {
    return this.now;
  }

  wall(): number {
    return this.now;
  }
}
