// What the SFU bench measures with: percentiles of latencies, and the CPU clock of a process.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Latencies } from '../../../../server/load/latencies.ts';
import { processCpuNanoseconds } from '../../../../bench/sfu/process-clock.ts';

test('percentiles are the middles of steps of 5 us, and what is off the scale is at its ends', () => {
  const latencies = new Latencies();
  expect(latencies.percentile(0.5)).toBe(0);
  for (let i = 1; i <= 100; i++) latencies.note(i / 100);
  expect([0.01, 0.5, 0.99, 1].map((part) => latencies.percentile(part))).toEqual([
    12.5, 502.5, 992.5, 1002.5,
  ]);
  latencies.note(-1);
  latencies.note(5000);
  expect(latencies.percentile(0)).toBe(0);
  expect(latencies.percentile(1e-9)).toBe(2.5);
  expect(latencies.percentile(1)).toBe(999_997.5);
});

test('the CPU clock of a process counts threads that have ended', async () => {
  const before = processCpuNanoseconds(process.pid);
  const usedBefore = process.cpuUsage();
  const code = 'for (const end = performance.now() + 200; performance.now() < end;);';
  await once(new Worker(code, { eval: true }), 'exit');
  const used = process.cpuUsage(usedBefore);
  const spent = processCpuNanoseconds(process.pid) - before;
  expect(spent / (1000 * (used.user + used.system))).toBeCloseTo(1, 0);
  expect(() => processCpuNanoseconds(2 ** 22 + 1)).toThrow('is gone');
});
