// Whose address it is, for counts and limits: an IPv4 address, or an IPv6 /64, since a host has a whole one.
// Called by: signaling and the gateway.

import { isIPv6 } from 'node:net';
import { TransportAddress } from './transport-address.ts';

/** An IPv4 address, also when mapped into IPv6 (RFC 4291 s2.5.5.2), or 64 bits of an IPv6 address. */
export function addressKey(remoteAddress: string): string {
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const address = TransportAddress.parse(remoteAddress);
  if (address === undefined) return remoteAddress;
  if (address.w0 === 0 && address.w1 === 0 && address.w2 === 0xffff) return `4:${address.w3}`;
  return `6:${address.w0}:${address.w1}`;
}
