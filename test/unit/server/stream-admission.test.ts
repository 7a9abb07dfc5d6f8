// Who may come in beside whom: counts in all and by address, and those that wait giving way.

import { beforeEach, describe, expect, test } from 'vitest';
import { type Place, StreamAdmission } from '../../../server/media/stream-admission.ts';

let admission: StreamAdmission;
let evicted: string[];

beforeEach(() => {
  admission = new StreamAdmission({ total: 6, perAddress: 4, waitingPerAddress: 2 });
  evicted = [];
});

const enter = (name: string, address: string | undefined): Place | undefined =>
  admission.enter(address, () => evicted.push(name));

describe('of one address', () => {
  test('the oldest that waits gives way to the next', () => {
    for (const name of ['a', 'b', 'c', 'd']) expect(enter(name, '192.0.2.1')).toBeDefined();
    expect(evicted).toEqual(['a', 'b']);
    expect(admission.size).toBe(2);
    enter('e', '192.0.2.2');
    expect(evicted).toEqual(['a', 'b']);
  });

  test('who has settled stays, and when all have the next one is refused', () => {
    for (const name of ['a', 'b', 'c', 'd']) enter(name, '192.0.2.1')?.settle();
    expect(enter('e', '192.0.2.1')).toBeUndefined();
    expect(evicted).toEqual([]);
    expect(admission.size).toBe(4);
  });

  test('64 bits of IPv6 are one', () => {
    enter('a', '2001:db8::1');
    enter('b', '2001:db8::2');
    enter('c', '2001:db8:0:1::1');
    expect(evicted).toEqual([]);
    enter('d', '2001:db8::3');
    expect(evicted).toEqual(['a']);
  });
});

describe('in all', () => {
  test('the oldest that waits gives way, of whatever address, also one that is not known yet', () => {
    enter('a', '192.0.2.1')?.settle();
    enter('b', undefined);
    for (let i = 2; i < 6; i++) enter(`c${i}`, `192.0.2.${i}`);
    expect(admission.size).toBe(6);
    enter('d', '192.0.2.9');
    enter('e', undefined);
    expect(evicted).toEqual(['b', 'c2']);
    expect(admission.size).toBe(6);
  });

  test('when nobody waits the next one is refused', () => {
    const places = [1, 2, 3, 4, 5, 6].map((i) => enter(`${i}`, `192.0.2.${i}`));
    for (const place of places) place?.settle();
    expect(enter('x', '192.0.2.9')).toBeUndefined();
    expect(enter('y', undefined)).toBeUndefined();
    places[0]?.leave();
    places[0]?.leave();
    expect(enter('z', '192.0.2.9')).toBeDefined();
    expect(evicted).toEqual([]);
    expect(admission.size).toBe(6);
  });
});

test('who was driven out and leaves after that takes nobody along', () => {
  const first = enter('a', '192.0.2.1');
  enter('b', '192.0.2.1');
  enter('c', '192.0.2.1');
  expect(evicted).toEqual(['a']);
  first?.leave();
  first?.settle();
  expect(admission.size).toBe(2);
  enter('d', '192.0.2.1');
  expect(evicted).toEqual(['a', 'b']);
});
