// A TCP socket to listen with, with the options that node cannot set on Node 20: a port shared with other processes
// (SO_REUSEPORT, socket(7)), and data in the SYN (TCP Fast Open, RFC 7413; tcp(7)).
// Called by: the gateway.

import { readFileSync } from 'node:fs';
import { Arena } from '../native/arena.ts';
import { errnoName } from '../native/errno.ts';
import { libc } from '../native/libc.ts';
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
  SOL_TCP,
  TCP_FASTOPEN,
} from '../native/socket-constants.ts';
import { writeSockaddr } from './sockaddr.ts';
import type { TransportAddress } from './transport-address.ts';

/** Connections that have sent data and no ACK yet (RFC 7413 s5.1): a spoofed SYN must not cost more. */
const FAST_OPEN_QUEUE = 128;

/** The bit of net.ipv4.tcp_fastopen (ip-sysctl) that lets servers have it, for IPv6, too. */
const FAST_OPEN_SERVER = 2;

export interface ListeningSocket {
  readonly fd: number;
  /** Whether this kernel takes data with a SYN there. */
  readonly fastOpen: boolean;
}

/**
 * Bound, and not listening yet; `::` takes IPv4, too, as node has it. The caller closes the descriptor. Throws where
 * libc cannot be called, and what `systemError` makes where the kernel refuses.
 */
export function openListeningSocket(
  address: TransportAddress,
  options: { readonly reusePort: boolean },
): ListeningSocket {
  const c = libc();
  const domain = address.family === 4 ? AF_INET : AF_INET6;
  const fd = c.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError('socket', c.errno());
  const scratch = new Arena(64);
  const set = (level: number, option: number, value: number): boolean => {
    scratch.u32[8] = value;
    return c.setsockopt(fd, level, option, scratch.at(32), 4) === 0;
  };
  try {
    set(SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family === 6) set(SOL_IPV6, IPV6_V6ONLY, 0);
    if (options.reusePort && !set(SOL_SOCKET, SO_REUSEPORT, 1)) {
      throw systemError('setsockopt', c.errno());
    }
    if (c.bind(fd, scratch.base, writeSockaddr(scratch, 0, address)) < 0) {
      throw systemError('bind', c.errno());
    }
    return { fd, fastOpen: set(SOL_TCP, TCP_FASTOPEN, FAST_OPEN_QUEUE) && kernelHasFastOpen() };
  } catch (error) {
    c.close(fd);
    throw error;
  } finally {
    scratch.free();
  }
}

/** The kernel takes the option, but goes by it only where it is switched on. */
function kernelHasFastOpen(): boolean {
  try {
    const setting = Number(readFileSync('/proc/sys/net/ipv4/tcp_fastopen', 'latin1'));
    return (setting & FAST_OPEN_SERVER) !== 0;
  } catch {
    return false;
  }
}

/** With the code and the call, as those of node have them. */
function systemError(syscall: string, errno: number): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(`${syscall}: ${code}`), { code, syscall });
}
