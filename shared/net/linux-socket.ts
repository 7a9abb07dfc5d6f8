// Opens UDP sockets the way the Linux engine wants them, and finds out by trying which options the kernel has.

import { Arena } from '../native/arena.ts';
import { EADDRINUSE, errnoName } from '../native/errno.ts';
import type { Libc } from '../native/libc.ts';
import {
  AF_INET,
  AF_INET6,
  IP_RECVERR,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TTL,
  IPV6_MTU_DISCOVER,
  IPV6_RECVERR,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from '../native/socket-constants.ts';
import { descriptorLimit } from './descriptor-ledger.ts';
import type { OpenFailure } from './engine.ts';
import { readSockaddr, writeSockaddr } from './sockaddr.ts';
import type { TransportAddress } from './transport-address.ts';

/** 64 KiB kernel buffers lose key frames at 2 Mbit/s; 4 MiB hold a burst. The kernel caps it by rmem_max. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

export interface SocketOptions {
  /** Of `::`: takes IPv4 as well, whose addresses are read as such. */
  readonly dualStack?: boolean;
  /** Takes datagrams of one flow that came together as one. */
  readonly gro?: boolean;
  /** Shares its port with other sockets of this user that were opened so; each flow goes to one of them. */
  readonly reusePort?: boolean;
}

/** What sockets leave of the descriptors: clients of TURN must not keep health checks and signaling from being heard. */
const DESCRIPTORS_LEFT = 64;

export class SocketOpener {
  readonly #libc: Libc;
  readonly #scratch = new Arena(64);
  readonly #descriptorMax = descriptorLimit() - DESCRIPTORS_LEFT;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** A bound, non-blocking UDP socket; `address.port` becomes the real one. */
  open(
    address: TransportAddress,
    options: SocketOptions,
  ): { fd: number } | { failure: OpenFailure } {
    const libc = this.#libc;
    const domain = address.family === 4 ? AF_INET : AF_INET6;
    const fd = libc.socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return { failure: 'unavailable' };
    // The number is the lowest that was free, so it says how many are in use.
    if (fd > this.#descriptorMax) {
      libc.close(fd);
      return { failure: 'unavailable' };
    }
    const dualStack = options.dualStack === true;
    if (address.family === 6) this.set(fd, SOL_IPV6, IPV6_V6ONLY, dualStack ? 0 : 1);
    this.set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    this.set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    if (options.reusePort === true) this.set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.gro === true) this.set(fd, SOL_UDP, UDP_GRO, 1);
    if (address.family === 4 || dualStack) {
      this.set(fd, SOL_IP, IP_RECVTOS, 1);
      this.set(fd, SOL_IP, IP_RECVTTL, 1);
      // RFC 8656 s14: fragment where need be, unless a Send indication asks otherwise.
      this.set(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
      if (address.isUnspecified) this.set(fd, SOL_IP, IP_PKTINFO, 1);
    }
    if (address.family === 6) {
      this.set(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
      this.set(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
      if (address.isUnspecified) this.set(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
    }
    const length = writeSockaddr(this.#scratch, 0, address);
    if (libc.bind(fd, this.#scratch.base, length) < 0) {
      const failure = libc.errno() === EADDRINUSE ? 'in-use' : 'unavailable';
      libc.close(fd);
      return { failure };
    }
    this.local(fd, address);
    return { fd };
  }

  /** Where a socket is bound. */
  local(fd: number, out: TransportAddress): void {
    this.#scratch.u32[8] = 32;
    this.#libc.getsockname(fd, this.#scratch.base, this.#scratch.at(32));
    readSockaddr(this.#scratch, 0, out);
  }

  /** Asks for ICMP errors on the socket's error queue (ip(7), ipv6(7)). */
  reportIcmp(fd: number, family: 4 | 6): boolean {
    return family === 4
      ? this.set(fd, SOL_IP, IP_RECVERR, 1)
      : this.set(fd, SOL_IPV6, IPV6_RECVERR, 1);
  }

  setTtl(fd: number, family: 4 | 6, ttl: number): void {
    if (family === 4) this.set(fd, SOL_IP, IP_TTL, ttl);
    else this.set(fd, SOL_IPV6, IPV6_UNICAST_HOPS, ttl);
  }

  setDontFragment(fd: number, family: 4 | 6, on: boolean): void {
    const mode = on ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
    if (family === 4) this.set(fd, SOL_IP, IP_MTU_DISCOVER, mode);
    else this.set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, mode);
  }

  /** Whether this kernel has UDP_SEGMENT (Linux 4.18). */
  canSegment(): boolean {
    const fd = this.#libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const can = this.set(fd, SOL_UDP, UDP_SEGMENT, 0);
    this.#libc.close(fd);
    return can;
  }

  /** setsockopt(2) with an int; false when the kernel refuses. */
  set(fd: number, level: number, option: number, value: number): boolean {
    this.#scratch.u32[0] = value;
    return this.#libc.setsockopt(fd, level, option, this.#scratch.base, 4) === 0;
  }

  /** The name of the errno that the last refusal left. */
  get refusal(): string {
    return errnoName(this.#libc.errno());
  }

  free(): void {
    this.#scratch.free();
  }
}
