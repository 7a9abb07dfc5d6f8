// Sliding windows by a clock of the test's own: never more than the limit in any window, and little less.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LocalRateCounters, Take } from '../../../gateway/rate-counters.ts';

const WINDOW_MS = 60_000;
const take = new Take();

test('no window, wherever it begins, has more than the limit', () => {
  const gaps = fc.array(fc.nat({ max: 9000 }), { minLength: 50, maxLength: 400 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 40 }), fc.nat(1e6), (waits, limit, from) => {
      const counters = new LocalRateCounters(4);
      const allowed: number[] = [];
      let now = from;
      for (const wait of waits) {
        now += wait;
        if (counters.take('a', limit, WINDOW_MS, now, 1, take)) allowed.push(now);
      }
      for (const [first, start] of allowed.entries()) {
        const within = allowed.slice(first).filter((at) => at - start < WINDOW_MS);
        expect(within.length).toBeLessThanOrEqual(limit);
      }
    }),
    { numRuns: 200 },
  );
});

test('an even flow of the limit gets at least 16 of 17 parts of it', () => {
  for (const limit of [6000, 600, 160]) {
    const counters = new LocalRateCounters(4);
    const everyMs = WINDOW_MS / limit / 2;
    let allowed = 0;
    for (let now = 0; now < 10 * WINDOW_MS; now += everyMs) {
      if (counters.take('a', limit, WINDOW_MS, now, 1, take)) allowed++;
    }
    expect(allowed / 10 / limit).toBeGreaterThan(16 / 17);
    expect(allowed / 10 / limit).toBeLessThanOrEqual(1);
  }
});

test('a burst has all of the limit, and what is told of the wait is true to a millisecond', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.nat(200_000),
      fc.nat(70_000),
      (limit, at, later) => {
        const counters = new LocalRateCounters(4);
        for (let n = 1; n <= limit; n++) {
          expect(counters.take('a', limit, WINDOW_MS, at, 1, take)).toBe(true);
          expect(take.remaining).toBe(limit - n);
        }
        const isAllowed = counters.take('a', limit, WINDOW_MS, at + later, 1, take);
        if (isAllowed) return;
        const wait = take.resetMs;
        expect(take.remaining).toBe(0);
        expect(wait).toBeLessThanOrEqual(WINDOW_MS + WINDOW_MS / 16);
        expect(counters.take('a', limit, WINDOW_MS, at + later + wait - 1, 1, take)).toBe(false);
        expect(counters.take('a', limit, WINDOW_MS, at + later + wait, 1, take)).toBe(true);
      },
    ),
  );
});

test('a look costs nothing, and says what a request would get', () => {
  const counters = new LocalRateCounters(4);
  for (let n = 0; n < 10; n++) expect(counters.take('a', 1, WINDOW_MS, 0, 0, take)).toBe(true);
  expect(counters.take('a', 1, WINDOW_MS, 0, 1, take)).toBe(true);
  expect(counters.take('a', 1, WINDOW_MS, 0, 0, take)).toBe(false);
});

test('keys are counted apart, and the one that was quiet longest gives way', () => {
  const counters = new LocalRateCounters(3);
  for (const key of ['a', 'b', 'c', 'a', 'd']) counters.take(key, 1, WINDOW_MS, 0, 1, take);
  expect(counters.size).toBe(3);
  expect(['a', 'c', 'd'].map((key) => counters.take(key, 1, WINDOW_MS, 0, 0, take))).toEqual([
    false,
    false,
    false,
  ]);
  expect(counters.take('b', 1, WINDOW_MS, 0, 0, take)).toBe(true);
});

test('a clock that stands or goes back opens no window', () => {
  const counters = new LocalRateCounters(4);
  expect(counters.take('a', 1, WINDOW_MS, 1e6, 1, take)).toBe(true);
  expect(counters.take('a', 1, WINDOW_MS, 1e6 - 5000, 1, take)).toBe(false);
  expect(counters.take('a', 1, WINDOW_MS, 1e6 + 59_999, 1, take)).toBe(false);
});
