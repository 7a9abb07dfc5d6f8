// Sliding windows by a clock of the test's own: never more than the limit in any window, and little less.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomCoefficients } from '../../../shared/cache/key-hash.ts';
import { Take, WindowCounters } from '../../../shared/cache/window-counters.ts';

const WINDOW = 60_000;
const START = 7_000_000_000_000;
const PARTS = 31;

function setUp(keys = 64, start = START) {
  const memory = WindowCounters.memory(keys);
  const counters = new WindowCounters(memory);
  const out = new Take();
  const take = (key: string, limit: number, at: number, cost = 1, windowMs = WINDOW): boolean =>
    counters.take(key, limit, windowMs, start + at, cost, out);
  return { counters, memory, out, take };
}

/** What there is to drain, in the order of counts. */
function drained(
  counters: WindowCounters,
  keysMax = Infinity,
): Parameters<WindowCounters['addRemote']>[] {
  const all: Parameters<WindowCounters['addRemote']>[] = [];
  counters.drainDeltas(keysMax, (...delta) => all.push([...delta, START]));
  return all.toSorted((a, b) => a[3] - b[3]);
}

describe('WindowCounters', () => {
  test('let no window, wherever it begins, have more than the limit', () => {
    const gaps = fc.array(fc.nat({ max: 9000 }), { minLength: 50, maxLength: 400 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 40 }), fc.nat(1e6), (waits, limit, from) => {
        const { take } = setUp();
        const allowed: number[] = [];
        let now = from;
        for (const wait of waits) {
          now += wait;
          if (take('a', limit, now)) allowed.push(now);
        }
        for (let n = limit; n < allowed.length; n++) {
          expect(allowed[n]! - allowed[n - limit]!).toBeGreaterThanOrEqual(WINDOW);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('let at least 31 of 32 parts of the limit through in an even flow', () => {
    for (const limit of [1600, 160]) {
      const { take } = setUp();
      let allowed = 0;
      for (let at = 0; at < 10 * WINDOW; at += WINDOW / limit / 2) {
        if (take('a', limit, at)) allowed++;
      }
      expect(allowed / 10 / limit).toBeGreaterThan(PARTS / (PARTS + 1));
      expect(allowed / 10 / limit).toBeLessThanOrEqual(1);
    }
  });

  test('let a burst have all of the limit, and tell the wait to a millisecond', () => {
    const windows = fc.constantFrom(1000, 60_000, 3_600_000);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.nat(7_200_000),
        fc.double({ min: 0, max: 1.1, noNaN: true }),
        windows,
        (limit, at, share, windowMs) => {
          const { take, out } = setUp();
          const later = Math.floor(share * windowMs);
          for (let n = 1; n <= limit; n++) {
            expect(take('a', limit, at, 1, windowMs)).toBe(true);
            expect(out.remaining).toBe(limit - n);
          }
          if (take('a', limit, at + later, 1, windowMs)) return;
          const wait = out.resetMs;
          expect(out.remaining).toBe(0);
          expect(later + wait).toBeGreaterThanOrEqual(windowMs);
          expect(later + wait).toBeLessThanOrEqual(windowMs + windowMs / PARTS + 1);
          expect(take('a', limit, at + later + wait - 1, 1, windowMs)).toBe(false);
          expect(take('a', limit, at + later + wait, 1, windowMs)).toBe(true);
        },
      ),
    );
  });

  test('tell the wait of a key that has taken now and then', () => {
    const steps = fc.array(fc.nat(4000), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 3, max: 20 }), (waits, limit) => {
        const { take, out } = setUp();
        let at = 0;
        for (const wait of waits) {
          at += wait;
          if (take('a', limit, at, 3)) continue;
          const { resetMs } = out;
          expect(take('a', limit, at + resetMs - 1, 3)).toBe(false);
          expect(take('a', limit, at + resetMs, 3)).toBe(true);
          return;
        }
      }),
    );
  });

  test('take all of what is asked for, or nothing', () => {
    const { take, out } = setUp();
    expect(take('a', 3, 0, 2)).toBe(true);
    expect(out).toMatchObject({ allowed: true, remaining: 1, resetMs: WINDOW });
    for (let i = 0; i < 10; i++) expect(take('a', 3, 0, 2)).toBe(false);
    expect(out.remaining).toBe(1);
    expect(take('a', 3, 0)).toBe(true);
    expect(take('b', 3, 0)).toBe(true);
  });

  test('say for a cost of 0 what a request would get, and take nothing', () => {
    const { take, out } = setUp();
    for (let n = 0; n < 10; n++) expect(take('a', 1, 0, 0)).toBe(true);
    expect(out.remaining).toBe(1);
    expect(take('a', 1, 0)).toBe(true);
    expect(take('a', 1, 0, 0)).toBe(false);
  });

  test('never let through what is more than the limit, nor a key that is too long', () => {
    const { take, out } = setUp();
    expect(take('a', 3, 0, 4)).toBe(false);
    expect(out.resetMs).toBe(WINDOW);
    expect(take('a', 0, 0)).toBe(false);
    expect(take('k'.repeat(257), 3, 0)).toBe(false);
    expect(take('k'.repeat(256), 3, 0)).toBe(true);
  });

  test('start anew after a pause, also one after which parts have the same numbers', () => {
    // 2,048 parts are 66 windows and 2 parts; the time that a slot knows comes round after 2^31 ms.
    const pauses = [
      1.04,
      2,
      3,
      2047 / PARTS,
      2048 / PARTS,
      2049 / PARTS,
      2 ** 30 / WINDOW + 1,
      40_000,
    ];
    for (const windows of pauses) {
      const { take } = setUp();
      expect(take('a', 1, 0)).toBe(true);
      expect(take('a', 1, windows * WINDOW)).toBe(true);
      expect(take('a', 1, windows * WINDOW)).toBe(false);
    }
  });

  test('take nothing old for new where a key is used without a pause, but not in every part', () => {
    // Every 32nd part has its count in the same place: the others are not written for 100 windows.
    const { take } = setUp();
    for (let n = 0; n < 32; n++) take('a', 1000, (n * WINDOW) / PARTS);
    for (let n = 1; n < 200; n++) {
      const at = ((31 + 32 * n) * WINDOW) / PARTS + 1;
      expect(take('a', 1, at)).toBe(true);
    }
  });

  test('bear a clock that stands or goes back, and another thread that is a little behind', () => {
    const { take } = setUp();
    expect(take('a', 1, 1e6)).toBe(true);
    expect(take('a', 1, 1e6 - 5000)).toBe(false);
    expect(take('a', 2, 1e6 - 5000)).toBe(true);
    expect(take('a', 2, 1e6)).toBe(false);
    expect(take('a', 1, 1e6 + 59_999)).toBe(false);
  });

  test('keep those that are used when there are more keys than room', () => {
    const { take } = setUp(8);
    for (let i = 0; i < 1000; i++) {
      take('used', 5, i);
      take(`key ${i}`, 5, i);
    }
    expect(take('used', 5, 1000)).toBe(false);
  });

  test('hand over what was taken once, and take in what another node has, whatever its clock says', () => {
    const { counters, take } = setUp();
    const there = setUp(64, 123);
    there.counters.adopt(counters.coefficients);
    for (let i = 0; i < 3; i++) take('a', 10, 0);
    take('b', 10, 0, 5);
    const told = drained(counters);
    expect(told.map(([, , windowMs, count]) => [windowMs, count])).toEqual([
      [WINDOW, 3],
      [WINDOW, 5],
    ]);
    expect(drained(counters)).toEqual([]);
    for (const [first, mark, windowMs, count] of told) {
      there.counters.addRemote(first, mark, windowMs, count, 123);
    }
    there.take('a', 10, 0);
    expect(there.out.remaining).toBe(6);
    there.take('b', 10, 0);
    expect(there.out.remaining).toBe(4);
    // What it was told is not told again.
    expect(drained(there.counters).map(([, , , count]) => count)).toEqual([1, 1]);
    there.take('b', 10, 62_000);
    expect(there.out.remaining).toBe(9);
  });

  test('hand over a part of the keys at a time, each in its turn', () => {
    const { counters, take } = setUp();
    for (let i = 1; i <= 7; i++) take(`key ${i}`, 100, 0, i);
    const turns = [3, 3, 3].map((keysMax) => drained(counters, keysMax).map(([, , , n]) => n));
    expect(turns.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(turns.flat().toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('count nothing that no node can have said', () => {
    const { counters, take, out } = setUp();
    take('a', 10, 0);
    const [[first, mark, windowMs] = [0, 0, 0]] = drained(counters);
    const wrong: [number, number, number, number][] = [
      [first, mark, windowMs, -9],
      [first, mark, windowMs, NaN],
      [first, 0, windowMs, 9],
      [first, -5, windowMs, 9],
      [first, mark, 0, 9],
      [first, mark, NaN, 9],
      [first, mark, 1e12, 9],
    ];
    for (const delta of wrong) counters.addRemote(...delta, START);
    take('a', 10, 0);
    expect(out.remaining).toBe(8);
    counters.addRemote(first, mark, windowMs, 2 ** 40, START);
    expect(take('a', 1_000_000, 0)).toBe(false);
  });

  test('forget all when they hash as another node does', () => {
    const { counters, memory, take } = setUp();
    take('a', 1, 0);
    const ofAnother = randomCoefficients(256);
    counters.adopt(ofAnother);
    expect(take('a', 1, 0)).toBe(true);
    // Also another thread does, for which the memory is the same.
    expect(new WindowCounters(memory).take('a', 1, WINDOW, START, 1, new Take())).toBe(false);
    expect(memory.coefficients).toEqual(ofAnother);
  });

  test('a key whose thread died while it wrote it is written by another one later', () => {
    const { memory, take } = setUp(1);
    const words = new Int32Array(memory.slots);
    take('a', 5, 0);
    for (let at = 0; at < words.length; at += 40) {
      Atomics.store(words, at, -1);
      Atomics.store(words, at + 2, START & 0x7fff_ffff);
    }
    expect(take('a', 5, 1)).toBe(false);
    expect(take('a', 5, 1001)).toBe(true);
  });
});
