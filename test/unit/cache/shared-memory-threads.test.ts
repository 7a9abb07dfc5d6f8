// The shared memory of the cache under real threads: nothing torn, nothing lost, nothing stuck.

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { KeyHash } from '../../../shared/cache/key-hash.ts';
import { SharedTier } from '../../../shared/cache/shared-tier.ts';
import { TieredCache } from '../../../shared/cache/tiered-cache.ts';
import { WindowCounters } from '../../../shared/cache/window-counters.ts';
import { systemClock } from '../../../shared/clock.ts';
import { checkValue, hammerKey, TIER_NOW } from '../../support/cache/cache-hammer.ts';
import { CacheHammer } from '../../support/cache/cache-hammer-threads.ts';

const never = (): Promise<string> => Promise.reject(new Error('not to be loaded'));

test('threads that read and write the same slots never read a torn value or that of another key', async () => {
  // More keys than slots, so that every write drives somebody else’s entry out.
  let met = 0;
  // Until they did meet: otherwise the test has shown nothing.
  for (let round = 0; round < 10 && met === 0; round++) {
    const hammer = new CacheHammer({ part: 'tier', threads: 3, turns: 40_000, keys: 40, limit: 0 });
    const reports = await hammer.run();
    for (const { hits } of reports) expect(hits).toBeGreaterThan(1000);
    met = reports.reduce((all, { torn }) => all + torn, 0);
  }
  expect(met).toBeGreaterThan(0);
});

test('a thread that is ended while it writes leaves a slot that reclaim gives back', async () => {
  const hammer = new CacheHammer({ part: 'tier', threads: 1, turns: Infinity, keys: 40, limit: 0 });
  const { tier, coefficients, gate } = hammer.data;
  const versions = new Int32Array(tier.slots);
  const isLocked = (): boolean =>
    Array.from({ length: versions.length / 64 }, (_, slot) => versions[64 * slot]! & 1).includes(1);
  const main = new SharedTier(tier, 126);
  const key = new KeyHash(coefficients);
  for (let round = 0; round < 4; round++) {
    Atomics.store(new Int32Array(gate), 0, 0);
    const thread = hammer.start(9);
    await once(thread, 'online');
    while (Atomics.load(new Int32Array(gate), 0) === 0) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 5 + round));
    await thread.terminate();
    // Where it was ended between two writes, one is begun for it.
    if (!isLocked()) Atomics.or(versions, 64 * round, (9 << 1) | 1);
    expect(main.reclaim(9)).toBeGreaterThan(0);
    expect(isLocked()).toBe(false);
    for (let n = 0; n < 40; n++) {
      key.hash(hammerKey(n));
      if (main.get(key, 7, TIER_NOW)) checkValue(n, main.found.bytes, main.found.length);
    }
  }
});

test('threads that take from the same counters get exactly the limit together, and each unit is drained once', async () => {
  const hammer = new CacheHammer({
    part: 'counters',
    threads: 3,
    turns: 12_000,
    keys: 5,
    limit: 3000,
  });
  const counters = new WindowCounters(hammer.data.counters);
  // The slots are there before the threads are.
  for (let n = 0; n < 5; n++) counters.addRemote(...markOf(hammer, n), 1000, 1, 1_000_000);
  const reports = await hammer.run();
  let drained = reports.reduce((all, report) => all + report.drained, 0);
  counters.drainDeltas(1000, (_first, _mark, _window, count) => (drained += count));
  const allowed = reports.reduce((all, report) => all + report.allowed, 0);
  expect(allowed).toBe(5 * (3000 - 1));
  expect(drained).toBe(allowed);
});

test('what another thread invalidates is gone at once, also for one that asks without a pause', async () => {
  const hammer = new CacheHammer({ part: 'invalidate', threads: 1, turns: 0, keys: 0, limit: 0 });
  const { coefficients, generations, gate } = hammer.data;
  const memory = { coefficients, generations, tier: undefined };
  const cache = new TieredCache<string>({ name: 'test', memory, capacity: 10, ttlMs: 1e9 });
  await cache.getOrLoad('a', () => Promise.resolve('A'));
  const thread = hammer.start(0);
  while (Atomics.load(new Int32Array(gate), 0) === 0) await new Promise(setImmediate);
  // One turn, compiled: the other thread’s change comes while it runs.
  const now = systemClock.monotonic();
  let asked = 0;
  let answer: unknown = 'A';
  while (answer === 'A' && asked < 1e9) {
    asked++;
    answer = cache.getOrLoad('a', never, now);
  }
  await expect(answer).rejects.toThrow('not to be loaded');
  expect(asked).toBeGreaterThan(1000);
  await thread.terminate();
});

function markOf(hammer: CacheHammer, n: number): [number, number] {
  const key = new KeyHash(hammer.data.counters.coefficients);
  key.hash(hammerKey(n));
  return [key.first, (key.second & 0x7fff_ffff) | 1];
}
