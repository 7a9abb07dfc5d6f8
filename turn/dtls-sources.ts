// How many DTLS sessions each source network has, so that nobody takes those of all: one IPv4 address or IPv6 /64 is one
// source, as for the cap on unauthenticated replies. Bounded by the sessions that there are.

import { AddressTable } from '../shared/net/address-table.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';

export class DtlsSource {
  readonly network: TransportAddress;
  /** With those that are still in their handshake. */
  sessions = 0;
  handshakes = 0;

  constructor(network: TransportAddress) {
    this.network = network;
  }
}

export class DtlsSources {
  readonly #byNetwork = new AddressTable<DtlsSource>('host');

  /** Forgotten by `release` once it has no session. */
  find(client: TransportAddress): DtlsSource {
    const network = client.copy();
    if (network.family === 6) network.setV6(client.w0, client.w1, 0, 0, 0);
    const known = this.#byNetwork.get(network);
    if (known !== undefined) return known;
    const source = new DtlsSource(network);
    this.#byNetwork.set(network, source);
    return source;
  }

  release(source: DtlsSource): void {
    if (source.sessions === 0) this.#byNetwork.delete(source.network);
  }

  get size(): number {
    return this.#byNetwork.size;
  }
}
