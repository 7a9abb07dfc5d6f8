// A bucket of units that time fills.

import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../shared/token-bucket.ts';
import { bytesPerTurn } from '../support/turn/heap.ts';

/** How many of so many single units are given at that time. */
function given(bucket: TokenBucket, asked: number, now: number): number {
  let count = 0;
  for (let i = 0; i < asked; i++) if (bucket.spend(1, now)) count++;
  return count;
}

it('is full at first, whatever the time, and then has what time has brought', () => {
  for (const begin of [0.25, 1e9]) {
    const bucket = new TokenBucket(2000, 10);
    expect(given(bucket, 20, begin)).toBe(10);
    expect(given(bucket, 20, begin + 1.5)).toBe(3);
    expect(given(bucket, 20, begin + 1e6)).toBe(10);
  }
});

it('loses no part of a unit between two looks', () => {
  const bucket = new TokenBucket(100, 5);
  given(bucket, 5, 1000);
  let count = 0;
  for (let ms = 1; ms <= 10_000; ms++) count += given(bucket, 1, 1000 + ms);
  expect(count).toBe(1000);
});

it('gives nothing for a clock that stands or goes back', () => {
  const bucket = new TokenBucket(1000, 5);
  expect([given(bucket, 9, 1000), given(bucket, 9, 1000), given(bucket, 9, 500)]).toEqual([
    5, 0, 0,
  ]);
  expect(given(bucket, 9, 1003)).toBe(3);
});

it('gives all that is asked for, or nothing', () => {
  const bucket = new TokenBucket(1000, 5);
  expect([bucket.spend(6, 1), bucket.spend(4, 1), bucket.spend(2, 1), bucket.spend(1, 1)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

describe('a wait that is told', () => {
  it('is none for the burst, then as the rate has it', () => {
    const bucket = new TokenBucket(10, 3);
    for (let i = 0; i < 3; i++) {
      expect(bucket.waitMs(1, 0)).toBe(0);
      bucket.take(1);
    }
    expect(bucket.waitMs(1, 0)).toBe(100);
    expect(bucket.waitMs(1, 99)).toBe(1);
    expect(bucket.waitMs(1, 100)).toBe(0);
  });

  it('asking takes nothing', () => {
    const bucket = new TokenBucket(1, 1);
    expect([bucket.waitMs(1, 0), bucket.waitMs(1, 0)]).toEqual([0, 0]);
  });

  it('never holds more than the burst', () => {
    const bucket = new TokenBucket(1000, 5);
    bucket.waitMs(1, 1e9);
    bucket.take(5);
    expect(bucket.waitMs(1, 1e9)).toBe(1);
  });

  it('more than the burst costs the whole burst, and is not impossible', () => {
    const bucket = new TokenBucket(10, 5);
    expect(bucket.waitMs(50, 0)).toBe(0);
    bucket.take(50);
    expect(bucket.waitMs(50, 0)).toBe(500);
    expect(bucket.waitMs(50, 500)).toBe(0);
  });

  it('a clock that stands still or goes back fills nothing', () => {
    const bucket = new TokenBucket(1000, 1);
    expect(bucket.waitMs(1, 100)).toBe(0);
    bucket.take(1);
    expect(bucket.waitMs(1, 50)).toBe(1);
    expect(bucket.waitMs(1, 100)).toBe(1);
  });
});

it('is asked without allocating, at times between milliseconds', () => {
  const bucket = new TokenBucket(1e9, 1e9);
  const times = Float64Array.from({ length: 1000 }, (_, i) => 1000 + i / 7);
  // A call takes nanoseconds: so many give the compiler the time that it has on a busy machine, too.
  const perCall = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) bucket.spend(1200, times[i % 1000]!);
  }, 3_000_000);
  expect(perCall).toBeLessThan(4);
});
