// One transport address that clients send to, with the allocations of its 5-tuples (RFC 8656 s2, s6).

import { AddressTable } from '../shared/net/address-table.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import type { Allocation } from './allocation.ts';

export class Listener {
  readonly socket: number;
  readonly address: TransportAddress;
  /** By the client's transport address: server address and protocol are this listener's. */
  readonly allocations: AddressTable<Allocation> = new AddressTable('host-and-port');

  constructor(socket: number, address: TransportAddress) {
    this.socket = socket;
    this.address = address;
  }
}
