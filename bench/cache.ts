// What the cache costs, in nanoseconds of CPU an operation, beside a plain `Map`, the npm package `lru-cache` and a
// Redis on this machine, in the same run. `npm run bench:cache`; `-- --small` is the short run of the test suite.
// Rounds alternate between all cases; a case goes round a ring of keys.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { KeyHash } from '../shared/cache/key-hash.ts';
import { LocalTier } from '../shared/cache/local-tier.ts';
import { SharedTier } from '../shared/cache/shared-tier.ts';
import { TieredCache } from '../shared/cache/tiered-cache.ts';
import { Take, WindowCounters } from '../shared/cache/window-counters.ts';
import { systemClock } from '../shared/clock.ts';
import { silentLogger } from '../shared/log.ts';
import { RedisLink } from '../shared/redis/redis-link.ts';
import { median } from './percentiles.ts';

export interface CacheFigure {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  /** What DESIGN asks for, where it does. */
  readonly target: number | undefined;
}

interface Case {
  readonly name: string;
  /** Runs that many operations. */
  readonly run: (count: number) => void | Promise<void>;
  /** Operations a round, of those of a quick case. */
  readonly share: number;
  readonly target?: number;
  readonly waits?: boolean;
}

const RING = 1024;
const CAPACITY = 10_000;
const TTL_MS = 3_600_000;
const CALLERS = 1000;
const L1_TARGET = 31;
const L2_TARGET = 250;

const keys = Array.from({ length: RING }, (_, i) => `participant-${(i * 7919).toString(36)}`);
const value = { name: 'a value' };
const codec = {
  encode: (): Uint8Array => Buffer.from('a value'),
  decode: (): typeof value => value,
};

function makeCache(memory = TieredCache.memory(CAPACITY)): TieredCache<typeof value> {
  return new TieredCache({ name: 'bench', memory, capacity: CAPACITY, ttlMs: TTL_MS, codec });
}

const load = (): Promise<typeof value> => Promise.resolve(value);

function fail(): never {
  throw new Error('an operation of the bench missed');
}

function ring(operation: (key: string) => unknown): (count: number) => void {
  return (count) => {
    for (let i = 0; i < count; i++) {
      if (operation(keys[i & (RING - 1)]!) === undefined) fail();
    }
  };
}

async function localCases(): Promise<Case[]> {
  const map = new Map(keys.map((key) => [key, value]));
  const tier = new LocalTier<typeof value>(CAPACITY, systemClock);
  const cache = makeCache();
  for (const key of keys) {
    tier.set(key, value, TTL_MS);
    // oxlint-disable-next-line no-await-in-loop -- one after the other is simple
    await cache.getOrLoad(key, load);
  }
  const now = systemClock.monotonic();
  const cases: Case[] = [
    { name: 'Map.get', run: ring((key) => map.get(key)), share: 1 },
    {
      name: 'L1 hit: LocalTier.get, time known',
      run: ring((key) => tier.get(key, now)),
      share: 1,
      target: L1_TARGET,
    },
    { name: 'L1 hit: LocalTier.get', run: ring((key) => tier.get(key)), share: 1 },
    {
      name: 'L1 hit: TieredCache.getOrLoad, time known',
      run: ring((key) => cache.getOrLoad(key, load, now)),
      share: 1,
      target: L1_TARGET,
    },
    {
      name: 'L1 hit: TieredCache.getOrLoad',
      run: ring((key) => cache.getOrLoad(key, load)),
      share: 1,
    },
  ];
  const lru = await loadLru();
  if (lru !== undefined) {
    for (const key of keys) lru.set(key, value);
    cases.push({ name: 'lru-cache get (max, ttl)', run: ring((key) => lru.get(key)), share: 1 });
  }
  return cases;
}

function sharedCases(): Case[] {
  const memory = TieredCache.memory(CAPACITY);
  if (memory.tier === undefined) return fail();
  const key = new KeyHash(memory.coefficients);
  const writer = new SharedTier(memory.tier, 0);
  const reader = new SharedTier(memory.tier, 1);
  const now = systemClock.monotonic();
  const times = { expiresAt: now + TTL_MS, freshUntil: now + TTL_MS, costMs: 1 };
  const bytes = Buffer.alloc(64, 7);
  const set = (name: string): boolean | undefined => {
    key.hash(name);
    return writer.set(key, bytes, times, 0, now) || undefined;
  };
  for (const name of keys) set(name);
  const counters = new WindowCounters(WindowCounters.memory(CAPACITY));
  const out = new Take();
  return [
    {
      name: 'L2 hit: SharedTier.get, 64 bytes',
      run: ring((name) => {
        key.hash(name);
        return reader.get(key, 0, now) ? reader.found.bytes : undefined;
      }),
      share: 0.5,
      target: L2_TARGET,
    },
    { name: 'L2 set: SharedTier.set, 64 bytes', run: ring(set), share: 0.2 },
    {
      name: 'WindowCounters.take',
      run: ring((name) => counters.take(name, 1_000_000, 60_000, now, 1, out) || undefined),
      share: 0.5,
    },
  ];
}

