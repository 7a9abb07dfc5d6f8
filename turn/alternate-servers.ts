// Where new clients are sent to instead (RFC 8489 s10): each alternate server in turn, of the family they came by.

import type { AddressFamily, TransportAddress } from '../shared/net/transport-address.ts';

export class AlternateServers {
  readonly #servers: {
    readonly 4: readonly TransportAddress[];
    readonly 6: readonly TransportAddress[];
  };
  readonly #next = { 4: 0, 6: 0 };

  constructor(servers: readonly TransportAddress[]) {
    this.#servers = {
      4: servers.filter(({ family }) => family === 4),
      6: servers.filter(({ family }) => family === 6),
    };
  }

  /** Undefined where there is none of that family. */
  next(family: AddressFamily): TransportAddress | undefined {
    const servers = this.#servers[family];
    if (servers.length === 0) return undefined;
    const server = servers[this.#next[family]];
    this.#next[family] = (this.#next[family] + 1) % servers.length;
    return server;
  }
}
