// From (socket, remote transport address) to the tuple that was validated there, in constant time.
// Called by: IceLite, once per datagram that is not STUN. Allocates: nothing on `get`.

import { AddressTable } from '../../shared/net/address-table.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import type { IceObserver, IceTuple } from './ice-session.ts';

/** Bounded by what its sessions may have. */
export class TupleTable<Owner extends IceObserver> {
  readonly #sockets = new Map<number, AddressTable<IceTuple<Owner>>>();

  get(socket: number, remote: TransportAddress): IceTuple<Owner> | undefined {
    return this.#sockets.get(socket)?.get(remote);
  }

  add(tuple: IceTuple<Owner>): void {
    let table = this.#sockets.get(tuple.socket);
    if (table === undefined) {
      table = new AddressTable('host-and-port');
      this.#sockets.set(tuple.socket, table);
    }
    table.set(tuple.remote, tuple);
  }

  delete(tuple: IceTuple<Owner>): void {
    const table = this.#sockets.get(tuple.socket);
    if (table === undefined) return;
    table.delete(tuple.remote);
    // Every TCP connection is a socket of its own.
    if (table.size === 0) this.#sockets.delete(tuple.socket);
  }

  /** All tuples of a socket, as an array that later changes leave alone. */
  of(socket: number): IceTuple<Owner>[] {
    return this.#sockets.get(socket)?.values() ?? [];
  }
}
