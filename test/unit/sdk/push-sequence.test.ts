import { expect, test } from 'vitest';
import { PushSequence } from '../../../sdk/push-sequence.ts';

test('each push is taken once and in order', () => {
  const pushes = new PushSequence();
  expect([1, 2, 2, 1, 3, 5, 4].map((s) => pushes.accept(s))).toEqual([
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(pushes.last).toBe(5);
});

test('a snapshot sets where the next session begins, also further back', () => {
  const pushes = new PushSequence();
  pushes.accept(40);
  pushes.restart(7);
  expect(pushes.accept(7)).toBe(false);
  expect(pushes.accept(8)).toBe(true);
});

test('what is no sequence number is refused', () => {
  const pushes = new PushSequence();
  expect([Number.NaN, 1.5, -1, 0, Infinity].map((s) => pushes.accept(s))).toEqual(
    Array.from({ length: 5 }, () => false),
  );
  expect(pushes.last).toBe(0);
});
