// The bench of the codec still runs, and every figure it prints is a number.

import { describe, expect, it } from 'vitest';
import { run } from '../../../bench/stun.ts';

describe('bench/stun', () => {
  it('runs small, beside the package `stun`, and every figure is finite and positive', async () => {
    const figures = await run(true);
    expect(figures).toHaveLength(9);
    expect(new Set(figures.map(({ name }) => name)).size).toBe(9);
    for (const { median, min } of figures) {
      expect(Number.isFinite(median) && min > 0 && min <= median).toBe(true);
    }
    expect(figures.filter(({ published }) => published === 68)).toHaveLength(3);
    expect(figures.filter(({ published }) => published === 263)).toHaveLength(2);
    const rivals = figures.flatMap(({ rival }) => (rival === undefined ? [] : [rival]));
    expect(rivals).toHaveLength(5);
    for (const rival of rivals) expect(Number.isFinite(rival) && rival > 0).toBe(true);
  });
});
