// The bench of the gateway still runs, and every figure it prints is a number. How large they are is not for a test.

import { expect, test } from 'vitest';
import { run } from '../../bench/gateway.ts';

test('bench/gateway runs small, beside bare Fastify, without an error', async () => {
  const { figures, serverTimingMs } = await run(true);
  expect(figures.map(({ name }) => name)).toEqual(['Sterna', 'bare Fastify']);
  for (const { perSecond, errors, p50Us, p99Us } of figures) {
    expect(perSecond).toBeGreaterThan(0);
    expect(errors).toBe(0);
    expect(p50Us).toBeGreaterThan(0);
    expect(p99Us).toBeGreaterThanOrEqual(p50Us);
  }
  expect(serverTimingMs).toBeGreaterThan(0);
});
