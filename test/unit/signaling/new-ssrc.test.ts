import { expect, test } from 'vitest';
import { newSsrc } from '../../../signaling/media/new-ssrc.ts';

test('an SSRC that is taken, or zero, is not taken again', () => {
  const taken = new Set([7]);
  const random = [7, 0, 9, 9, 7, 8];
  const next = (): number => random.shift()!;
  expect([newSsrc(taken, next), newSsrc(taken, next)]).toEqual([9, 8]);
  expect([...taken]).toEqual([7, 9, 8]);
});

test('they have 32 random bits', () => {
  const taken = new Set<number>();
  const ssrcs = Array.from({ length: 1000 }, () => newSsrc(taken));
  expect(taken.size).toBe(1000);
  let ones = 0;
  let zeros = 0;
  for (const ssrc of ssrcs) {
    ones |= ssrc;
    zeros |= ~ssrc;
  }
  expect([ones >>> 0, zeros >>> 0]).toEqual([0xffff_ffff, 0xffff_ffff]);
});
