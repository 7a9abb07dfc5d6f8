// The local addresses that a wildcard socket is asked at. Each is a socket of its own to the owner, with a number that
// answers leave from under (RFC 8489 s6.3.1.2: from where the request went to); the descriptor is the wildcard's.
// Called by the Linux engine. Allocates: nothing for an address that was asked at before.

import { AddressTable } from './address-table.ts';
import type { LinuxSocket } from './linux-sockets.ts';
import type { SendingSocket } from './send-queue.ts';
import { TransportAddress } from './transport-address.ts';

/** Numbers of local sockets begin above every descriptor; each wildcard socket has its share of them. */
const FIRST_LOCAL_SOCKET = 1 << 24;
const LOCALS_BITS = 8;

/** Of one socket: a machine with more addresses, or a peer that makes them up on one, finds the others not served. */
const LOCALS_MAX = 1 << LOCALS_BITS;

/** What datagrams are sent from: a socket, or one local address of a wildcard socket. */
export interface Sender extends SendingSocket {
  /** The socket whose descriptor it is. */
  readonly base: LinuxSocket;
}

export class LocalSocket implements Sender {
  readonly base: LinuxSocket;
  readonly fd: number;
  readonly source: TransportAddress;
  /** What datagrams to it are delivered with; undefined: its owner does not want them. */
  tag: number | undefined = undefined;

  constructor(base: LinuxSocket, source: TransportAddress) {
    this.base = base;
    this.fd = base.fd;
    this.source = source;
  }
}

/** Of one wildcard socket. Keys and sources are as `PacketInfo.local`: an interface where the port would be. */
export class LocalSockets {
  readonly #base: LinuxSocket;
  readonly #port: number;
  readonly #bySource: AddressTable<LocalSocket> = new AddressTable('host-and-port');
  readonly #byIndex: LocalSocket[] = [];
  #last: LocalSocket | undefined = undefined;

  constructor(base: LinuxSocket, port: number) {
    this.#base = base;
    this.#port = port;
  }

  /** The tag for a datagram to that address; undefined when nobody takes it. Asks the owner once for each address. */
  tagOf(local: TransportAddress): number | undefined {
    let socket = this.#last;
    if (socket?.source.equals(local) !== true) {
      socket = this.#bySource.get(local) ?? this.#admit(local);
      this.#last = socket;
    }
    return socket?.tag;
  }

  at(index: number): LocalSocket | undefined {
    return this.#byIndex[index];
  }

  #admit(local: TransportAddress): LocalSocket | undefined {
    if (this.#byIndex.length === LOCALS_MAX) return undefined;
    const base = this.#base;
    const socket = new LocalSocket(base, local.copy());
    const index = this.#byIndex.push(socket) - 1;
    this.#bySource.set(socket.source, socket);
    const address = new TransportAddress().set(local);
    address.port = this.#port;
    socket.tag = base.owner.onLocal?.(base.tag, numberOf(base.fd, index), address);
    return socket;
  }
}

function numberOf(fd: number, index: number): number {
  return FIRST_LOCAL_SOCKET + (fd << LOCALS_BITS) + index;
}

/** The descriptor that a socket's number stands for. */
export function descriptorOf(socket: number): number {
  return socket < FIRST_LOCAL_SOCKET ? socket : (socket - FIRST_LOCAL_SOCKET) >> LOCALS_BITS;
}

/** Which local address of a wildcard socket a number stands for; undefined when it is a descriptor. */
export function localIndexOf(socket: number): number | undefined {
  return socket < FIRST_LOCAL_SOCKET ? undefined : (socket - FIRST_LOCAL_SOCKET) & (LOCALS_MAX - 1);
}
