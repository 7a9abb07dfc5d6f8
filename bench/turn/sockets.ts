// The load generator's own sockets, each on a port of its own: counting up, so that runs one after the other have
// different ones. A server may remember the ports of an earlier run for a while, as clients or as peers.

import type { SocketOwner } from '../../shared/net/engine.ts';
import type { LinuxEngine } from '../../shared/net/linux-engine.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';

/** Above the relayed ports of the servers. */
export const PORTS_FIRST = 33_000;
export const PORTS_COUNT = 32_000;
const TRIES_MAX = 1000;

export class Sockets {
  readonly engine: LinuxEngine;
  #next: number;

  constructor(engine: LinuxEngine, firstPort: number) {
    this.engine = engine;
    this.#next = firstPort - PORTS_FIRST;
  }

  /** Its owner is told of the ports that were in use first, and of the one that it got last. */
  open(owner: SocketOwner): number {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const port = PORTS_FIRST + (this.#next++ % PORTS_COUNT);
      const socket = this.engine.open(loopback(port), owner, 0);
      if (socket >= 0) return socket;
    }
    throw new Error('no socket can be opened');
  }
}

export function loopback(port: number): TransportAddress {
  return new TransportAddress().setV4(0x7f000001, port);
}
