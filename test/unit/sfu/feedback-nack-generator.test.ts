// What is asked for again: by hand, and against a list of missing packets that is searched from end to end.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NackGenerator } from '../../../sfu/feedback/nack-generator.ts';
import { SequenceUnwrapper } from '../../../sfu/feedback/sequence-unwrapper.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

const MISSING_MAX = 1000;
const TRIES_MAX = 10;
const REORDER_MS = 5;
const HISTORY = 2000;
const RTT_MS = 40;
/** Where numbers begin; the wrap of those of 16 bits is near. */
const FIRST = 0x1_fff0;

class Receiver {
  readonly nacks = new NackGenerator(HISTORY);
  readonly #out = new Uint16Array(250);

  constructor(...numbers: number[]) {
    this.came(0, ...numbers);
  }

  /** Whether the last of them made it ask for a key frame. */
  came(now: number, ...numbers: number[]): boolean {
    let keyFrame = false;
    for (const number of numbers) keyFrame = this.nacks.received(FIRST + number, now);
    return keyFrame;
  }

  due(now: number, rttMs = RTT_MS, out = this.#out): number[] {
    const count = this.nacks.due(now, rttMs, out);
    return [...out.subarray(0, count)].map((number) => (number - FIRST) & 0xffff);
  }
}

describe('missing packets', () => {
  it('are asked for after what reordering needs, over the wrap of sequence numbers', () => {
    const receiver = new Receiver(0, 1, 20);
    expect(receiver.nacks.missing).toBe(18);
    expect(receiver.nacks.nextDeadline).toBe(REORDER_MS);
    expect(receiver.due(REORDER_MS - 0.1)).toEqual([]);
    expect(receiver.due(REORDER_MS)).toEqual(Array.from({ length: 18 }, (_, i) => i + 2));
  });

  it('are not asked for once they came, late or by RTX, in whatever order', () => {
    const receiver = new Receiver(0, 6);
    receiver.came(1, 3, 1, 5);
    expect(receiver.due(REORDER_MS)).toEqual([2, 4]);
    receiver.came(6, 4, 4, 0, 6);
    expect(receiver.due(REORDER_MS + RTT_MS)).toEqual([2]);
    receiver.came(50, 2);
    expect(receiver.nacks).toMatchObject({ missing: 0, nextDeadline: Infinity });
    expect(receiver.due(1000)).toEqual([]);
  });

  it('are asked for once in a round trip, ten times, and then let go', () => {
    const receiver = new Receiver(0, 2);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const now = REORDER_MS + tries * RTT_MS;
      expect(receiver.nacks.nextDeadline).toBe(now);
      expect([receiver.due(now - 0.1), receiver.due(now)]).toEqual([[], [1]]);
    }
    expect(receiver.due(receiver.nacks.nextDeadline)).toEqual([]);
    expect(receiver.nacks).toMatchObject({ missing: 0, nextDeadline: Infinity });
  });

  it.each([
    ['unknown', Number.NaN, 100],
    ['not measured', 0, 100],
    ['negative', -1, 100],
    ['short', 0.1, 20],
    ['as it is', 300, 300],
    ['absurd', 1e9, 1000],
  ])('wait a time within bounds where the round trip is %s', (_name, rttMs, wait) => {
    const receiver = new Receiver(0, 2);
    expect(receiver.due(REORDER_MS, rttMs)).toEqual([1]);
    expect(receiver.nacks.nextDeadline).toBe(REORDER_MS + wait);
  });

  it('stay due while there is no place for them', () => {
    const receiver = new Receiver(0, 6);
    const two = new Uint16Array(2);
    expect(receiver.due(10, RTT_MS, two)).toEqual([1, 2]);
    expect(receiver.nacks.nextDeadline).toBeLessThanOrEqual(10);
    expect(receiver.due(10, RTT_MS, two)).toEqual([3, 4]);
    expect(receiver.due(10, RTT_MS, two)).toEqual([5]);
    expect(receiver.due(10, RTT_MS, two)).toEqual([]);
  });

  it('fit into one NACK, as many as there is place for', () => {
    const nacks = new NackGenerator(10_000);
    for (let i = 1; i <= 6000; i++) if (i % 20 > 0) nacks.received(FIRST + i, 0);
    const out = new Uint16Array(250);
    expect(nacks.due(10, RTT_MS, out)).toBe(250);
    const writer = new RtcpWriter().start(new Uint8Array(1200), 0, 1012);
    expect(writer.nack(1, 2, out, 250)).toBe(250);
  });
});

