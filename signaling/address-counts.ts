// How many sockets each remote address holds, joined or not; with IPv6 a whole /64 is one address.
// Called by: signaling-server.ts. Bounded by the sockets that are open.

import { isIPv6 } from 'node:net';
import { TransportAddress } from '../shared/net/transport-address.ts';

export interface AddressCount {
  readonly key: string;
  unauthenticated: number;
  total: number;
}

export class AddressCounts {
  readonly #counts = new Map<string, AddressCount>();

  /** The count of that address, made if there is none; kept from its first `open` to its last `close`. */
  of(remoteAddress: string): AddressCount {
    const key = addressKey(remoteAddress);
    return this.#counts.get(key) ?? { key, unauthenticated: 0, total: 0 };
  }

  open(count: AddressCount): void {
    count.total++;
    count.unauthenticated++;
    this.#counts.set(count.key, count);
  }

  close(count: AddressCount): void {
    count.total--;
    if (count.total === 0) this.#counts.delete(count.key);
  }

  get size(): number {
    return this.#counts.size;
  }
}

/** An IPv4 address, also when mapped into IPv6 (RFC 4291 s2.5.5.2), or 64 bits of an IPv6 address. */
export function addressKey(remoteAddress: string): string {
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const address = TransportAddress.parse(remoteAddress);
  if (address === undefined) return remoteAddress;
  if (address.w0 === 0 && address.w1 === 0 && address.w2 === 0xffff) return `4:${address.w3}`;
  return `6:${address.w0}:${address.w1}`;
}
