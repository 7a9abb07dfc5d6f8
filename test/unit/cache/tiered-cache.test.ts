import { describe, expect, test } from 'vitest';
import { type Codec, type TieredCacheOptions } from '../../../shared/cache/cache-options.ts';
import { TieredCache } from '../../../shared/cache/tiered-cache.ts';
import { TestClock } from '../../support/cache/test-clock.ts';

const codec: Codec<string> = {
  encode: (value) => Buffer.from(value),
  decode: (bytes) => Buffer.from(bytes).toString(),
};

function setUp(options: Partial<TieredCacheOptions<string>> = {}) {
  const clock = new TestClock();
  const memory = TieredCache.memory(64);
  const base = { name: 'test', memory, capacity: 100, ttlMs: 1000, codec, clock, random: () => 1 };
  const cache = new TieredCache<string>({ ...base, ...options });
  /** As another thread of the process has it. */
  const other = new TieredCache<string>({ ...base, ...options, writer: 1 });
  return { cache, other, clock };
}

/** A loader whose loads end when the test says so. */
function upstream() {
  const loads: {
    resolve: (value: string | undefined) => void;
    reject: (error: Error) => void;
  }[] = [];
  const load = (): Promise<string | undefined> =>
    new Promise((resolve, reject) => loads.push({ resolve, reject }));
  return { loads, load };
}

const brings = (value: string | undefined) => () => Promise.resolve(value);
const fails = () => Promise.reject(new Error('upstream is down'));
const never = () => Promise.reject(new Error('not to be loaded'));

describe('a value', () => {
  test('is loaded once, and then there without a promise until its time is over', async () => {
    const { cache, clock } = setUp();
    expect(await cache.getOrLoad('a', brings('A'))).toBe('A');
    clock.now += 999;
    expect(cache.getOrLoad('a', never)).toBe('A');
    expect(cache.get('a')).toBe('A');
    clock.now += 1;
    expect(cache.get('a')).toBeUndefined();
    expect(await cache.getOrLoad('a', brings('B'))).toBe('B');
  });

  test('that one thread has loaded is there for the others, at once', async () => {
    const { cache, other } = setUp();
    await cache.getOrLoad('a', brings('A'));
    expect(other.getOrLoad('a', never)).toBe('A');
    expect(other.getOrLoad('a', never)).toBe('A');
    expect(other.stats()).toMatchObject({ localHits: 1, shared: { hits: 1 }, loads: { loads: 0 } });
  });

  test('that was set replaces what all threads have, and what is being loaded', async () => {
    const { cache, other } = setUp();
    await cache.getOrLoad('a', brings('A'));
    expect(other.get('a')).toBe('A');
    const { loads, load } = upstream();
    const before = cache.getOrLoad('b', load);
    expect(await cache.set('a', 'new')).toBe(true);
    expect(await cache.set('b', 'new')).toBe(true);
    loads[0]!.resolve('old');
    await before;
    expect([cache.get('a'), other.get('a'), cache.get('b')]).toEqual(['new', 'new', 'new']);
  });

  test('too large for the memory of all threads stays in the thread that has loaded it', async () => {
    const { cache, other } = setUp();
    const large = 'x'.repeat(300);
    await cache.getOrLoad('a', brings(large));
    expect(cache.get('a')).toBe(large);
    expect(other.get('a')).toBeUndefined();
  });

  test('whose key is too long for the memory of all threads is cached and invalidated all the same', async () => {
    const { cache } = setUp();
    const key = 'k'.repeat(1000);
    await cache.getOrLoad(key, brings('A'));
    expect(cache.get(key)).toBe('A');
    await cache.invalidate(key);
    expect(cache.get(key)).toBeUndefined();
  });

  test('that is not there is known for a time of its own, in all threads', async () => {
    const { cache, other, clock } = setUp({ absentTtlMs: 100 });
    expect(await cache.getOrLoad('a', brings(undefined))).toBeUndefined();
    clock.now += 99;
    expect(cache.getOrLoad('a', never)).toBeUndefined();
    expect(other.getOrLoad('a', never)).toBeUndefined();
    clock.now += 1;
    expect(await cache.getOrLoad('a', brings('A'))).toBe('A');
  });

  test('that is not there is asked for again where nothing is said of it', async () => {
    const { cache } = setUp();
    await cache.getOrLoad('a', brings(undefined));
    expect(await cache.getOrLoad('a', brings('A'))).toBe('A');
  });
});

describe('callers at the same time', () => {
  test('share one load: a thousand ask, one is sent', async () => {
    const { cache } = setUp();
    const { loads, load } = upstream();
    const asked = Array.from({ length: 1000 }, async () => cache.getOrLoad('a', load));
    expect(loads.length).toBe(1);
    loads[0]!.resolve('A');
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['A']));
    expect(cache.stats().loads).toMatchObject({
      loads: 1,
      coalesced: 999,
      waiting: 0,
      underWay: 0,
    });
  });

  test('all get the error, which is not kept', async () => {
    const { cache } = setUp();
    const { loads, load } = upstream();
    const asked = Array.from({ length: 3 }, () => cache.getOrLoad('a', load));
    loads[0]!.reject(new Error('upstream is down'));
    for (const one of asked) await expect(one).rejects.toThrow('upstream is down');
    expect(await cache.getOrLoad('a', brings('A'))).toBe('A');
  });

  test('are refused when too many wait or too much is loaded, and nobody waits for ever', async () => {
    const { cache } = setUp({ loadsMax: 2, waitersMax: 3, loadTimeoutMs: 20 });
    const { loads, load } = upstream();
    const [a1, b] = [cache.getOrLoad('a', load), cache.getOrLoad('b', load)];
    await expect(cache.getOrLoad('c', load)).rejects.toMatchObject({ code: 'CACHE_OVERLOADED' });
    const a2 = cache.getOrLoad('a', load);
    await expect(cache.getOrLoad('a', load)).rejects.toMatchObject({ code: 'CACHE_OVERLOADED' });
    for (const one of [a1, a2, b])
      await expect(one).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' });
    // They are still being loaded: new ones would be more than there may be.
    await expect(cache.getOrLoad('d', load)).rejects.toMatchObject({ code: 'CACHE_OVERLOADED' });
    loads[0]!.resolve('late');
    await expect.poll(() => cache.get('a')).toBe('late');
    expect(cache.stats().loads).toMatchObject({ refused: 3, timedOut: 2, underWay: 1, waiting: 0 });
    loads[1]!.resolve('late');
  });
});

