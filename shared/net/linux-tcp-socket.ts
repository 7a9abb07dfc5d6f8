// TCP sockets that share one local address (RFC 6062 s5.1, s5.2): a listener, and connections that are made from where
// it listens. The kernel lets the second be bound only where both said SO_REUSEPORT, which node cannot say.

import { Arena } from '../native/arena.ts';
import { EADDRINUSE } from '../native/errno.ts';
import type { Libc } from '../native/libc.ts';
import {
  AF_INET,
  AF_INET6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_IPV6,
  SOL_SOCKET,
} from '../native/socket-constants.ts';
import { descriptorLimit } from './descriptor-ledger.ts';
import type { OpenFailure } from './engine.ts';
import { writeSockaddr } from './sockaddr.ts';
import type { TransportAddress } from './transport-address.ts';

/** What TCP relays leave of the descriptors to everything else. */
const DESCRIPTORS_LEFT = 256;

export class TcpSocketOpener {
  readonly #libc: Libc;
  readonly #scratch = new Arena(64);
  readonly #descriptorMax = descriptorLimit() - DESCRIPTORS_LEFT;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** A bound socket to listen with: nobody else has the port. */
  listener(address: TransportAddress): { fd: number } | { failure: OpenFailure } {
    const opened = this.#open(address, false);
    // From now on connections may be made from there.
    if ('fd' in opened) this.#set(opened.fd, SOL_SOCKET, SO_REUSEPORT);
    return opened;
  }

  /** A bound socket to connect with from where one of ours listens. */
  outgoing(address: TransportAddress): { fd: number } | { failure: OpenFailure } {
    return this.#open(address, true);
  }

  close(fd: number): void {
    this.#libc.close(fd);
  }

  free(): void {
    this.#scratch.free();
  }

  #open(address: TransportAddress, shared: boolean): { fd: number } | { failure: OpenFailure } {
    const libc = this.#libc;
    const domain = address.family === 4 ? AF_INET : AF_INET6;
    const fd = libc.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return { failure: 'unavailable' };
    // The number is the lowest that was free, so it says how many are in use.
    if (fd > this.#descriptorMax) {
      libc.close(fd);
      return { failure: 'unavailable' };
    }
    if (address.family === 6) this.#set(fd, SOL_IPV6, IPV6_V6ONLY);
    this.#set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (shared) this.#set(fd, SOL_SOCKET, SO_REUSEPORT);
    const length = writeSockaddr(this.#scratch, 0, address);
    if (libc.bind(fd, this.#scratch.base, length) < 0) {
      const failure = libc.errno() === EADDRINUSE ? 'in-use' : 'unavailable';
      libc.close(fd);
      return { failure };
    }
    return { fd };
  }

  #set(fd: number, level: number, option: number): void {
    this.#scratch.u32[8] = 1;
    this.#libc.setsockopt(fd, level, option, this.#scratch.at(32), 4);
  }
}
