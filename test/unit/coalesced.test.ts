// Who asks for what is on its way already gets the same answer, and who asks afterwards a new one.

import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Coalesced } from '../../shared/coalesced.ts';

test('a thousand who ask at once are one question', async () => {
  const coalesced = new Coalesced();
  let asked = 0;
  const make = async (): Promise<number> => {
    asked++;
    return setImmediate(1);
  };
  const all = Array.from({ length: 1000 }, () => coalesced.once('/v1/rooms', make));
  const other = coalesced.once('/v1/rooms?limit=1', () => 2);
  expect([asked, coalesced.size]).toEqual([1, 2]);
  expect(new Set(await Promise.all(all))).toEqual(new Set([1]));
  expect([await other, coalesced.size]).toEqual([2, 0]);
  expect(await coalesced.once('/v1/rooms', () => 3)).toBe(3);
});

const fail = (): never => {
  throw new Error('away');
};

test('an error is told to all who wait, and is not kept', async () => {
  const coalesced = new Coalesced();
  const both = [coalesced.once('a', fail), coalesced.once('a', () => 1)];
  const settled = await Promise.allSettled(both);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await coalesced.once('a', () => 1)).toBe(1);
});
