// The ring between two threads, in one thread: against a queue, at its ends, and with nonsense in it.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBytes } from '../../../shared/net/copy-bytes.ts';
import { DatagramRing } from '../../../shared/net/datagram-ring.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';

const HEAD_BYTES = 128;
const A = new TransportAddress().setV4(0xfffefdfc, 65_535);
const B = new TransportAddress().setV6(0xffffffff, 1, 0x80000000, 7, 1);

interface Sent {
  readonly from: TransportAddress;
  readonly to: TransportAddress;
  readonly bytes: Uint8Array;
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
}

function pull(ring: DatagramRing): Sent | undefined {
  const from = new TransportAddress();
  const to = new TransportAddress();
  const length = ring.peek(from, to);
  if (length < 0) return undefined;
  const bytes = ring.bytes.slice(ring.at, ring.at + length);
  ring.release();
  return { from, to, bytes };
}

function texts(sent: Sent | undefined): unknown {
  return (
    sent && [sent.from.toString(), sent.to.toString(), Buffer.from(sent.bytes).toString('hex')]
  );
}

describe('copyBytes', () => {
  it('copies what lies anywhere to anywhere, and touches nothing else', () => {
    const place = fc.nat({ max: 9 });
    fc.assert(
      fc.property(fc.nat({ max: 200 }), place, place, place, place, (length, a, b, c, d) => {
        const source = new Uint8Array(pattern(length + a + b + c, 3).buffer, a).subarray(
          0,
          b + length,
        );
        const whole = new Uint8Array(length + c + d + 8).fill(0xee);
        const target = new Uint8Array(whole.buffer, c);
        copyBytes(target, d, source, b, length);
        const expected = new Uint8Array(whole.length).fill(0xee);
        expected.set(source.subarray(b, b + length), c + d);
        expect(whole).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [0, 0, 11],
    [5, 0, 6],
    [0, 5, 6],
    [-1, 0, 1],
    [0, -1, 1],
    [0, 0, -1],
  ])('refuses what is outside: %i, %i, %i', (to, from, length) => {
    expect(() => copyBytes(new Uint8Array(10), to, new Uint8Array(10), from, length)).toThrow(
      RangeError,
    );
  });
});

describe('a ring', () => {
  it('is a queue with a bound', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.nat({ max: 65_507 }), offset: fc.nat(7) }) },
      { weight: 1, arbitrary: fc.record({ push: fc.nat({ max: 40 }), offset: fc.nat(7) }) },
      { weight: 3, arbitrary: fc.constant(undefined) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = new DatagramRing(DatagramRing.memory());
        const queue: Sent[] = [];
        const pulled: [unknown, unknown][] = [];
        for (const [seed, each] of steps.entries()) {
          if (each === undefined) {
            pulled.push([texts(pull(ring)), texts(queue.shift())]);
          } else {
            const { push: length, offset } = each;
            const source = pattern(offset + length, seed);
            const [from, to] = seed % 2 === 0 ? [A, B] : [B, A];
            const bytes = source.slice(offset);
            const pushed = ring.push(from, to, source, offset, length);
            if (!pushed && queue.length === 0) throw new Error('an empty ring refuses');
            if (pushed) queue.push({ from, to, bytes });
          }
          expect(ring.empty).toBe(queue.length === 0);
        }
        for (const [got, wanted] of pulled) expect(got).toEqual(wanted);
        for (const left of queue) expect(texts(pull(ring))).toEqual(texts(left));
        expect(pull(ring)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('goes on when its counters pass 2^32', () => {
    const memory = DatagramRing.memory();
    const head = new Int32Array(memory);
    head[0] = -4096;
    head[16] = -4096;
    const ring = new DatagramRing(memory);
    for (let n = 0; n < 100; n++) {
      const bytes = pattern(1000 + n, n);
      expect(ring.push(A, B, bytes, 0, bytes.length)).toBe(true);
      expect(texts(pull(ring))).toEqual(texts({ from: A, to: B, bytes }));
    }
    expect(head[16]).toBeGreaterThan(0);
  });

  it('takes nothing larger than a datagram', () => {
    const ring = new DatagramRing(DatagramRing.memory());
    expect(ring.push(A, B, new Uint8Array(65_508), 0, 65_508)).toBe(false);
    expect(ring.push(A, B, new Uint8Array(65_507), 0, 65_507)).toBe(true);
  });

  it('is emptied when it holds no sense, and never read beyond', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 30 }), fc.integer()), { maxLength: 8 }),
        fc.integer(),
        fc.integer(),
        (words, read, written) => {
          const memory = DatagramRing.memory();
          const ring = new DatagramRing(memory);
          const head = new Int32Array(memory, 0, HEAD_BYTES / 4);
          const body = new Int32Array(memory, HEAD_BYTES);
          head[0] = read & ~3;
          head[16] = written & ~3;
          for (const [at, value] of words) {
            body[((read & 0x3ffff) >> 2) + at] = value;
            body[at] = value;
          }
          const lengths = [];
          for (let n = 0; n < 10_000 && !ring.empty; n++)
            lengths.push(pull(ring)?.bytes.length ?? 0);
          expect(ring.empty).toBe(true);
          expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(65_507);
        },
      ),
      { numRuns: 500 },
    );
  });
});
