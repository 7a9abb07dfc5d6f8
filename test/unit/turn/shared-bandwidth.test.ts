// The limits on bandwidth that hold for all workers: of each user, and of all.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Commons } from '../../../turn/index.ts';
import type { SharedBandwidth, SharedBandwidthLimits } from '../../../turn/shared-bandwidth.ts';
import { bytesPerTurn } from '../../support/turn/heap.ts';
import { upTo } from '../../support/turn/in-turn.ts';

const RATE = 128_000;
/** 128 of them are what a second lets through. */
const PACKET = 1000;

function workers(limits: SharedBandwidthLimits, allocations = 10): Commons[] {
  const memory = structuredClone(
    Commons.memory({
      hosts: 1,
      ports: { first: 50_000, last: 50_015 },
      quotaTotal: allocations,
      unauthorizedPerSecond: 0,
      allocationsPerSecond: 0,
      bandwidth: limits,
      workers: 2,
    }),
  );
  return upTo(3).map((self) => new Commons(memory, self));
}

function bandwidths(limits: SharedBandwidthLimits, allocations = 10): SharedBandwidth[] {
  return workers(limits, allocations).map(({ bandwidth }) => bandwidth);
}

/** How many of so many packets pass at that time. */
function passed(bandwidth: SharedBandwidth, slot: number, asked: number, now: number): number {
  return upTo(asked).filter(() => bandwidth.take(slot, PACKET, now)).length;
}

describe('the limit of a user', () => {
  it('is one over all workers and allocations, and his alone', () => {
    const [a, b] = bandwidths({ perUser: RATE, total: 0 });
    const [here, there, other] = [a!.open('anna'), b!.open('anna'), a!.open('bert')];
    expect([passed(a!, here, 100, 5000), passed(b!, there, 100, 5000)]).toEqual([100, 28]);
    expect(passed(a!, other, 200, 5000)).toBe(128);
    expect([passed(b!, there, 100, 5500), passed(a!, here, 100, 5500)]).toEqual([64, 0]);
  });

  it('is not had anew by a new allocation, at whichever worker', () => {
    const [a, b] = bandwidths({ perUser: RATE, total: 0 });
    const counts = upTo(20).map((i) => {
      const worker = i % 2 === 0 ? a! : b!;
      const slot = worker.open('anna');
      const count = passed(worker, slot, 200, 5000);
      worker.close(slot);
      return count;
    });
    expect(counts).toEqual([128, ...upTo(19).map(() => 0)]);
  });

  it('has room for as many users as allocations, however many others there have been', () => {
    const [a, b] = bandwidths({ perUser: RATE, total: 0 });
    const anna = a!.open('anna');
    passed(a!, anna, 200, 5000);
    for (let round = 0; round < 20; round++) {
      const slots = upTo(9).map((i) => (i % 2 === 0 ? a! : b!).open(`user ${round} ${i}`));
      expect(new Set([anna, ...slots]).size).toBe(10);
      expect(passed(a!, slots[0]!, 200, 5000)).toBe(128);
      for (const [i, slot] of slots.entries()) (i % 2 === 0 ? a! : b!).close(slot);
    }
    expect([a!.open('anna'), passed(a!, anna, 200, 5000)]).toEqual([anna, 0]);
  });

  it('outlives a worker that died, and goes on for whoever is left', () => {
    const [a, b, main] = workers({ perUser: RATE, total: 0 });
    const anna = a!.bandwidth.open('anna');
    b!.bandwidth.open('anna');
    upTo(9).forEach((i) => b!.bandwidth.open(`user ${i}`));
    passed(a!.bandwidth, anna, 100, 5000);
    expect(main!.reclaim(1, () => [])).toBe(true);
    expect(passed(a!.bandwidth, anna, 100, 5000)).toBe(28);
    // What the dead had is free: twice as many users fit as can have an allocation.
    const others = upTo(19).map((i) => b!.bandwidth.open(`new ${i}`));
    expect(new Set([anna, ...others]).size).toBe(20);
    expect(b!.bandwidth.open('anna')).toBe(anna);
  });
});

describe('the limit of all', () => {
  it('is over all users and workers', () => {
    const [a, b] = bandwidths({ perUser: 0, total: RATE });
    expect([a!.open('anna'), b!.open('bert')]).toEqual([-1, -1]);
    expect([passed(a!, -1, 100, 5000), passed(b!, -1, 100, 5000)]).toEqual([100, 28]);
    expect(passed(b!, -1, 100, 6000)).toBe(100);
  });

  it('costs a user nothing of his own for what it refuses', () => {
    const [a] = bandwidths({ perUser: RATE / 2, total: RATE });
    const anna = a!.open('anna');
    // What nobody's limit counts, and all of the total.
    expect(passed(a!, -1, 200, 5000)).toBe(128);
    expect(passed(a!, anna, 200, 5000)).toBe(0);
    expect(passed(a!, anna, 200, 5500)).toBe(64);
  });
});

it('agrees with a bucket of bytes through any course of sending and waiting', () => {
  const wait = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constantFrom(16_000, 32_000, 64_000));
  const step = fc.tuple(wait, fc.integer({ min: 1, max: 65_535 }), fc.integer({ max: 40, min: 1 }));
  const course = fc.array(step, { maxLength: 40 });
  const rate = fc.constantFrom(10_000, 64_000, 1_000_000);
  fc.assert(
    fc.property(rate, fc.nat(1e9), course, (perSecond, start, steps) => {
      const [a] = bandwidths({ perUser: 0, total: perSecond });
      const burst = Math.max(perSecond, 65_536);
      let now = start;
      let level = burst;
      let furthest = 0;
      for (const [waited, bytes, times] of steps) {
        now += waited;
        level = Math.min(burst, level + (waited * perSecond) / 1000);
        for (let n = 0; n < times; n++) {
          const took = a!.take(-1, bytes, now);
          // What is there but for the rounding of ticks may pass or not.
          if (took !== bytes <= level) furthest = Math.max(furthest, Math.abs(bytes - level));
          if (took) level -= bytes;
        }
      }
      expect(furthest).toBeLessThan(perSecond / 1e4);
    }),
    { numRuns: 200 },
  );
});

it('lets the largest datagram through at the lowest rate', () => {
  const [a] = bandwidths({ perUser: 10_000, total: 10_000 });
  const slot = a!.open('anna');
  expect(a!.take(slot, 65_535, 5000)).toBe(true);
  expect(a!.take(slot, 65_535, 5000)).toBe(false);
  expect(a!.take(slot, 65_535, 11_600)).toBe(true);
});

it('is fine enough for 80 gigabits a second', () => {
  const [a] = bandwidths({ perUser: 0, total: 1e10 });
  let bytes = 0;
  while (a!.take(-1, 60_000, 5000)) bytes += 60_000;
  expect(Math.abs(bytes / 1e10 - 1)).toBeLessThan(0.01);
});

it('takes without allocating', () => {
  const [a] = bandwidths({ perUser: RATE, total: RATE });
  const slot = a!.open('anna');
  const perCall = bytesPerTurn((turns) => {
    for (let i = 0; i < turns; i++) a!.take(slot, PACKET, 1_000_000_000 + (i >> 3));
  }, 100_000);
  expect(perCall).toBeLessThan(4);
});
