import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PushRing } from '../../../signaling/push-ring.ts';

const body = (text: string): Buffer => Buffer.from(text);
const texts = (bodies: readonly Buffer[] | null): string[] | null =>
  bodies?.map((b) => b.toString()) ?? null;

describe('PushRing', () => {
  test('gives back the newest, oldest first', () => {
    const ring = new PushRing(10, 1000);
    for (const text of ['a', 'b', 'c']) ring.add(body(text));
    expect(texts(ring.newest(2))).toEqual(['b', 'c']);
    expect(texts(ring.newest(0))).toEqual([]);
    expect(texts(ring.newest(3))).toEqual(['a', 'b', 'c']);
    expect(ring.newest(4)).toBeNull();
  });

  test('is bounded in messages', () => {
    const ring = new PushRing(2, 1000);
    for (const text of ['a', 'b', 'c']) ring.add(body(text));
    expect([ring.count, ring.bytes]).toEqual([2, 2]);
    expect(texts(ring.newest(2))).toEqual(['b', 'c']);
  });

  test('is bounded in bytes, so one large push may leave it empty', () => {
    const ring = new PushRing(10, 8);
    ring.add(body('aaaa'));
    ring.add(body('bbbb'));
    ring.add(body('cc'));
    expect(texts(ring.newest(2))).toEqual(['bbbb', 'cc']);
    ring.add(body('123456789'));
    expect([ring.count, ring.bytes]).toEqual([0, 0]);
    ring.add(body('d'));
    expect(texts(ring.newest(1))).toEqual(['d']);
  });

  test('holds the longest tail of everything that fits, always', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 400 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 60 }),
        sizes,
        (messages, bytes, all) => {
          const ring = new PushRing(messages, bytes);
          const bodies = all.map((size, i) => Buffer.alloc(size, i));
          for (const b of bodies) ring.add(b);
          let count = 0;
          for (let sum = 0; count < Math.min(messages, all.length); count++) {
            sum += all.at(-count - 1)!;
            if (sum > bytes) break;
          }
          expect(ring.count).toBe(count);
          expect(ring.newest(count)).toEqual(count === 0 ? [] : bodies.slice(-count));
          expect(ring.bytes).toBe(
            bodies.slice(bodies.length - count).reduce((n, b) => n + b.length, 0),
          );
        },
      ),
    );
  });
});
