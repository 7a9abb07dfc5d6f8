import { expect, test } from 'vitest';
import { AddressCounts } from '../../../signaling/address-counts.ts';

test.each([
  ['192.0.2.1', '192.0.2.1', true],
  ['192.0.2.1', '192.0.2.2', false],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1', true],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
  ['2001:db8:0:1::1', '2001:db8:0:1:ffff::9', true],
  ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
  ['fe80::1%lo', 'fe80::2', true],
])('%s and %s count as the same address: %s', (a, b, same) => {
  const counts = new AddressCounts();
  counts.open(counts.of(a));
  expect(counts.of(b).total).toBe(same ? 1 : 0);
});

test('an address is forgotten with its last socket', () => {
  const counts = new AddressCounts();
  counts.open(counts.of('192.0.2.1'));
  counts.open(counts.of('192.0.2.1'));
  expect(counts.of('192.0.2.1')).toMatchObject({ total: 2, unauthenticated: 2 });
  counts.close(counts.of('192.0.2.1'));
  expect(counts.size).toBe(1);
  counts.close(counts.of('192.0.2.1'));
  expect(counts.size).toBe(0);
});

test('asking about an address keeps nothing', () => {
  const counts = new AddressCounts();
  counts.of('192.0.2.1');
  expect(counts.size).toBe(0);
});
