// The bench of signaling still runs, and every figure it prints is a number. How large they are is not for a test.

import { expect, test } from 'vitest';
import { run } from '../../bench/signal.ts';

test('bench/signal runs small, beside a bare ws', async () => {
  const figures = await run(true);
  expect(figures.map(({ kind }) => kind)).toEqual(['sterna', 'bare']);
  for (const each of figures) {
    for (const { p50, p99 } of [each.largeRoom, each.smallRooms, each.storm]) {
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50);
    }
    expect(each.residentPerSocket).toBeTypeOf('number');
    expect(each.largeRoomCpuNs).toBeGreaterThan(0);
    expect(each.smallRoomsCpuNs).toBeGreaterThan(0);
  }
});
