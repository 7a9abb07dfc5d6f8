// Whose address it is, for counts and limits: an IPv4 address, or an IPv6 /64, since a host has a whole one.
// Called by: signaling and the gateway.

import { isIPv6 } from 'node:net';
import { TransportAddress } from './transport-address.ts';

/** An IPv4 address, also when mapped into IPv6 (RFC 4291 s2.5.5.2), or 64 bits of an IPv6 address. */
export function addressKey(remoteAddress: string): string {
  if (!isIPv6(remoteAddress)) return remoteAddress;
  // As a socket for both families writes it.
  if (remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.')) {
    return remoteAddress.slice('::ffff:'.length);
  }
  const address = TransportAddress.parse(remoteAddress);
  if (address === undefined) return remoteAddress;
  return `6:${address.w0}:${address.w1}`;
}
