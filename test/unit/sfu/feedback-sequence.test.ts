// Extended sequence numbers against a source that knows its own, over loss, reordering and repetition.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  SEQUENCE_CYCLE,
  SEQUENCE_LATE,
  SEQUENCE_NEW,
  SEQUENCE_RESTART,
  SEQUENCE_RESTART_GAP,
  SEQUENCE_STRAY,
  SequenceUnwrapper,
} from '../../../sfu/feedback/sequence-unwrapper.ts';
import { bytesPerOperation } from './heap.ts';

/** How far behind the highest a number may be and is late still. */
const LATE_MAX = 4096;

/** What each of some numbers is, and its extended one less what `first` begins with. */
function unwrapAll(first: number, ...numbers: number[]): [number, number][] {
  const unwrapper = new SequenceUnwrapper();
  unwrapper.unwrap(first);
  const start = unwrapper.extended - first;
  return numbers.map((number) => [unwrapper.unwrap(number), unwrapper.extended - start]);
}

describe('an extended sequence number', () => {
  it('ends as what it was made of, and leaves room below the first', () => {
    const unwrapper = new SequenceUnwrapper();
    expect([unwrapper.unwrap(3), unwrapper.extended]).toEqual([SEQUENCE_NEW, SEQUENCE_CYCLE + 3]);
    expect(unwrapper.unwrap(0xffff)).toBe(SEQUENCE_LATE);
    expect(unwrapper.extended).toBe(SEQUENCE_CYCLE - 1);
    expect(unwrapper.highest).toBe(SEQUENCE_CYCLE + 3);
  });

  it('goes on over the wrap, and back', () => {
    expect(unwrapAll(0xfffe, 0xffff, 1, 0, 0xfffe, 1)).toEqual([
      [SEQUENCE_NEW, 0xffff],
      [SEQUENCE_NEW, 0x1_0001],
      [SEQUENCE_LATE, 0x1_0000],
      [SEQUENCE_LATE, 0xfffe],
      [SEQUENCE_LATE, 0x1_0001],
    ]);
  });

  it('is late within 4096, a stray beyond, and new up to half a cycle', () => {
    expect(unwrapAll(9000, 9000 - LATE_MAX)).toEqual([[SEQUENCE_LATE, 9000 - LATE_MAX]]);
    expect(unwrapAll(9000, 9000 - LATE_MAX - 1)).toEqual([[SEQUENCE_STRAY, 9000]]);
    expect(unwrapAll(9000, 9000 + 0x7fff)).toEqual([[SEQUENCE_NEW, 9000 + 0x7fff]]);
    expect(unwrapAll(9000, 9000 + 0x8000)).toEqual([[SEQUENCE_STRAY, 9000]]);
  });

  it('begins anew with the second in a row far from the others, and never goes back', () => {
    expect(unwrapAll(20_000, 100, 101, 102)).toEqual([
      [SEQUENCE_STRAY, 20_000],
      [SEQUENCE_RESTART, 0x1_0000 + 101],
      [SEQUENCE_NEW, 0x1_0000 + 102],
    ]);
    expect(unwrapAll(10_000, 0xffff, 0)[1]).toEqual([SEQUENCE_RESTART, 0x1_0000]);
  });

  it('does not begin anew for strays that have others between them', () => {
    expect(unwrapAll(20_000, 100, 20_001, 101, 300, 102).map(([kind]) => kind)).toEqual([
      SEQUENCE_STRAY,
      SEQUENCE_NEW,
      SEQUENCE_STRAY,
      SEQUENCE_STRAY,
      SEQUENCE_STRAY,
    ]);
  });

  it('is what the source counted, whatever was lost, reordered or repeated', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 2, arbitrary: fc.integer({ min: -LATE_MAX, max: 0 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 0x7fff }) },
    );
    fc.assert(
      fc.property(fc.nat({ max: 0xffff }), fc.array(step, { maxLength: 300 }), (first, steps) => {
        const unwrapper = new SequenceUnwrapper();
        unwrapper.unwrap(first);
        let highest = SEQUENCE_CYCLE + first;
        for (const ahead of steps) {
          const sent = highest + ahead;
          const kind = unwrapper.unwrap(sent & 0xffff);
          expect([kind, unwrapper.extended]).toEqual([
            ahead > 0 ? SEQUENCE_NEW : SEQUENCE_LATE,
            sent,
          ]);
          highest = Math.max(highest, sent);
          expect(unwrapper.highest).toBe(highest);
        }
      }),
    );
  });

  it('never falls, never is below zero, and keeps its low bits, whatever comes', () => {
    const numbers = fc.array(
      fc.oneof(fc.nat({ max: 0xffff }), fc.constantFrom(0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xffff)),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(numbers, (sent) => {
        const unwrapper = new SequenceUnwrapper();
        for (const number of sent) {
          const before = unwrapper.highest;
          const kind = unwrapper.unwrap(number);
          const { extended, highest } = unwrapper;
          expect(extended).toBeGreaterThanOrEqual(0);
          expect(highest).toBeGreaterThanOrEqual(before);
          expect(highest > before).toBe(kind === SEQUENCE_NEW || kind === SEQUENCE_RESTART);
          expect(kind === SEQUENCE_STRAY || (extended & 0xffff) === number).toBe(true);
          const far = before >= 0 && highest - before >= SEQUENCE_RESTART_GAP;
          expect(far).toBe(kind === SEQUENCE_RESTART);
        }
      }),
    );
  });

  it('is as exact after a year of packets', () => {
    const unwrapper = new SequenceUnwrapper();
    unwrapper.unwrap(0);
    for (let i = 1; i <= 400_000; i++) unwrapper.unwrap((i * 0x7000) & 0xffff);
    expect(unwrapper.extended).toBe(SEQUENCE_CYCLE + 400_000 * 0x7000);
    expect(unwrapper.extended).toBeGreaterThan(2 ** 33);
  });

  it('allocates nothing', () => {
    const unwrapper = new SequenceUnwrapper();
    let sent = 0;
    const operation = (): void => {
      sent = (sent + 0x3fff) & 0xffff;
      if (unwrapper.unwrap(sent) === SEQUENCE_STRAY) throw new Error('stray');
      unwrapper.unwrap((sent - 5) & 0xffff);
    };
    expect(bytesPerOperation(operation)).toBeLessThan(1);
  });
});
