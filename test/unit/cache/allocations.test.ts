import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { KeyHash, randomCoefficients } from '../../../shared/cache/key-hash.ts';
import { SharedTier } from '../../../shared/cache/shared-tier.ts';
import { TieredCache } from '../../../shared/cache/tiered-cache.ts';
import { Take, WindowCounters } from '../../../shared/cache/window-counters.ts';
import { TestClock } from '../../support/cache/test-clock.ts';

const KEYS = Array.from({ length: 64 }, (_, i) => `key-${i}`);
const TIMES = 10_000;

const load = (): Promise<object> => Promise.resolve({});

/** Bytes of each operation. */
function allocated(operation: (key: string, i: number) => unknown): number {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('no gc');
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) operation(KEYS[i % KEYS.length]!, i);
  };
  run(50_000);
  // The least of several runs: a collection or a compilation in between is not an allocation of ours.
  let least = Infinity;
  for (let round = 0; round < 12; round++) {
    Reflect.apply(gc, undefined, []);
    const before = process.memoryUsage().heapUsed;
    run(TIMES);
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return least / TIMES;
}

test('a hit in the first tier allocates nothing', async () => {
  const memory = TieredCache.memory(0);
  const clock = new TestClock();
  const cache = new TieredCache<object>({ name: 'test', memory, capacity: 64, ttlMs: 1e9, clock });
  for (const key of KEYS) await cache.getOrLoad(key, load);
  expect(allocated((key) => cache.getOrLoad(key, load, 1_000_000.5))).toBeLessThan(1);
});

test('a hit and a write in the second tier allocate nothing', () => {
  const key = new KeyHash(randomCoefficients(64));
  const tier = new SharedTier(SharedTier.memory(64), 0);
  const bytes = new Uint8Array(64);
  const times = { expiresAt: 5e9 + 0.5, freshUntil: 4e9 + 0.5, costMs: 1.5 };
  const use = (name: string): boolean => {
    key.hash(name);
    return tier.get(key, 1, 3e9 + 0.5) || tier.set(key, bytes, times, 1, 3e9 + 0.5);
  };
  expect(allocated(use)).toBeLessThan(1);
  const write = (name: string): boolean =>
    key.hash(name) && tier.set(key, bytes, times, 1, 3e9 + 0.5);
  expect(allocated(write)).toBeLessThan(1);
});

test('a take allocates nothing, allowed or not', () => {
  const counters = new WindowCounters(WindowCounters.memory(64));
  const out = new Take();
  // The time is the caller's number, whether it is a new one or not.
  const now = 1.7e12 + 0.5;
  const take = (key: string, i: number): boolean => counters.take(key, i % 1000, 1000, now, 1, out);
  expect(allocated(take)).toBeLessThan(1);
});
