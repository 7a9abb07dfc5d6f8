// The metrics of tiered caches, one series for each cache that there is; absent where there is none.
// Called by: metric-families.ts, which has them among its own.

import type { TieredCacheStats } from '../shared/cache/cache-options.ts';
import type { MetricFamily, Sample } from './metric-families.ts';
import type { ServerStats } from './stats.ts';

export const CACHE_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_cache_hits_total',
    type: 'counter',
    help: 'Values that a tier of a cache had, by tier: local (of the thread), shared (of the process) or redis (of all nodes)',
    ...ofTiers(({ localHits, shared, redis }) => [localHits, shared?.hits, redis?.hits]),
  },
  {
    name: 'sterna_cache_misses_total',
    type: 'counter',
    help: 'Values that a tier of a cache was asked for and did not have, by tier',
    ...ofTiers(({ localMisses, shared, redis }) => [localMisses, shared?.misses, redis?.misses]),
  },
  {
    name: 'sterna_cache_loads_total',
    type: 'counter',
    help: 'Loads of values that no tier had, or that were due, by what came of them; refused are callers of one too many',
    labels: ['cache', 'result'],
    samples: ofCaches(({ loads: { loads, failed, timedOut, refused, underWay } }) => [
      { labels: { result: 'loaded' }, value: Math.max(0, loads - failed - underWay) },
      { labels: { result: 'failed' }, value: failed },
      { labels: { result: 'timed_out' }, value: timedOut },
      { labels: { result: 'refused' }, value: refused },
    ]),
  },
  {
    name: 'sterna_cache_coalesced_total',
    type: 'counter',
    help: 'Callers who got what another one’s load brought',
    ...of(({ loads }) => loads.coalesced),
  },
  {
    name: 'sterna_cache_stale_total',
    type: 'counter',
    help: 'Values that were handed out after their time, since loading them failed',
    ...of(({ stale }) => stale),
  },
  {
    name: 'sterna_cache_refreshes_total',
    type: 'counter',
    help: 'Values that were loaded again before their time was over',
    ...of(({ refreshes }) => refreshes),
  },
  {
    name: 'sterna_cache_entries',
    type: 'gauge',
    help: 'Values in the first tier of the main thread',
    ...of(({ localSize }) => localSize),
  },
];

type Values = Pick<MetricFamily, 'labels' | 'samples'>;

/** Adds the name of each cache. */
function ofCaches(read: (cache: TieredCacheStats) => Sample[]): MetricFamily['samples'] {
  return (stats: ServerStats) => {
    const users = stats.media.userLookups?.cache;
    if (users === undefined) return [];
    return read(users).map(({ labels, value }) => ({
      labels: { cache: 'users', ...labels },
      value,
    }));
  };
}

function of(read: (cache: TieredCacheStats) => number): Values {
  return {
    labels: ['cache'],
    samples: ofCaches((cache) => [{ labels: {}, value: read(cache) }]),
  };
}

/** Of tiers that are not there nothing is told. */
function ofTiers(read: (cache: TieredCacheStats) => readonly (number | undefined)[]): Values {
  return {
    labels: ['cache', 'tier'],
    samples: ofCaches((cache) =>
      read(cache).flatMap((value, i) =>
        value === undefined ? [] : [{ labels: { tier: TIERS[i]! }, value }],
      ),
    ),
  };
}

const TIERS = ['local', 'shared', 'redis'];
