// Which addresses webhooks may connect to: those that TURN clients may reach as peers, global unicast and nothing else.
// The connection goes to exactly the addresses that were judged, so a name that means another host the next moment
// (DNS rebinding) leads nowhere. Called by: post.ts.

import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import { PeerPolicy } from '../../turn/peer-policy.ts';

/** All addresses of a name, as `dns.lookup` tells them. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export class BlockedAddressError extends Error {
  constructor(hostname: string) {
    super(`${hostname} is no public address (webhooks.allowPrivate)`);
    this.name = 'BlockedAddressError';
  }
}

const policy = new PeerPolicy({ allow: [], deny: [], relays: [], own: [] });

export function isPublicAddress(address: string): boolean {
  const parsed = TransportAddress.parse(address, 0);
  return parsed !== undefined && policy.judge(parsed) === 'allowed';
}

/** For `net.connect`: leaves out what is not allowed, and fails where nothing is left. */
export function checkedLookup(
  resolve: Resolve,
  isAllowed: (address: string) => boolean,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const allowed = addresses.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) return callback(new BlockedAddressError(hostname), '');
      if (options.all === true) return callback(null, allowed);
      return callback(null, first.address, first.family);
    });
  };
}
