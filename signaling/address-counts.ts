// How many sockets each remote address holds, joined or not; with IPv6 a whole /64 is one address.
// Called by: signaling-server.ts. Bounded by the sockets that are open.

import { addressKey } from '../shared/net/address-key.ts';

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