/** One load for a thousand callers, and what it costs each of them. */
function coalescingCase(): Case {
  const cache = makeCache();
  let round = 0;
  return {
    name: `coalesced: each of ${CALLERS} callers of one load`,
    run: async (count) => {
      for (let done = 0; done < count; done += CALLERS) {
        const key = `round ${round++}`;
        const before = cache.stats().loads.loads;
        const callers = Array.from({ length: CALLERS }, async () => cache.getOrLoad(key, load));
        // oxlint-disable-next-line no-await-in-loop -- one crowd after the other
        await Promise.all(callers);
        if (cache.stats().loads.loads !== before + 1) fail();
      }
    },
    share: 0.1,
  };
}

function redisCases(link: RedisLink): Case[] {
  return [
    {
      name: 'Redis GET on this machine, one after the other',
      run: async (count) => {
        for (let i = 0; i < count; i++) {
          // oxlint-disable-next-line no-await-in-loop -- a caller waits for its answer
          const found = await link.run((redis) => redis.get(keys[i & (RING - 1)]!));
          if (found === null) fail();
        }
      },
      share: 0.005,
      waits: true,
    },
  ];
}

interface Lru {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
}

/** Installed with other packages, perhaps; it is no dependency of ours. */
async function loadLru(): Promise<Lru | undefined> {
  const name = 'lru-cache';
  try {
    const module: unknown = await import(name);
    if (typeof module !== 'object' || module === null) return undefined;
    const make: unknown = Reflect.get(module, 'LRUCache');
    if (typeof make !== 'function') return undefined;
    const made: unknown = Reflect.construct(make, [{ max: CAPACITY, ttl: TTL_MS }]);
    return isLru(made) ? made : undefined;
  } catch {
    return undefined;
  }
}

function isLru(made: unknown): made is Lru {
  return typeof made === 'object' && made !== null && 'get' in made && 'set' in made;
}

class BenchRedis {
  readonly link: RedisLink;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.link = new RedisLink({
      url: `redis://127.0.0.1:${port}`,
      prefix: 'bench:',
      log: silentLogger,
    });
  }

  /** Undefined where there is no redis-server. */
  static async start(): Promise<BenchRedis | undefined> {
    const port = await freePort();
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', ''];
    const process = spawn('redis-server', options, { cwd: tmpdir(), stdio: 'ignore' });
    const isThere = await Promise.race([
      once(process, 'spawn').then(() => true),
      once(process, 'error').then(() => false),
    ]);
    if (!isThere) return undefined;
    const redis = new BenchRedis(process, port);
    await new Promise<void>((resolve) => redis.link.listen({ onUp: () => resolve() }));
    for (const key of keys) {
      // oxlint-disable-next-line no-await-in-loop -- once, before anything is measured
      await redis.link.run((client) => client.set(key, 'a value'));
    }
    return redis;
  }

  async stop(): Promise<void> {
    this.link.close();
    const ended = once(this.#process, 'exit');
    this.#process.kill();
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens to a port
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Of this process's CPU, so that others on the machine do not count; of the clock for what waits. */
async function time(one: Case, count: number): Promise<number> {
  const start = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const done = one.run(count);
  if (done !== undefined) await done;
  const { user, system } = process.cpuUsage(cpu);
  const ns = one.waits ? Number(process.hrtime.bigint() - start) : (user + system) * 1000;
  return ns / count;
}

/** Measures every case; `small` is a run whose figures are only there to be finite. */
export async function run(small: boolean): Promise<readonly CacheFigure[]> {
  const rounds = small ? 3 : 51;
  const count = small ? 20_000 : 100_000;
  const redis = await BenchRedis.start();
  try {
    const cases = [...(await localCases()), ...sharedCases(), coalescingCase()];
    if (redis !== undefined) cases.push(...redisCases(redis.link));
    const measured = cases.map((one) => ({ one, times: [] as number[] }));
    // The first fifth of the rounds is for the compiler.
    for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
      for (const { one, times } of measured) {
        // oxlint-disable-next-line no-await-in-loop -- nothing else may run meanwhile
        const taken = await time(one, Math.ceil(count * one.share));
        if (round >= 0) times.push(taken);
      }
    }
    return measured.map(({ one, times }) => ({
      name: one.name,
      median: median(times),
      min: Math.min(...times),
      target: one.target,
    }));
  } finally {
    await redis?.stop();
  }
}

function column(figure: number | undefined): string {
  return (figure === undefined ? '' : figure.toFixed(figure < 100 ? 1 : 0)).padStart(9);
}

function print(figures: readonly CacheFigure[]): void {
  const map = figures[0]?.median ?? Number.NaN;
  console.log(
    `Cache, ns of CPU an operation (Redis: of the clock). Node ${process.version}, ${process.arch}.`,
  );
  console.log(`${''.padEnd(52)}   median      min    x Map   at most`);
  for (const { name, median: mid, min, target } of figures) {
    const besides = `${(mid / map).toFixed(2).padStart(8)}x${column(target)}`;
    console.log(`${name.padEnd(52)}${column(mid)}${column(min)}${besides}`);
  }
  const isThere = (word: string): boolean => figures.some(({ name }) => name.startsWith(word));
  if (!isThere('lru-cache'))
    console.log('The npm package lru-cache is not installed: it is left out.');
  if (!isThere('Redis')) console.log('There is no redis-server: Redis is left out.');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  print(await run(process.argv.includes('--small')));
}
