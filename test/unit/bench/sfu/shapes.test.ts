// The meetings of the SFU bench: who receives whom, and how many packets that makes.

import { expect, test } from 'vitest';
import {
  deliveredPerSecond,
  fanOut,
  kindsOf,
  type Shape,
  SHAPES,
} from '../../../../bench/sfu/shapes.ts';

function named(name: string): Shape {
  const shape = SHAPES.find((one) => one.name === name);
  if (shape === undefined) throw new Error(`no shape ${name}`);
  return shape;
}

/** How many subscriptions each publisher has. */
function receivers({ publishers, subscriptions }: Shape): number[] {
  const counts = Array.from({ length: publishers }, () => 0);
  for (const publisher of subscriptions) counts[publisher]!++;
  return counts;
}

test('one to many', () => {
  expect(receivers(named('1x20'))).toEqual([20]);
  expect(receivers(named('1x50@1000'))).toEqual([50]);
  expect(deliveredPerSecond(named('1x50@1000'))).toBe(52_500);
  expect(fanOut(2)).toMatchObject({ name: '1x2', subscriptions: [0, 0] });
});

test('in a meeting everybody is received by as many as he receives, and nobody by himself', () => {
  const all = named('10x10');
  expect(receivers(all)).toEqual(Array.from({ length: 10 }, () => 9));
  const few = named('audio-50x3');
  expect(receivers(few)).toEqual(Array.from({ length: 50 }, () => 3));
  for (const [shape, each] of [
    [all, 9],
    [few, 3],
  ] as const) {
    for (let participant = 0; participant < shape.publishers; participant++) {
      const received = shape.subscriptions.slice(each * participant, each * (participant + 1));
      expect(new Set(received).size).toBe(each);
      expect(received).not.toContain(participant);
    }
  }
});

test('a shape without video has audio alone', () => {
  expect(kindsOf(named('audio-50x3'))).toEqual(['audio']);
  expect(deliveredPerSecond(named('audio-50x3'))).toBe(7500);
  expect(kindsOf(named('10x10'))).toEqual(['video', 'audio']);
});
