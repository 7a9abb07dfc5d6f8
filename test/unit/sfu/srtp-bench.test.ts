// The bench of SRTP still runs, and every figure it prints is a number.

import { expect, it } from 'vitest';
import { run } from '../../../bench/srtp.ts';

it('bench/srtp runs small: both profiles, two sizes, both ways, beside node:crypto and plain FFI', () => {
  const figures = run(true);
  expect(new Set(figures.map(({ name }) => name)).size).toBe(8);
  for (const { own, nodeCrypto } of figures) {
    expect(own).toBeGreaterThan(0);
    expect(nodeCrypto).toBeGreaterThan(0);
  }
  expect(figures.filter(({ plain }) => plain !== undefined && plain > 0)).toHaveLength(2);
});