describe('a value near its end', () => {
  test('is loaded again by one, while everybody goes on with what there is', async () => {
    let draw = 1;
    const { cache, other, clock } = setUp({ random: () => draw });
    const slow = upstream();
    const first = cache.getOrLoad('a', slow.load);
    // It takes 20 ms: with a draw of 1/e it is refreshed 20 ms before its end.
    clock.now += 20;
    slow.loads[0]!.resolve('A');
    await first;
    clock.now += 979;
    draw = 1 / Math.E + 0.001;
    expect(cache.getOrLoad('a', never)).toBe('A');
    clock.now += 1;
    draw = 1 / Math.E - 0.001;
    const { loads, load } = upstream();
    for (let i = 0; i < 10; i++) expect(cache.getOrLoad('a', load)).toBe('A');
    expect(loads.length).toBe(1);
    loads[0]!.resolve('B');
    await expect.poll(() => cache.get('a')).toBe('B');
    expect(cache.stats()).toMatchObject({ refreshes: 1, refreshFailures: 0 });
    // The other threads have it, too.
    expect(other.getOrLoad('a', never)).toBe('B');
  });

  test('that another thread has refreshed is taken from there', async () => {
    const { cache, other, clock } = setUp({ random: () => 0 });
    await cache.getOrLoad('a', brings('A'));
    expect(other.get('a')).toBe('A');
    clock.now += 950;
    expect(cache.getOrLoad('a', brings('B'))).toBe('A');
    await expect.poll(() => cache.get('a')).toBe('B');
    expect(other.getOrLoad('a', never)).toBe('A');
    expect(other.getOrLoad('a', never)).toBe('B');
    expect(other.stats().refreshes).toBe(0);
  });

  test('whose refresh fails stays until its time is over, and is not tried again at once', async () => {
    const { cache, clock } = setUp({ random: () => 0 });
    await cache.getOrLoad('a', brings('A'));
    clock.now += 950;
    expect(cache.getOrLoad('a', fails)).toBe('A');
    await expect.poll(() => cache.stats().refreshFailures).toBe(1);
    expect(cache.getOrLoad('a', fails)).toBe('A');
    expect(cache.stats().refreshes).toBe(1);
  });
});

describe('while loading fails', () => {
  test('what there was is good for a bounded time, without an attempt for each caller', async () => {
    const { cache, clock } = setUp({ staleMs: 5000 });
    await cache.getOrLoad('a', brings('A'));
    clock.now += 1000;
    expect(await cache.getOrLoad('a', fails)).toBe('A');
    expect(cache.getOrLoad('a', never)).toBe('A');
    expect(cache.stats()).toMatchObject({ stale: 2, loads: { loads: 2, failed: 1 } });
    clock.now += 4999;
    expect(await cache.getOrLoad('a', fails)).toBe('A');
    clock.now += 1;
    await expect(cache.getOrLoad('a', fails)).rejects.toThrow('upstream is down');
  });

  test('what was invalidated is not handed out', async () => {
    const { cache, clock } = setUp({ staleMs: 5000 });
    await cache.getOrLoad('a', brings('A'));
    clock.now += 1000;
    const { loads, load } = upstream();
    const asked = cache.getOrLoad('a', load);
    await cache.invalidate('a');
    loads[0]!.reject(new Error('upstream is down'));
    await expect(asked).rejects.toThrow('upstream is down');
    await expect(cache.getOrLoad('a', fails)).rejects.toThrow('upstream is down');
  });
});

describe('an invalidation', () => {
  test('reaches all threads at once', async () => {
    const { cache, other } = setUp();
    await cache.getOrLoad('a', brings('A'));
    expect(other.get('a')).toBe('A');
    expect(await other.invalidate('a')).toBe(true);
    expect([cache.get('a'), other.get('a')]).toEqual([undefined, undefined]);
    await cache.getOrLoad('a', brings('B'));
    await cache.getOrLoad('b', brings('B'));
    await other.invalidate(undefined);
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, undefined]);
  });

  test('is not undone by what was being loaded, and who asks afterwards does not get that', async () => {
    const { cache, other } = setUp();
    const { loads, load } = upstream();
    const before = cache.getOrLoad('a', load);
    await other.invalidate('a');
    const after = cache.getOrLoad('a', load);
    expect(loads.length).toBe(2);
    loads[1]!.resolve('new');
    expect(await after).toBe('new');
    loads[0]!.resolve('old');
    expect(await before).toBe('old');
    expect([cache.get('a'), other.get('a')]).toEqual(['new', 'new']);
  });
});

test('bytes that a codec cannot read are as if they were not there', async () => {
  const picky: Codec<string> = { ...codec, decode: () => JSON.parse('{') as string };
  const { cache, other } = setUp({ codec: picky });
  await cache.getOrLoad('a', brings('A'));
  expect(await other.getOrLoad('a', brings('B'))).toBe('B');
});
