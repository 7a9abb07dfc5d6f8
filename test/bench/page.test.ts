// The bench of the pages still runs, and weighs them. How fast they are is not for a test; how heavy is.

import { expect, test } from 'vitest';
import { run } from '../../bench/page.ts';

/** All that a page loads, compressed as it comes over the line. */
const BYTES_MAX = 80_000;

test('bench/page runs small: both pages, on a desktop and on a telephone', async () => {
  const figures = await run(true);
  expect(figures.map(({ page, condition }) => `${page} ${condition}`)).toEqual([
    '/ desktop',
    '/ telephone',
    '/dashboard/ desktop',
    '/dashboard/ telephone',
  ]);
  for (const { bytes, requests, paintedMs, usableMs, blockedMs } of figures) {
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(BYTES_MAX);
    expect(requests).toBeGreaterThan(2);
    expect(requests).toBeLessThan(12);
    expect(paintedMs).toBeGreaterThan(0);
    expect(usableMs).toBeGreaterThan(0);
    expect(blockedMs).toBeGreaterThanOrEqual(0);
  }
});
