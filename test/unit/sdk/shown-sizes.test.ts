import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ShownSizes } from '../../../sdk/shown-sizes.ts';
import type { Wish } from '../../../sdk/subscriptions.ts';

let told: Record<string, Wish>[];
let refuses: string | null;
let sizes: ShownSizes;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  refuses = null;
  sizes = new ShownSizes(async (wishes) => {
    told.push(Object.fromEntries(wishes));
    if (refuses !== null && wishes.has(refuses)) throw new Error('NOT_FOUND');
  });
});
afterEach(() => {
  sizes.close();
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers left running`);
});

const news = (): unknown => told.splice(0);
const HIDDEN = { w: 0, h: 0 };

test('a new layout is one message, and the same again is none', () => {
  for (const track of ['a', 'b']) sizes.show(track, { w: 310, h: 170 });
  vi.advanceTimersByTime(100);
  expect(news()).toEqual([{ a: { w: 320, h: 192 }, b: { w: 320, h: 192 } }]);
  sizes.show('a', { w: 315, h: 180 });
  vi.advanceTimersByTime(10_000);
  expect(news()).toEqual([]);
});

test('larger is told soon, smaller and hidden later, and what does not last not at all', () => {
  sizes.show('a', { w: 320, h: 192 });
  vi.advanceTimersByTime(100);
  sizes.show('a', { w: 1280, h: 736 });
  vi.advanceTimersByTime(100);
  expect(news()).toEqual([{ a: { w: 320, h: 192 } }, { a: { w: 1280, h: 736 } }]);
  sizes.show('a', HIDDEN);
  vi.advanceTimersByTime(1400);
  expect(news()).toEqual([]);
  sizes.show('a', { w: 1280, h: 736 });
  vi.advanceTimersByTime(10_000);
  expect(news()).toEqual([]);
  sizes.show('a', HIDDEN);
  vi.advanceTimersByTime(1500);
  expect(news()).toEqual([{ a: HIDDEN }]);
  sizes.show('a', { w: 320, h: 192 });
  vi.advanceTimersByTime(100);
  expect(news()).toEqual([{ a: { w: 320, h: 192 } }]);
});

test('a size that changes all the time is told now and then', () => {
  for (let i = 1; i <= 100; i += 1) {
    sizes.show('a', { w: 10 * i, h: 10 * i });
    vi.advanceTimersByTime(16);
  }
  for (let i = 100; i >= 1; i -= 1) {
    sizes.show('a', { w: 10 * i, h: 10 * i });
    vi.advanceTimersByTime(16);
  }
  vi.advanceTimersByTime(2000);
  expect(told.length).toBeLessThan(25);
  expect(told.at(-1)).toEqual({ a: { w: 32, h: 32 } });
});

test('what the application prefers goes before what is shown, until it prefers nothing', () => {
  sizes.show('a', HIDDEN);
  expect(sizes.prefer('a', { w: 0, h: 360 })).toEqual({ w: 0, h: 360 });
  sizes.show('a', { w: 1280, h: 736 });
  vi.advanceTimersByTime(5000);
  expect(news()).toEqual([]);
  expect(sizes.prefer('a', null)).toEqual({ w: 1280, h: 736 });
  // What no element was named for has no limit again.
  sizes.prefer('b', { w: 0, h: 180 });
  expect(sizes.prefer('b', null)).toEqual({ w: 16_384, h: 16_384 });
  sizes.show('a', HIDDEN);
  vi.advanceTimersByTime(5000);
  expect(news()).toEqual([{ a: HIDDEN }]);
});

test('one that the server does not know any more does not silence the others', async () => {
  refuses = 'gone';
  for (const track of ['gone', 'b']) sizes.show(track, { w: 64, h: 64 });
  await vi.advanceTimersByTimeAsync(100);
  expect(told.map((wishes) => Object.keys(wishes))).toEqual([['gone', 'b'], ['gone'], ['b']]);
  sizes.forget('b');
  sizes.show('gone', { w: 640, h: 640 });
  sizes.forget('gone');
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toHaveLength(3);
});
