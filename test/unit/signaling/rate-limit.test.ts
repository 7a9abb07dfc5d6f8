import { describe, expect, test } from 'vitest';
import { TokenBucket, Violations } from '../../../signaling/rate-limit.ts';

describe('TokenBucket', () => {
  test('gives the burst at once, then the rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    for (let i = 0; i < 3; i++) {
      expect(bucket.waitMs(1, 0)).toBe(0);
      bucket.take(1);
    }
    expect(bucket.waitMs(1, 0)).toBe(100);
    expect(bucket.waitMs(1, 99)).toBe(1);
    expect(bucket.waitMs(1, 100)).toBe(0);
  });

  test('asking takes nothing', () => {
    const bucket = new TokenBucket(1, 1, 0);
    expect([bucket.waitMs(1, 0), bucket.waitMs(1, 0)]).toEqual([0, 0]);
  });

  test('never holds more than the burst', () => {
    const bucket = new TokenBucket(1000, 5, 0);
    bucket.waitMs(1, 1e9);
    bucket.take(5);
    expect(bucket.waitMs(1, 1e9)).toBe(1);
  });

  test('more than the burst costs the whole burst, and is not impossible', () => {
    const bucket = new TokenBucket(10, 5, 0);
    expect(bucket.waitMs(50, 0)).toBe(0);
    bucket.take(50);
    expect(bucket.waitMs(50, 0)).toBe(500);
    expect(bucket.waitMs(50, 500)).toBe(0);
  });

  test('a clock that stands still or goes back fills nothing', () => {
    const bucket = new TokenBucket(1000, 1, 100);
    bucket.take(1);
    expect(bucket.waitMs(1, 50)).toBe(1);
    expect(bucket.waitMs(1, 100)).toBe(1);
  });
});

describe('Violations', () => {
  test('is full when the last `max` lie within the window', () => {
    const violations = new Violations(3, 1000);
    expect([violations.add(0), violations.add(1), violations.add(999)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('old ones slide out', () => {
    const violations = new Violations(3, 1000);
    violations.add(0);
    violations.add(500);
    expect(violations.add(1000)).toBe(false);
    expect(violations.add(1499)).toBe(true);
  });

  test('with a maximum of one the first is enough', () => {
    expect(new Violations(1, 1000).add(5)).toBe(true);
  });
});
