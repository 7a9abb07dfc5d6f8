import { expect, test } from 'vitest';
import { Revocations } from '../../../signaling/revocations.ts';

test('holds what was added', () => {
  const revocations = new Revocations();
  expect(revocations.has('a')).toBe(false);
  revocations.add('a', 5000, 1000);
  expect(revocations.has('a')).toBe(true);
  expect(revocations.has('b')).toBe(false);
});

test('when full, expired ones make room, and nothing else does', () => {
  const revocations = new Revocations(2);
  revocations.add('short', 2000, 1000);
  revocations.add('for ever', Infinity, 1000);
  expect(() => revocations.add('c', 9000, 1999)).toThrow('2 tokens are revoked already');
  expect(revocations.has('short')).toBe(true);
  revocations.add('c', 9000, 2000);
  expect([revocations.has('short'), revocations.has('for ever'), revocations.has('c')]).toEqual([
    false,
    true,
    true,
  ]);
});

test('revoking again needs no room and never shortens', () => {
  const revocations = new Revocations(1);
  revocations.add('a', Infinity, 1000);
  revocations.add('a', 2000, 1000);
  expect(() => revocations.add('b', 9000, 3000)).toThrow('already');
});
