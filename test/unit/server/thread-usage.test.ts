// What a thread takes is what this one takes, of the processor and of memory.

import { expect, test } from 'vitest';
import { LoopDelayWatch } from '../../../server/loop-delay.ts';
import { threadUsage } from '../../../server/media/thread-usage.ts';

function burn(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) JSON.stringify([until]);
}

test.runIf(process.platform === 'linux')('CPU time rises with what the thread does', () => {
  const before = threadUsage();
  const cpu = process.cpuUsage().user;
  while (process.cpuUsage().user - cpu < 300_000) burn(20);
  const after = threadUsage();
  expect((after.cpuSeconds ?? 0) - (before.cpuSeconds ?? 0)).toBeGreaterThan(0.05);
  expect(after.heapUsedBytes).toBeGreaterThan(1_000_000);
});

test('a thread that stood still was late', async () => {
  const watch = new LoopDelayWatch();
  expect(watch.read()).toBe(null);
  await new Promise((resolve) => setTimeout(resolve, 100));
  burn(300);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const delay = watch.read();
  expect(delay?.max).toBeGreaterThan(150);
  expect(delay?.p50).toBeLessThanOrEqual(delay?.max ?? 0);
});
