import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomCoefficients } from '../../../shared/cache/key-hash.ts';
import { Take, WindowCounters } from '../../../shared/cache/window-counters.ts';

const WINDOW = 1000;
const START = 7_000_000_000_000;

function setUp(keys = 64) {
  const coefficients = randomCoefficients(128);
  const memory = WindowCounters.memory(keys, coefficients);
  const counters = new WindowCounters(memory);
  const out = new Take();
  const take = (key: string, limit: number, at: number, cost = 1): boolean =>
    counters.take(key, limit, WINDOW, START + at, cost, out);
  return { coefficients, counters, memory, out, take };
}

describe('WindowCounters', () => {
  test('allow the limit, say what is left, and when there will be more', () => {
    const { take, out } = setUp();
    expect(take('a', 3, 100)).toBe(true);
    expect(out).toMatchObject({ allowed: true, remaining: 2, resetMs: 1900 });
    expect(take('a', 3, 100, 2)).toBe(true);
    expect(take('a', 3, 100)).toBe(false);
    // In the next window the 3 fade away, a third of them in a third of it.
    expect(out).toMatchObject({ allowed: false, remaining: 0, resetMs: 900 + 334 });
    expect(take('b', 3, 100)).toBe(true);
    expect(take('a', 3, 100 + 1233)).toBe(false);
    expect(take('a', 3, 100 + 1234)).toBe(true);
  });

  test('do not count what was refused', () => {
    const { take, out } = setUp();
    for (let i = 0; i < 10; i++) take('a', 2, 0);
    expect(take('a', 3, 0)).toBe(true);
    expect(out.remaining).toBe(0);
  });

  test('let no more than the limit through in any window, and all of it over time', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 3, max: 20 }),
        (steps, limit) => {
          const { take, out } = setUp();
          let at = 0;
          const taken: [number, number][] = [];
          for (const [wait, cost] of steps) {
            at += wait;
            // The model, with the formula of the two windows.
            const number = Math.floor((START + at) / WINDOW);
            const sum = (n: number): number =>
              taken.reduce(
                (all, [t, c]) => all + (Math.floor((START + t) / WINDOW) === n ? c : 0),
                0,
              );
            const share = 1 - ((START + at) % WINDOW) / WINDOW;
            const isAllowed = cost <= limit - sum(number) - sum(number - 1) * share;
            expect(take('key', limit, at, cost)).toBe(isAllowed);
            if (isAllowed) {
              taken.push([at, cost]);
              continue;
            }
            expect(out.resetMs).toBeGreaterThan(0);
            // It has said when it would be: then, and not much earlier.
            const { resetMs } = out;
            const copy = setUp();
            for (const [t, c] of taken) copy.take('key', 1_000_000, t, c);
            expect(copy.take('key', limit, at + resetMs - 2, cost)).toBe(false);
            expect(copy.take('key', limit, at + resetMs, cost)).toBe(true);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('never let through what is more than the limit, nor a key that is too long', () => {
    const { take, out } = setUp();
    expect(take('a', 3, 0, 4)).toBe(false);
    expect(out.resetMs).toBe(2000);
    expect(take('a', 0, 0)).toBe(false);
    expect(take('k'.repeat(129), 3, 0)).toBe(false);
    expect(take('k'.repeat(128), 3, 0)).toBe(true);
  });

  test('start anew after a pause, also one after which windows have the same numbers', () => {
    for (const windows of [2, 3, 1024, 2047, 2048, 2049, 4096]) {
      const { take } = setUp();
      expect(take('a', 1, 0)).toBe(true);
      expect(take('a', 1, windows * WINDOW)).toBe(true);
      expect(take('a', 1, windows * WINDOW)).toBe(false);
    }
  });

  test('bear a thread whose time is a little behind', () => {
    const { take } = setUp();
    expect(take('a', 2, 1000)).toBe(true);
    expect(take('a', 2, 1000)).toBe(true);
    expect(take('a', 2, 995)).toBe(true);
    expect(take('a', 2, 1000)).toBe(false);
  });

  test('keep those that are used when there are more keys than room', () => {
    const { take } = setUp(8);
    for (let i = 0; i < 1000; i++) {
      take('used', 5, i);
      take(`key ${i}`, 5, i);
    }
    expect(take('used', 5, 1000)).toBe(false);
  });

  test('hand over what was taken once, and take in what another node has', () => {
    const node = setUp();
    const there = new WindowCounters(WindowCounters.memory(64, node.coefficients));
    const out = new Take();
    for (let i = 0; i < 3; i++) node.take('a', 10, 0);
    node.take('b', 10, 0, 5);
    const drain = (): number[] => {
      const counts: number[] = [];
      node.counters.drainDeltas((first, mark, window, count) => {
        counts.push(count);
        there.addRemote(first, mark, window, count, START);
      });
      return counts.toSorted((x, y) => x - y);
    };
    expect(drain()).toEqual([3, 5]);
    expect(drain()).toEqual([]);
    there.take('a', 10, WINDOW, START, 1, out);
    expect(out.remaining).toBe(6);
    there.take('b', 10, WINDOW, START, 1, out);
    expect(out.remaining).toBe(4);
    const own: number[] = [];
    there.drainDeltas((_first, _mark, _window, count) => own.push(count));
    expect(own).toEqual([1, 1]);
    node.take('a', 10, 900);
    node.take('a', 10, 1100);
    expect(drain()).toEqual([1, 1]);
    there.take('a', 10, WINDOW, START + 1100, 1, out);
    // 1 + 1 in this window, and nine tenths of the 5 before.
    expect(out.remaining).toBe(3);
  });

  test('drop counts of another node that are out of date or out of range', () => {
    const { counters, take, out } = setUp();
    take('a', 10, 0);
    take('a', 10, 1000);
    const found: [number, number, number][] = [];
    counters.drainDeltas((first, mark, window) => found.push([first, mark, window]));
    const [first, mark, window] = found.find(([, , w]) => w % 2 === (START / 1000) % 2)!;
    counters.addRemote(first, mark, (window - 2) & 0x7ff, 9, START + 1000);
    counters.addRemote(first, mark, window, -9, START + 1000);
    counters.addRemote(first, 0, window, 9, START + 1000);
    counters.addRemote(first, -5, window, 9, START + 1000);
    take('a', 10, 1000);
    expect(out.remaining).toBe(7);
  });

  test('a key whose thread died while it wrote it is written by another one later', () => {
    const { memory, take } = setUp(1);
    const words = new Int32Array(memory.slots);
    take('a', 5, 0);
    for (let at = 0; at < words.length; at += 8) {
      Atomics.store(words, at, -1);
      Atomics.store(words, at + 2, START & 0x7fff_ffff);
    }
    expect(take('a', 5, 1)).toBe(false);
    expect(take('a', 5, 1001)).toBe(true);
  });
});
