// Which encodings somebody wants: told when one is wanted again at once, and when nobody wants it after a while.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Audience, Demands } from '../../../signaling/media/demands.ts';
import { Track } from '../../../signaling/media/track.ts';
import { testClock } from './test-clock.ts';
import type { TestClock } from './test-clock.ts';

const REST_MS = 5000;
const ALL = 0b111;
const publisher = {
  sid: 'PA_1',
  identity: 'ann',
  joined: 1,
  speaking: -1,
  spokeAt: 0,
  plain: false,
};

let clock: TestClock;
let demands: Demands;
let told: [Track, number][];
let track: Track;

beforeEach(() => {
  vi.useFakeTimers();
  clock = testClock();
  told = [];
  demands = new Demands(clock, REST_MS, (of, wanted) => void told.push([of, wanted]));
  track = camera();
  demands.begin(track);
});

afterEach(() => {
  demands.close();
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers left running`);
});

function camera(): Track {
  return new Track(publisher, 'video', { mid: '0', source: 'camera' });
}

function pass(ms: number): void {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(100);
    vi.advanceTimersByTime(100);
  }
}

const news = (): number[] => told.splice(0).map(([, wanted]) => wanted);

const show = (audience: Audience, bits: number, of: Track | null = track): void =>
  audience.show([{ track: of, bits }]);

test('what nobody wants rests after a while, and is wanted again at once', () => {
  pass(REST_MS - 100);
  expect(news()).toEqual([]);
  pass(200);
  expect(news()).toEqual([0]);
  const ann = new Audience(demands);
  const bob = new Audience(demands);
  show(ann, 0b001);
  expect(news()).toEqual([0b001]);
  show(bob, 0b111);
  expect(news()).toEqual([0b111]);
  show(bob, 0b011);
  pass(REST_MS - 100);
  expect(news()).toEqual([]);
  pass(200);
  expect(news()).toEqual([0b011]);
  show(ann, 0, null);
  pass(2 * REST_MS);
  expect(news()).toEqual([]);
  show(bob, 0, null);
  pass(REST_MS + 100);
  expect(news()).toEqual([0]);
});

test('what comes and goes is not told', () => {
  const ann = new Audience(demands);
  for (let i = 0; i < 20; i++) {
    show(ann, i % 2 === 0 ? ALL : 0b001);
    pass(1000);
  }
  expect(news()).toEqual([]);
});

test('encodings rest each in its own time', () => {
  const ann = new Audience(demands);
  show(ann, ALL);
  pass(10_000);
  show(ann, 0b011);
  pass(2000);
  show(ann, 0b001);
  pass(REST_MS - 2000 + 100);
  expect(news()).toEqual([0b011]);
  pass(2000);
  expect(news()).toEqual([0b001]);
});

test('a track that is sent anew is sent whole; what is gone is told of no more', () => {
  pass(REST_MS + 100);
  expect(news()).toEqual([0]);
  const ann = new Audience(demands);
  demands.begin(track);
  expect(demands.told(track)).toBe(ALL);
  show(ann, 0b001);
  demands.begin(track);
  pass(REST_MS + 100);
  expect(news()).toEqual([0b001]);
  demands.end(track);
  show(ann, 0, null);
  pass(2 * REST_MS);
  expect(news()).toEqual([]);
});

test('a change of one among 200 costs what it changes', () => {
  const cameras = Array.from({ length: 200 }, () => camera());
  for (const one of cameras) demands.begin(one);
  const change = vi.fn<Demands['change']>((...args) => demands.change(...args));
  const audiences = cameras.map(() => new Audience({ change }));
  const slots = cameras.slice(0, 9).map((of) => ({ track: of, bits: 0b001 }));
  for (const audience of audiences) audience.show(slots);
  change.mockClear();
  for (const audience of audiences) audience.show(slots);
  expect(change).not.toHaveBeenCalled();
  audiences[0]!.show([...slots.slice(1), { track: cameras[100]!, bits: ALL }]);
  expect(change).toHaveBeenCalledTimes(2);
  expect(told.map(([of]) => of)).toEqual([]);
});
