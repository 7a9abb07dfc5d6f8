// A thread that hammers shared memory of the cache together with others, and checks all that it reads: a value says in
// each word which key it is of and what it was written with. Bundled and started by cache-hammer-threads.ts.

import { randomInt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { Generations } from '../../../shared/cache/generations.ts';
import { KeyHash } from '../../../shared/cache/key-hash.ts';
import { SharedTier, type SharedTierMemory } from '../../../shared/cache/shared-tier.ts';
import {
  Take,
  WindowCounters,
  type WindowCountersMemory,
} from '../../../shared/cache/window-counters.ts';

export interface CacheHammerData {
  readonly part: 'tier' | 'counters' | 'invalidate';
  readonly self: number;
  /** Infinity: until it is ended. */
  readonly turns: number;
  readonly keys: number;
  readonly coefficients: Int32Array;
  readonly generations: SharedArrayBuffer;
  readonly tier: SharedTierMemory;
  readonly counters: WindowCountersMemory;
  readonly limit: number;
  /** A word in which threads count that they have started, and wait for all. */
  readonly gate: SharedArrayBuffer;
  readonly threads: number;
}

export interface CacheHammerReport {
  readonly hits: number;
  readonly torn: number;
  readonly allowed: number;
  /** What `drainDeltas` handed over. */
  readonly drained: number;
}

export const TIER_NOW = 1000;
export const COUNTERS_NOW = 1_000_000;
export const COUNTERS_WINDOW_MS = 1000;

export function hammerKey(n: number): string {
  return `key number ${n}${'.'.repeat(n % 5)}`;
}

/** Words that are all the same for a key and a nonce, as many as the nonce says. */
export function checkValue(n: number, bytes: Uint8Array, length: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const word = view.getInt32(0, true);
  const wanted = 4 * (1 + (word & 15));
  if (length !== wanted) throw new Error(`${length} bytes where ${wanted} were written`);
  for (let at = 0; at < length; at += 4) {
    if (view.getInt32(at, true) !== word) throw new Error('a torn value');
  }
  if (word >>> 24 !== n) throw new Error('the value of another key');
}

function hammerTier(data: CacheHammerData): CacheHammerReport {
  const tier = new SharedTier(data.tier, data.self);
  const key = new KeyHash(data.coefficients);
  const value = new Uint8Array(64);
  const view = new DataView(value.buffer);
  for (let turn = 0; turn < data.turns; turn++) {
    const n = randomInt(data.keys);
    key.hash(hammerKey(n));
    if ((turn & 3) !== 0) {
      if (tier.get(key, 7, TIER_NOW)) checkValue(n, tier.found.bytes, tier.found.length);
      continue;
    }
    const word = (n << 24) | randomInt(2 ** 24);
    const length = 4 * (1 + (word & 15));
    for (let at = 0; at < length; at += 4) view.setInt32(at, word, true);
    const times = { expiresAt: TIER_NOW + 1 + randomInt(1000), freshUntil: 0, costMs: 0 };
    tier.set(key, value.subarray(0, length), times, 7, TIER_NOW);
  }
  const { hits, torn } = tier.stats();
  return { hits, torn, allowed: 0, drained: 0 };
}

function hammerCounters(data: CacheHammerData): CacheHammerReport {
  const counters = new WindowCounters(data.counters);
  const out = new Take();
  let allowed = 0;
  let drained = 0;
  for (let turn = 0; turn < data.turns; turn++) {
    const key = hammerKey(randomInt(data.keys));
    if (counters.take(key, data.limit, COUNTERS_WINDOW_MS, COUNTERS_NOW, 1, out)) allowed++;
    if (turn % 64 === 0)
      counters.drainDeltas(1000, (_first, _mark, _window, count) => (drained += count));
  }
  return { hits: 0, torn: 0, allowed, drained };
}

if (parentPort !== null) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what cache-hammer-threads.ts hands over
  const data = workerData as CacheHammerData;
  const gate = new Int32Array(data.gate);
  const started = Atomics.add(gate, 0, 1) + 1;
  Atomics.notify(gate, 0);
  for (let n = started; n < data.threads; n = Atomics.load(gate, 0)) Atomics.wait(gate, 0, n, 100);
  if (data.part === 'invalidate') {
    // Until the other thread is where it does nothing but ask.
    Atomics.wait(gate, 0, data.threads, 100);
    new Generations(data.generations).invalidateAll();
  } else {
    parentPort.postMessage(data.part === 'tier' ? hammerTier(data) : hammerCounters(data));
  }
}
