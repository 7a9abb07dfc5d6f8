// One direction of a bad network: how much is lost and in which bursts, the rate and the bound of its queue, order with
// jitter, and what it keeps. Time is a number here, and chance a seed.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NetworkConditions } from '../../../sfu/control.ts';
import {
  DROP_IMPAIRED_LOSS,
  DROP_IMPAIRED_MEMORY,
  DROP_IMPAIRED_QUEUE,
} from '../../../sfu/transport/drop-reason.ts';
import {
  ImpairedLink,
  type ImpairedMemory,
  LINK_KEPT,
  LINK_PASSES,
} from '../../../sfu/transport/impaired-link.ts';
import {
  IMPAIRED_BYTES_MAX,
  IMPAIRED_LINK_BYTES_MAX,
  IMPAIRED_LINK_PACKETS_MAX,
} from '../../../sfu/transport/limits.ts';
import { FUZZ_SEED } from '../../support/fuzz.ts';
import { address } from '../../support/turn/world.ts';

const PEER = address('192.0.2.1', 5000);
const PACKET = new Uint8Array(1250);

class Bed {
  readonly memory: ImpairedMemory = { bytes: 0 };
  readonly link: ImpairedLink;

  constructor(conditions: NetworkConditions, seed = 7) {
    this.link = new ImpairedLink(conditions, seed, this.memory, Infinity);
  }

  offer(now: number, bytes = PACKET): number {
    return this.link.offer(3, PEER, bytes, 0, bytes.length, now);
  }

  /** When each of them comes out. */
  drain(): number[] {
    const times: number[] = [];
    for (let due = this.link.nextDueAt; due !== Infinity; due = this.link.nextDueAt) {
      if (this.link.takeDue(due - 0.001) !== undefined) throw new Error('before it was due');
      if (this.link.takeDue(due) === undefined) throw new Error('due, and not there');
      times.push(due);
    }
    return times;
  }
}

/** Lengths of the runs of lost packets among so many. */
function losses(conditions: NetworkConditions, seed: number, count: number): number[] {
  const bed = new Bed(conditions, seed);
  const runs: number[] = [];
  let run = 0;
  for (let i = 0; i < count; i++) {
    const outcome = bed.offer(i);
    if (outcome === DROP_IMPAIRED_LOSS) run++;
    else if (outcome !== LINK_PASSES) throw new Error(`neither lost nor passed: ${outcome}`);
    else if (run > 0) {
      runs.push(run);
      run = 0;
    }
  }
  return run > 0 ? [...runs, run] : runs;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('what is lost', () => {
  const COUNT = 40_000;

  it.each([
    [0, 1],
    [0.05, 1],
    [0.3, 1],
    [0.1, 5],
    [0.9, 2],
    [1, 1],
    [1, 8],
  ])('is a share of %d, in bursts of %d', (loss, burst) => {
    const runs = losses({ loss, burst }, 1234, COUNT);
    expect(Math.abs(sum(runs) / COUNT - loss)).toBeLessThan(0.015);
    if (loss === 0 || loss === 1) return;
    // By themselves they still stand next to each other now and then; of more than half, more often than asked for.
    const length = Math.max(burst, 1 / (1 - loss));
    const mean = sum(runs) / runs.length;
    expect(mean / (burst === 1 ? 1 / (1 - loss) : length)).toBeGreaterThan(0.85);
    expect(mean / (burst === 1 ? 1 / (1 - loss) : length)).toBeLessThan(1.15);
  });

  it('is the same with the same seed, and other with another', () => {
    const runs = losses({ loss: 0.2 }, 5, 500);
    expect(losses({ loss: 0.2 }, 5, 500)).toEqual(runs);
    expect(losses({ loss: 0.2 }, 6, 500)).not.toEqual(runs);
  });
});

describe('what is late', () => {
  it('comes out after the delay, as a copy', () => {
    const bed = new Bed({ delayMs: 80 });
    const bytes = Uint8Array.of(0, 1, 2, 3, 4);
    expect(bed.link.offer(9, PEER, bytes, 1, 3, 1000)).toBe(LINK_KEPT);
    bytes.fill(0xff);
    expect(bed.link.takeDue(1079.9)).toBeUndefined();
    const packet = bed.link.takeDue(1080);
    expect(packet).toMatchObject({ socket: 9, bytes: Uint8Array.of(1, 2, 3) });
    expect(packet?.peer.equals(PEER)).toBe(true);
  });

  it('keeps its order with jitter, which is never more than it may be', () => {
    const bed = new Bed({ delayMs: 50, jitterMs: 40 });
    for (let i = 0; i < 500; i++) bed.offer(i * 10, Uint8Array.of(i >> 8, i & 255));
    const late: number[] = [];
    let before = 0;
    for (let i = 0; i < 500; i++) {
      const due = bed.link.nextDueAt;
      const { bytes } = bed.link.takeDue(due)!;
      expect((bytes[0]! << 8) | bytes[1]!).toBe(i);
      late.push(due - i * 10);
      expect(due).toBeGreaterThanOrEqual(before);
      before = due;
    }
    expect(Math.min(...late)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...late)).toBeLessThan(90);
    expect(Math.max(...late) - Math.min(...late)).toBeGreaterThan(30);
  });

  it('leaves the bottleneck at its rate', () => {
    // Ten packets of 10,000 bits at a megabit a second: one each ten milliseconds.
    const bed = new Bed({ rateBps: 1_000_000, queueMs: 1000, delayMs: 5 });
    for (let i = 0; i < 10; i++) expect(bed.offer(0)).toBe(LINK_KEPT);
    const expected = Array.from({ length: 10 }, (_, i) => 15 + 10 * i);
    expect(bed.drain().map((at) => Math.round(at * 1000) / 1000)).toEqual(expected);
    // Idle again: it has saved nothing up.
    bed.offer(10_000);
    expect(bed.drain()).toEqual([10_015]);
  });

  it('has no more before the bottleneck than its queue takes', () => {
    const bed = new Bed({ rateBps: 1_000_000, queueMs: 50 });
    const outcomes = Array.from({ length: 100 }, () => bed.offer(0));
    // The sixth waits for five before it, 50 ms; the seventh would wait longer.
    expect(outcomes.filter((outcome) => outcome === LINK_KEPT)).toHaveLength(6);
    expect(outcomes.filter((outcome) => outcome === DROP_IMPAIRED_QUEUE)).toHaveLength(94);
    // Twice the rate for two seconds: half of it comes through.
    const flow = new Bed({ rateBps: 1_000_000, queueMs: 50 });
    let kept = 0;
    for (let now = 0; now < 2000; now += 5) if (flow.offer(now) === LINK_KEPT) kept++;
    expect(kept).toBeGreaterThan(195);
    expect(kept).toBeLessThan(210);
  });
});

