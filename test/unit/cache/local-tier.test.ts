import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LocalTier } from '../../../shared/cache/local-tier.ts';

function testClock() {
  return {
    now: 1000,
    monotonic(): number {
      return this.now;
    },
    wall: (): number => 0,
  };
}

describe('LocalTier', () => {
  test('gives back what was set, and undefined for what was not', () => {
    const tier = new LocalTier<string>(4, testClock());
    tier.set('a', 'A', 100);
    expect(tier.get('a')).toBe('A');
    expect(tier.get('b')).toBeUndefined();
    expect(tier.size).toBe(1);
  });

  test('keeps an entry until its TTL is over, to the millisecond', () => {
    const clock = testClock();
    const tier = new LocalTier<number>(4, clock);
    tier.set('a', 1, 100);
    clock.now += 99;
    expect(tier.get('a')).toBe(1);
    clock.now += 1;
    expect(tier.get('a')).toBeUndefined();
    expect(tier.size).toBe(0);
    expect(tier.stats()).toMatchObject({ hits: 1, misses: 1, expired: 1 });
  });

  test('takes the time from a caller that knows it', () => {
    const tier = new LocalTier<number>(4, testClock());
    tier.set('a', 1, 100);
    expect(tier.get('a', 1099)).toBe(1);
    expect(tier.get('a', 1100)).toBeUndefined();
  });

  test('a hit does not lengthen the TTL, a set does', () => {
    const clock = testClock();
    const tier = new LocalTier<number>(4, clock);
    tier.set('a', 1, 100);
    clock.now += 60;
    tier.get('a');
    tier.set('b', 2, 100);
    clock.now += 60;
    expect(tier.get('a')).toBeUndefined();
    tier.set('b', 3, 100);
    clock.now += 99;
    expect(tier.get('b')).toBe(3);
  });

  test('lets the least recently used go, where a get and a set are both a use', () => {
    const tier = new LocalTier<number>(3, testClock());
    tier.set('a', 1, 100);
    tier.set('b', 2, 100);
    tier.set('c', 3, 100);
    tier.get('a');
    tier.set('b', 4, 100);
    tier.set('d', 5, 100);
    expect(tier.get('c')).toBeUndefined();
    expect([tier.get('a'), tier.get('b'), tier.get('d')]).toEqual([1, 4, 5]);
    expect(tier.stats().evicted).toBe(1);
  });

  test('delete frees the place and says whether there was anything', () => {
    const tier = new LocalTier<number>(1, testClock());
    tier.set('a', 1, 100);
    expect(tier.delete('a')).toBe(true);
    expect(tier.delete('a')).toBe(false);
    tier.set('b', 2, 100);
    expect(tier.get('b')).toBe(2);
    expect(tier.stats().evicted).toBe(0);
  });

  test('clear empties it, and all of its capacity is there again', () => {
    const tier = new LocalTier<number>(3, testClock());
    for (const key of ['a', 'b', 'c']) tier.set(key, 1, 100);
    tier.clear();
    expect(tier.size).toBe(0);
    expect(tier.get('a')).toBeUndefined();
    for (const key of ['d', 'e', 'f']) tier.set(key, 2, 100);
    expect(tier.size).toBe(3);
    expect(tier.stats().evicted).toBe(0);
  });

  test('a TTL of 0, below or NaN keeps nothing and takes out what was there', () => {
    const tier = new LocalTier<number>(3, testClock());
    for (const ttl of [0, -1, Number.NaN]) {
      tier.set('a', 1, 100);
      tier.set('a', 2, ttl);
      expect(tier.get('a')).toBeUndefined();
    }
    expect(tier.size).toBe(0);
  });

  test('null is a value', () => {
    const tier = new LocalTier<null>(1, testClock());
    tier.set('a', null, 100);
    expect(tier.get('a')).toBeNull();
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1])('refuses a capacity of %s', (capacity) => {
    expect(() => new LocalTier(capacity, testClock())).toThrow(RangeError);
  });

  test('behaves as a plain list would, for any sequence of calls', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const step = fc.oneof(
      fc.record({ op: fc.constant('get'), key }),
      fc.record({ op: fc.constant('delete'), key }),
      fc.record({ op: fc.constant('set'), key, ttl: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ op: fc.constant('wait'), ms: fc.integer({ min: 1, max: 15 }) }),
      fc.record({ op: fc.constant('clear') }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (n, steps) => {
        const clock = testClock();
        const tier = new LocalTier<number>(n, clock);
        let model: { key: string; value: number; until: number }[] = [];
        let value = 0;
        const actual: unknown[] = [];
        const expected: unknown[] = [];
        for (const s of steps) {
          if ('ms' in s) clock.now += s.ms;
          else if ('ttl' in s) {
            value++;
            tier.set(s.key, value, s.ttl);
            model = model.filter((entry) => entry.key !== s.key);
            if (s.ttl > 0) {
              model.push({ key: s.key, value, until: clock.now + s.ttl });
              if (model.length > n) model.shift();
            }
          } else if (!('key' in s)) {
            tier.clear();
            model = [];
          } else if (s.op === 'delete') {
            actual.push(tier.delete(s.key));
            expected.push(model.some((entry) => entry.key === s.key));
            model = model.filter((entry) => entry.key !== s.key);
          } else {
            const found = model.find((entry) => entry.key === s.key);
            model = model.filter((entry) => entry !== found);
            const live = found !== undefined && clock.now < found.until;
            if (live) model.push(found);
            actual.push(tier.get(s.key));
            expected.push(live ? found.value : undefined);
          }
          actual.push(tier.size);
          expected.push(model.length);
        }
        expect(actual).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('a hit allocates nothing', () => {
    setFlagsFromString('--expose-gc');
    const gc: unknown = runInNewContext('gc');
    if (typeof gc !== 'function') throw new Error('no gc');
    const tier = new LocalTier<object>(64, testClock());
    const keys = Array.from({ length: 64 }, (_, i) => `key-${i}`);
    for (const key of keys) tier.set(key, { key }, 1e9);
    const hit = (times: number): void => {
      for (let i = 0; i < times; i++) tier.get(keys[i % 64]!);
    };
    hit(200_000);
    // The least of several runs: a collection or a compilation in between is not an allocation of ours.
    let least = Infinity;
    for (let run = 0; run < 8; run++) {
      Reflect.apply(gc, undefined, []);
      const before = process.memoryUsage().heapUsed;
      hit(20_000);
      least = Math.min(least, process.memoryUsage().heapUsed - before);
    }
    expect(least / 20_000).toBeLessThan(1);
  });
});
