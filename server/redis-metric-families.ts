// The metrics of the link to the Redis that nodes share; all absent without `redis.url`. Whether it is up is one of the
// cluster's.
// Called by: metric-families.ts, which has them among its own.

import type { RedisStats } from '../shared/redis/redis-link.ts';
import type { MetricFamily, Sample } from './metric-families.ts';

export const REDIS_METRIC_FAMILIES: readonly MetricFamily[] = [
  {
    name: 'sterna_redis_commands_total',
    type: 'counter',
    help: 'Commands to Redis: sent; those of them that failed; refused, since it was away',
    labels: ['result'],
    samples: of(({ commands, failures, refused }) => [
      { labels: { result: 'sent' }, value: commands },
      { labels: { result: 'failed' }, value: failures },
      { labels: { result: 'refused' }, value: refused },
    ]),
  },
  {
    name: 'sterna_redis_breaker_open',
    type: 'gauge',
    help: 'Whether the circuit breaker is open: no more than a probe goes to Redis, which has failed some times in a row',
    labels: [],
    samples: of(({ breaker }) => [{ labels: {}, value: breaker === 'closed' ? 0 : 1 }]),
  },
  {
    name: 'sterna_redis_breaker_opened_total',
    type: 'counter',
    help: 'Times that the circuit breaker opened',
    labels: [],
    samples: of(({ breakerOpened }) => [{ labels: {}, value: breakerOpened }]),
  },
  {
    name: 'sterna_redis_reconnects_total',
    type: 'counter',
    help: 'Times that the link to Redis came up again',
    labels: [],
    samples: of(({ reconnects }) => [{ labels: {}, value: reconnects }]),
  },
  {
    name: 'sterna_redis_messages_total',
    type: 'counter',
    help: 'Messages by publish and subscribe, by direction: published or received',
    labels: ['direction'],
    samples: of(({ published, received }) => [
      { labels: { direction: 'published' }, value: published },
      { labels: { direction: 'received' }, value: received },
    ]),
  },
];

function of(read: (redis: RedisStats) => Sample[]): MetricFamily['samples'] {
  return ({ cluster }) => (cluster === undefined ? [] : read(cluster.redis));
}
