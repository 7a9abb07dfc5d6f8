import { expect, test } from 'vitest';
import { reconnectDelayMs } from '../../../sdk/backoff.ts';

test('without jitter the pauses are 0, 300, 1200, 2700 ms and grow to 10 s', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => reconnectDelayMs(attempt, () => 0));
  expect(delays).toEqual([0, 300, 1200, 2700, 4800, 7500, 10_000, 10_000]);
});

test('jitter adds up to a quarter, and nothing to the first attempt', () => {
  expect(reconnectDelayMs(0, () => 0.999)).toBe(0);
  expect(reconnectDelayMs(2, () => 0.5)).toBe(1350);
  expect(reconnectDelayMs(50, () => 1)).toBe(12_500);
});
