// The keys of TURN about relayed transport addresses: which ones there are, and how allocations share them.
// Called by: schema.ts.

import { z } from 'zod';
import { isAddress, isMulticast, isWildcard, readPortRange } from './network-values.ts';
import { checked, integer, listOf } from './schema-values.ts';

const relayAddress = checked(
  (value) => isAddress(value) && !isWildcard(value) && !isMulticast(value),
  'an IP address of this machine (not 0.0.0.0 or ::)',
);

export const relay = z.strictObject({
  addresses: listOf(relayAddress, 16)
    .min(1, { error: 'at least one IP address of this machine' })
    .default(['127.0.0.1', '::1'])
    .describe('Addresses of this machine that relayed transport addresses are taken from'),
  external: z
    .record(relayAddress, relayAddress)
    .default({})
    .describe('Public address of each relay address behind a one-to-one NAT'),
  ports: checked(readPortRange)
    .default('49152-65535')
    .describe('Ports of relayed transport addresses, first and last'),
});

export const relayPortsPerWorker = integer(0, 64)
  .default(0)
  .describe(
    'Relay ports that all allocations of a media worker share at each relay address; 0 gives each a port of its own',
  );
