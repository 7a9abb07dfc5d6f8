import { describe, expect, test } from 'vitest';
import { Violations } from '../../../signaling/violations.ts';

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
