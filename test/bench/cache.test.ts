// The bench of the cache still runs, beside a Redis, and every figure it prints is a number.

import { expect, test } from 'vitest';
import { run } from '../../bench/cache.ts';

test('runs small, and every figure is finite and positive', async () => {
  const figures = await run(true);
  const names = figures.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const what of ['Map', 'L1 hit: Tiered', 'L2 hit', 'WindowCounters', 'coalesced', 'Redis']) {
    expect(names.filter((name) => name.startsWith(what))).not.toEqual([]);
  }
  for (const { median, min } of figures) {
    expect(Number.isFinite(median) && min > 0 && min <= median).toBe(true);
  }
  expect(figures.flatMap(({ target }) => target ?? [])).toEqual([31, 31, 250]);
});
