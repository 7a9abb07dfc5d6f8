// What waits for a receiver: order within a room, pauses between tries, bounds. Time is a number.

import { beforeEach, expect, test } from 'vitest';
import { DeliveryQueue } from '../../../server/webhooks/delivery-queue.ts';
import type { Delivery } from '../../../server/webhooks/delivery-queue.ts';

const LIMITS = {
  countMax: 4,
  bytesMax: 100,
  concurrency: 2,
  ageMaxMs: 10_000,
  retryMs: 500,
  retryMaxMs: 2000,
};

let chance: number;
let queue: DeliveryQueue;
beforeEach(() => {
  chance = 1;
  queue = new DeliveryQueue(LIMITS, () => chance);
});

const add = (room: string, text: string, now = 0): number =>
  queue.add(room, Buffer.from(text), now);
const textOf = (delivery: Delivery | null): string | undefined => delivery?.body.toString();

/** All that may go now. */
function going(now = 0): Delivery[] {
  const deliveries: Delivery[] = [];
  for (let one = queue.next(now); one !== null; one = queue.next(now)) deliveries.push(one);
  return deliveries;
}

test('one delivery of a room at a time, in order; as many rooms as there may be', () => {
  for (const [room, text] of ['a1', 'a2', 'b1', 'c1'].map((name) => [name[0]!, name])) {
    expect(add(room!, text!)).toBe(0);
  }
  const [first, second, ...more] = going();
  expect([textOf(first!), textOf(second!), more.length, queue.underWay]).toEqual([
    'a1',
    'b1',
    0,
    2,
  ]);
  queue.done(first!);
  expect(going().map(textOf)).toEqual(['c1']);
  queue.done(second!);
  expect(going().map(textOf)).toEqual(['a2']);
  expect(queue.size).toBe(2);
});

test('a room whose delivery failed waits, twice as long each time, and the others do not', () => {
  add('a', 'a1');
  add('a', 'a2');
  let [one] = going();
  expect(queue.failed(one!, 0)).toBe(true);
  add('b', 'b1');
  expect(going().map(textOf)).toEqual(['b1']);
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const due = queue.dueAt;
    pauses.push(due - now);
    expect(queue.next(due - 1)).toBeNull();
    now = due;
    one = queue.next(now)!;
    expect(textOf(one)).toBe('a1');
    queue.failed(one, now);
  }
  expect(pauses).toEqual([500, 1000, 2000, 2000]);
  now = queue.dueAt;
  queue.done(queue.next(now)!);
  expect(textOf(queue.next(now))).toBe('a2');
  expect(queue.dueAt).toBe(Infinity);
});

/** Before the second try. */
function pauseOf(pauseMs?: number): number {
  add('a', 'a1');
  queue.failed(queue.next(0)!, 0, pauseMs);
  const due = queue.dueAt;
  queue.clear();
  return due;
}

test('a pause is between half of it and all of it, and what the receiver asks for within bounds', () => {
  chance = 0;
  expect([pauseOf(), pauseOf(300), pauseOf(3_600_000)]).toEqual([250, 300, 2000]);
});

test('nobody tries again what would be too old by then', () => {
  add('a', 'a1');
  add('a', 'a2', 9000);
  const one = queue.next(9600)!;
  expect(queue.ageMs(9600)).toBe(9600);
  expect(queue.failed(one, 9600)).toBe(false);
  expect([queue.size, queue.ageMs(9600)]).toEqual([1, 600]);
  expect(textOf(queue.next(9600))).toBe('a2');
});

test('where there are too many the oldest that waits gives way, not one that is under way', () => {
  for (const name of ['a1', 'a2', 'b1', 'c1']) add(name[0]!, name);
  const [a1] = going();
  expect(add('d', 'd1')).toBe(1);
  queue.done(a1!);
  const left: (string | undefined)[] = [];
  for (let one = queue.next(0); one !== null; one = queue.next(0)) {
    left.push(textOf(one));
    queue.done(one);
  }
  expect(left).toEqual(['c1', 'd1']);
});

test('bytes are bounded, too; what fits nowhere is not taken', () => {
  add('a', 'x'.repeat(60));
  add('b', 'x'.repeat(30));
  expect(add('c', 'x'.repeat(50))).toBe(1);
  expect([add('d', 'x'.repeat(101)), queue.size]).toEqual([1, 2]);
  expect([add('e', 'x'.repeat(100)), queue.size]).toEqual([2, 1]);
  going();
  expect([add('f', 'x'), queue.size]).toEqual([1, 1]);
});

test('what was cleared may come back as done or failed without effect', () => {
  add('a', 'a1');
  const [one] = going();
  expect(queue.clear()).toBe(1);
  expect(queue.failed(one!, 0)).toBe(false);
  queue.done(one!);
  add('a', 'a2');
  expect([textOf(queue.next(0)), queue.size, queue.underWay]).toEqual(['a2', 1, 1]);
});

test('whatever happens, nothing is delivered twice, out of order within its room, or lost without notice', () => {
  const big = new DeliveryQueue(
    { ...LIMITS, countMax: 50, concurrency: 5, bytesMax: 1e6 },
    () => 0,
  );
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const flying: Delivery[] = [];
  const delivered: number[] = [];
  const ended = { dropped: 0, expired: 0 };
  let now = 0;
  let number = 0;
  for (let step = 0; step < 5000; step++) {
    now += random(200);
    const kind = random(4);
    if (kind < 2 && step < 4000) {
      number++;
      ended.dropped += big.add(`r${number % 7}`, Buffer.from(String(number)), now);
    } else if (kind === 2) {
      const one = big.next(now);
      if (one !== null) flying.push(one);
    } else {
      const [one] = flying.splice(random(flying.length), 1);
      if (one === undefined) continue;
      if (random(3) > 0) {
        delivered.push(Number(one.body.toString()));
        big.done(one);
      } else if (!big.failed(one, now)) ended.expired++;
    }
    expect(big.underWay).toBe(flying.length);
    expect(new Set(flying.map(({ room }) => room)).size).toBe(flying.length);
  }
  for (let room = 0; room < 7; room++) {
    const ofRoom = delivered.filter((one) => one % 7 === room);
    expect(ofRoom).toEqual(ofRoom.toSorted((a, b) => a - b));
  }
  expect(new Set(delivered).size).toBe(delivered.length);
  expect(delivered.length + ended.dropped + ended.expired + big.size).toBe(number);
  expect(Math.min(delivered.length, ended.dropped)).toBeGreaterThan(20);
});
