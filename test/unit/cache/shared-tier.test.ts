import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyHash, randomCoefficients } from '../../../shared/cache/key-hash.ts';
import { SharedTier } from '../../../shared/cache/shared-tier.ts';

const NOW = 5_000_000_000;

/** The tier as two threads have it. */
function setUp(entries = 64, slotBytes = 256) {
  const memory = SharedTier.memory(entries, slotBytes);
  const coefficients = randomCoefficients(512);
  const key = new KeyHash(coefficients);
  const [tier, other] = [new SharedTier(memory, 0), new SharedTier(memory, 1)];
  const write = (name: string, value: string | undefined, ttlMs = 100, generation = 1): boolean => {
    key.hash(name);
    const bytes = value === undefined ? undefined : Buffer.from(value);
    const times = { expiresAt: NOW + ttlMs, freshUntil: NOW + ttlMs / 2, costMs: 7.5 };
    return tier.set(key, bytes, times, generation, NOW);
  };
  const read = (name: string, now = NOW, generation = 1): string | undefined => {
    key.hash(name);
    if (!other.get(key, generation, now)) return undefined;
    return Buffer.from(other.found.bytes.subarray(0, other.found.length)).toString();
  };
  return { memory, key, tier, other, write, read };
}

describe('SharedTier', () => {
  test('gives one thread what another has written, with its times, until they are over', () => {
    const { write, read, other } = setUp();
    expect(write('a', 'value')).toBe(true);
    expect(read('a')).toBe('value');
    expect(other.found).toMatchObject({
      expiresAt: NOW + 100,
      freshUntil: NOW + 50,
      costMs: 8,
      absent: false,
    });
    expect(read('a', NOW + 99)).toBe('value');
    expect(read('a', NOW + 100)).toBeUndefined();
    expect(read('b')).toBeUndefined();
  });

  test('knows that there is no value, and tells it from an empty one', () => {
    const { write, read, other } = setUp();
    write('none', undefined);
    write('empty', '');
    expect([read('none'), other.found.absent]).toEqual(['', true]);
    expect([read('empty'), other.found.absent]).toEqual(['', false]);
  });

  test('gives nothing of another generation', () => {
    const { write, read } = setUp();
    write('a', 'value', 100, 1);
    expect(read('a', NOW, 2)).toBeUndefined();
    write('a', 'newer', 100, 2);
    expect(read('a', NOW, 2)).toBe('newer');
    expect(read('a', NOW, 1)).toBeUndefined();
  });

  test('refuses what does not fit into a slot, key and value together', () => {
    const { write, read } = setUp(64, 64);
    expect(write('abcd', 'x'.repeat(24))).toBe(true);
    expect(write('abcd', 'x'.repeat(25))).toBe(false);
    expect(write('abcdef', 'x'.repeat(24))).toBe(false);
    expect(read('abcd')).toBe('x'.repeat(24));
  });

  test('when full, writes over what is over, and then over what ends first', () => {
    const { write, read, tier } = setUp(1);
    const names = Array.from({ length: 200 }, (_, i) => `key ${i}`);
    names.forEach((name, i) => write(name, name, 1000 + i));
    // 16 slots in two groups of 8, each with its last ones; which key is of which group is by chance.
    const there = names.filter((name) => read(name) === name);
    expect(there).toHaveLength(16);
    expect(Math.min(...there.map((name) => names.indexOf(name)))).toBeGreaterThan(100);
    expect(tier.stats()).toMatchObject({ capacity: 16, evicted: 184, written: 200, refused: 0 });
  });

  test('what a dead thread was writing is passed over, and given back by reclaim', () => {
    const { memory, write, read, tier } = setUp(1);
    const words = new Int32Array(memory.slots);
    write('a', 'value');
    for (let at = 0; at < words.length; at += 64) Atomics.or(words, at, (5 << 1) | 1);
    expect([read('a'), write('a', 'new'), write('b', 'new')]).toEqual([undefined, false, false]);
    expect(tier.reclaim(4)).toBe(0);
    expect(tier.reclaim(5)).toBe(16);
    expect(read('a')).toBeUndefined();
    write('a', 'new');
    expect(read('a')).toBe('new');
  });

  test('is a map that forgets, whatever the keys', () => {
    const name = fc.uint16Array({ maxLength: 12 }).map((units) => String.fromCharCode(...units));
    const check = (): void =>
      fc.assert(
        fc.property(
          fc.array(fc.tuple(name, fc.string({ maxLength: 12 })), { maxLength: 100 }),
          (all) => {
            const { write, read } = setUp(32);
            const model = new Map<string, string>();
            for (const [key, value] of all) {
              model.set(key, Buffer.from(value).toString());
              if (!write(key, value) || read(key) !== model.get(key)) return false;
            }
            return [...model].every(([key, value]) => [undefined, value].includes(read(key)));
          },
        ),
        { numRuns: 50 },
      );
    expect(check).not.toThrow();
  });
});

test('the hash tells keys apart by every code unit and by their length', () => {
  const key = new KeyHash(randomCoefficients(16));
  const hashOf = (name: string): string => {
    expect(key.hash(name)).toBe(true);
    return `${key.first} ${key.second}`;
  };
  const names = ['', '\0', '\0\0', 'a', 'a\0', '\0a', 'b', 'ab', 'ba', 'abc', 'abd', '\u{10000}'];
  expect(new Set(names.map(hashOf)).size).toBe(names.length);
  expect(hashOf('abc')).toBe(hashOf('abc'));
  expect(key.hash('x'.repeat(17))).toBe(false);
  const other = new KeyHash(randomCoefficients(16));
  other.hash('abc');
  expect(`${other.first} ${other.second}`).not.toBe(hashOf('abc'));
});