describe('what it keeps', () => {
  it('is bounded in packets and in bytes, for itself and for all', () => {
    const small = new Bed({ delayMs: 1000 });
    for (let i = 0; i < IMPAIRED_LINK_PACKETS_MAX; i++) small.offer(0, Uint8Array.of(1));
    expect(small.offer(0, Uint8Array.of(1))).toBe(DROP_IMPAIRED_MEMORY);
    const large = new Bed({ delayMs: 1000 });
    const most = Math.floor(IMPAIRED_LINK_BYTES_MAX / PACKET.length);
    for (let i = 0; i < most; i++) expect(large.offer(0)).toBe(LINK_KEPT);
    expect(large.offer(0)).toBe(DROP_IMPAIRED_MEMORY);
    const shared = new Bed({ delayMs: 1000 });
    shared.memory.bytes = IMPAIRED_BYTES_MAX - PACKET.length;
    expect(shared.offer(0)).toBe(LINK_KEPT);
    expect(shared.offer(0)).toBe(DROP_IMPAIRED_MEMORY);
  });

  it('is counted whatever comes, and nothing when it is freed', () => {
    const step = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 1500 }), fc.boolean());
    const conditions = fc.record({
      loss: fc.double({ min: 0, max: 1, noNaN: true }),
      burst: fc.integer({ min: 1, max: 50 }),
      delayMs: fc.integer({ min: 0, max: 5000 }),
      jitterMs: fc.integer({ min: 0, max: 2000 }),
      rateBps: fc.integer({ min: 8000, max: 1_000_000_000 }),
      queueMs: fc.integer({ min: 0, max: 5000 }),
    });
    fc.assert(
      fc.property(conditions, fc.nat(), fc.array(step), (given, seed, steps) => {
        const bed = new Bed(given, seed);
        const kept: number[] = [];
        let now = 0;
        let lastDue = 0;
        for (const [ms, bytes, takes] of steps) {
          now += ms;
          if (bed.offer(now, new Uint8Array(bytes)) === LINK_KEPT) kept.push(bytes);
          const packet = takes ? bed.link.takeDue(now) : undefined;
          expect(packet?.bytes.length).toBe(packet === undefined ? undefined : kept.shift());
          expect(packet?.dueAt ?? lastDue).toBeGreaterThanOrEqual(lastDue);
          lastDue = packet?.dueAt ?? lastDue;
          expect([bed.link.packets, bed.link.bytes]).toEqual([kept.length, sum(kept)]);
          expect(bed.memory.bytes).toBe(sum(kept));
        }
        bed.link.free();
        bed.link.free();
        expect([bed.link.packets, bed.memory.bytes, bed.link.nextDueAt]).toEqual([0, 0, Infinity]);
      }),
      { seed: FUZZ_SEED, numRuns: 200 },
    );
  });
});
