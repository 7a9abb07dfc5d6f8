// The keys of the Redis that the nodes of a cluster share, and what a URL of one is.
// Called by: schema.ts.

import { z } from 'zod';
import { isUrlOf } from './network-values.ts';
import { checked, integer, text } from './schema-values.ts';

export const redisUrl = checked(
  (value) => value === '' || isUrlOf(value, ['redis:', 'rediss:']),
  'a redis:// or rediss:// URL',
);

export const redis = z.strictObject({
  url: redisUrl
    .default('')
    .describe('Redis that the nodes of a cluster share, redis:// or rediss://; empty for none'),
  prefix: text(1, 64, 'a prefix')
    .default('sterna:')
    .describe('What its keys and channels begin with; the same on all nodes'),
  lease: integer(1, 60)
    .default(3)
    .describe(
      'Seconds after which rooms of a node that is dead, or cut off from Redis, go on at others; the same on all nodes',
    ),
});
