import { expect, test } from 'vitest';
import { Subscriptions } from '../../../sdk/subscriptions.ts';
import type { Wish } from '../../../sdk/subscriptions.ts';

const each = (tracks: readonly string[], wish: Wish): Map<string, Wish> =>
  new Map(tracks.map((track) => [track, wish]));

function setUp() {
  const told: unknown[] = [];
  return { subscriptions: new Subscriptions(async (tracks) => told.push(tracks)), told };
}

test('wishes add up, and each change alone is told', async () => {
  const { subscriptions, told } = setUp();
  await subscriptions.change(each(['a', 'b'], { pin: true }));
  await subscriptions.change(each(['a'], { on: false }));
  expect(told).toEqual([
    [
      { track: 'a', pin: true },
      { track: 'b', pin: true },
    ],
    [{ track: 'a', on: false }],
  ]);
  expect(subscriptions.of('a')).toEqual({ pin: true, on: false });
  expect(subscriptions.of('c')).toEqual({});
});

test('another session is told again, of what is still there', async () => {
  const { subscriptions, told } = setUp();
  await subscriptions.change(each(['a', 'b'], { pin: true }));
  told.length = 0;
  await subscriptions.repeat(new Set(['b', 'c']));
  expect(told).toEqual([[{ track: 'b', pin: true }]]);
  expect(subscriptions.of('a')).toEqual({});
  await subscriptions.repeat(new Set());
  expect(told).toHaveLength(1);
});

test('a message names no more tracks than it may', async () => {
  const { subscriptions, told } = setUp();
  const tracks = Array.from({ length: 300 }, (_, i) => String(i));
  await subscriptions.change(each(tracks, { on: false }));
  expect(told.map((entries) => (entries as unknown[]).length)).toEqual([256, 44]);
});