describe('a key frame', () => {
  it('is wanted where more is missing than can be asked for, and all of it is let go', () => {
    const receiver = new Receiver(0);
    expect(receiver.came(1, MISSING_MAX + 1)).toBe(false);
    expect(receiver.nacks.missing).toBe(MISSING_MAX);
    expect(receiver.came(2, MISSING_MAX + 3)).toBe(true);
    expect(receiver.nacks).toMatchObject({ missing: 0, nextDeadline: Infinity });
    expect(receiver.came(3, MISSING_MAX + 5)).toBe(false);
    expect(receiver.due(20)).toEqual([MISSING_MAX + 4]);
  });

  it('is wanted where a packet is missing for longer than the history reaches back', () => {
    const receiver = new Receiver(0, 2);
    for (let i = 3; i <= HISTORY + 1; i++) expect(receiver.came(0, i)).toBe(false);
    expect(receiver.came(0, HISTORY + 2)).toBe(true);
    expect(receiver.nacks.missing).toBe(0);
    for (const [ahead, keyFrame] of [
      [101, false],
      [102, true],
    ] as const) {
      const short = new NackGenerator(100);
      short.received(FIRST, 0);
      expect(short.received(FIRST + ahead, 0)).toBe(keyFrame);
    }
  });

  it('is wanted where the source began anew', () => {
    expect(new Receiver(0, 2).came(0, 0x9000)).toBe(true);
  });

  it('that starts lets go what was missing before it, and no more', () => {
    const receiver = new Receiver(0, 5, 10);
    receiver.nacks.keyFrameStarted(FIRST + 5);
    expect(receiver.due(10)).toEqual([6, 7, 8, 9]);
    receiver.nacks.keyFrameStarted(FIRST + 10);
    expect(receiver.nacks).toMatchObject({ missing: 0, nextDeadline: Infinity });
  });

  it('needs nothing of a gap that it ends, whether it is told before or after the packet', () => {
    const before = new Receiver(0);
    before.nacks.keyFrameStarted(FIRST + 5000);
    expect(before.came(0, 5000)).toBe(false);
    const after = new Receiver(0, 900);
    after.nacks.keyFrameStarted(FIRST + 900);
    for (const { nacks } of [before, after]) expect(nacks.missing).toBe(0);
    const first = new NackGenerator(HISTORY);
    first.keyFrameStarted(FIRST);
    first.received(FIRST, 0);
    expect(first.missing).toBe(0);
  });
});

/** The same, slowly. */
class Reference {
  readonly missing = new Map<number, { dueAt: number; tries: number }>();
  highest = -1;

  received(extended: number, now: number): boolean {
    this.missing.delete(extended);
    if (this.highest < 0) this.highest = extended;
    for (let i = this.highest + 1; i < extended; i++) {
      this.missing.set(i, { dueAt: now + REORDER_MS, tries: 0 });
    }
    this.highest = Math.max(this.highest, extended);
    const oldest = Math.min(...this.missing.keys());
    if (this.missing.size <= MISSING_MAX && this.highest - oldest <= HISTORY) return false;
    this.missing.clear();
    return true;
  }

  keyFrameStarted(extended: number): void {
    for (const number of this.missing.keys()) if (number < extended) this.missing.delete(number);
  }

  due(now: number, rttMs: number, room: number): number[] {
    const asked: number[] = [];
    for (const [number, state] of [...this.missing].toSorted(([a], [b]) => a - b)) {
      if (now < state.dueAt) continue;
      if (state.tries === TRIES_MAX) this.missing.delete(number);
      else if (asked.length < room) {
        asked.push(number & 0xffff);
        state.tries++;
        state.dueAt = now + rttMs;
      }
    }
    return asked;
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ ahead: fc.integer({ min: -60, max: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ ahead: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ ahead: fc.integer({ min: 1, max: 1200 }) }) },
  { weight: 6, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ keyFrame: fc.integer({ min: -100, max: 0 }) }) },
);

describe('whatever is lost, late or repeated', () => {
  it('the same is asked for as by a list that is searched', () => {
    const rounds = fc.array(step, { minLength: 1, maxLength: 300 });
    const rtts = fc.integer({ min: 20, max: 200 });
    fc.assert(
      fc.property(rounds, rtts, fc.integer({ min: 1, max: 300 }), (steps, rttMs, room) => {
        const nacks = new NackGenerator(HISTORY);
        const unwrapper = new SequenceUnwrapper();
        const reference = new Reference();
        const out = new Uint16Array(room);
        let now = 1e6;
        let highest = 0xff00;
        for (const { ahead = 0, wait = 0, keyFrame } of steps as {
          ahead?: number;
          wait?: number;
          keyFrame?: number;
        }[]) {
          unwrapper.unwrap((highest + ahead) & 0xffff);
          const { extended } = unwrapper;
          highest = Math.max(highest, highest + ahead);
          expect(nacks.received(extended, now)).toBe(reference.received(extended, now));
          if (keyFrame !== undefined) {
            nacks.keyFrameStarted(extended + keyFrame);
            reference.keyFrameStarted(extended + keyFrame);
          }
          now += wait;
          const early = now < nacks.nextDeadline;
          const count = nacks.due(now, rttMs, out);
          expect([...out.subarray(0, count)]).toEqual(reference.due(now, rttMs, room));
          expect(nacks.missing).toBe(reference.missing.size);
          expect(early && count > 0).toBe(false);
          const next = Math.min(...[...reference.missing.values()].map(({ dueAt }) => dueAt));
          expect(nacks.nextDeadline).toBeLessThanOrEqual(next);
          expect(nacks.nextDeadline === Infinity).toBe(next === Infinity);
        }
      }),
    );
  });

  it('allocates nothing', () => {
    const nacks = new NackGenerator(HISTORY);
    const out = new Uint16Array(250);
    const next = boxedTimes(0.5);
    let sent = FIRST;
    let asked = 0;
    const operation = (): void => {
      const now = next();
      nacks.received(sent + 3, now);
      nacks.received(sent + 1, now);
      if ((sent & 0x3c) === 0) nacks.keyFrameStarted(sent);
      sent += 4;
      if (now >= nacks.nextDeadline) asked += nacks.due(now, 40.5, out);
    };
    expect(bytesPerOperation(operation)).toBeLessThan(1);
    expect(asked).toBeGreaterThan(1000);
  });
});
