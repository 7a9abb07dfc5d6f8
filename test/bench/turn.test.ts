// The bench of the TURN relay still runs against every server that is installed, and every figure it prints
// is a number.
// How large they are is not for a test.

import { expect, test } from 'vitest';
import { run, SMALL_RUN } from '../../bench/turn.ts';
import { FILLS } from '../../bench/turn/load-options.ts';

test('bench/turn runs small: load, relay, latency, allocations, Sterna and coturn', async () => {
  const { load, allocations, cells, missing } = await run(SMALL_RUN);
  expect(missing).not.toContain('turnserver');
  for (const { perSecond, ownCpuNs } of load) {
    expect(perSecond).toBeGreaterThan(0);
    expect(ownCpuNs).toBeGreaterThan(0);
  }
  expect(cells.map(({ cell }) => cell)).toEqual(SMALL_RUN.cells);
  for (const { figures } of cells) {
    expect(figures[0]?.server).toBe('sterna');
    expect(figures.some(({ server }) => server.startsWith('coturn'))).toBe(true);
    for (const { fill, cpuNs, perSecond, loss, pacedCpuNs, p50, p99, p999 } of figures) {
      expect(FILLS).toContain(fill);
      expect(cpuNs).toBeGreaterThan(0);
      expect(pacedCpuNs).toBeGreaterThan(0);
      expect(perSecond).toBeGreaterThan(0);
      expect(loss).toBeLessThan(1);
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50);
      expect(p999).toBeGreaterThanOrEqual(p99);
    }
  }
  expect(allocations[0]?.server).toBe('sterna');
  for (const { perSecond, cpuNs, idleBytes } of allocations) {
    expect(perSecond).toBeGreaterThan(0);
    expect(cpuNs).toBeGreaterThan(0);
    expect(idleBytes).toBeTypeOf('number');
  }
});
