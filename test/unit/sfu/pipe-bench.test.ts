// The bench of pipes still runs, and every figure it prints is a number.

import { expect, it } from 'vitest';
import { run } from '../../../bench/pipe.ts';

it('bench/pipe runs small', () => {
  for (const figure of Object.values(run(true))) expect(Number.isFinite(figure)).toBe(true);
});
