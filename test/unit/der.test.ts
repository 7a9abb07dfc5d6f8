import { expect, it } from 'vitest';
import { der, derTime } from '../../shared/der.ts';

it.each([
  [0, '0400'],
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [65_535, '0482ffff'],
])('DER says a length of %i as X.690 s8.1.3 has it', (length, head) => {
  const written = der(0x04, new Uint8Array(length));
  expect(written.toString('hex', 0, head.length / 2)).toBe(head);
  expect(written).toHaveLength(head.length / 2 + length);
});

it('DER has a bound, and times with two digits for the year until 2049', () => {
  expect(() => der(0x04, new Uint8Array(65_536))).toThrow(RangeError);
  expect(derTime(Date.parse('2049-12-31T23:59:59Z')).toString('latin1')).toBe(
    '\x17\x0d491231235959Z',
  );
  expect(derTime(Date.parse('2050-01-01T00:00:00Z')).toString('latin1')).toBe(
    '\x18\x0f20500101000000Z',
  );
});
