import { expect, test } from 'vitest';
import { Durations } from '../../../signaling/durations.ts';

test('nothing yet is zero', () => {
  expect(new Durations(4).stats()).toEqual({ count: 0, p50Ms: 0, p99Ms: 0 });
});

test('percentiles of the last ones, a count of all', () => {
  const durations = new Durations(100);
  for (let i = 0; i < 50; i++) durations.add(1e6);
  for (let i = 100; i >= 1; i--) durations.add(i);
  expect(durations.stats()).toEqual({ count: 150, p50Ms: 50, p99Ms: 99 });
});
