// Reads a socket's error queue (ip(7), IP_RECVERR): ICMP errors about datagrams it sent, one at a time.
// Called by the Linux engine when epoll reports EPOLLERR. Allocates: nothing.

import { Arena } from '../native/arena.ts';
import type { Libc } from '../native/libc.ts';
import { EMSGSIZE } from '../native/errno.ts';
import {
  CMSGHDR_BYTES,
  IOVEC_BYTES,
  IP_RECVERR,
  IPV6_RECVERR,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
  SOCKADDR_BYTES,
  SOL_IP,
  SOL_IPV6,
} from '../native/socket-constants.ts';
import { readSockaddr } from './sockaddr.ts';
import { TransportAddress } from './transport-address.ts';

const HEADER = 0;
const NAME = 64;
const IOVEC = NAME + SOCKADDR_BYTES;
const DATA = IOVEC + IOVEC_BYTES;
const DATA_BYTES = 64;
const CONTROL = DATA + DATA_BYTES;
const CONTROL_BYTES = 256;

/** RFC 792: destination unreachable, fragmentation needed. RFC 4443 s3.2: packet too big. */
const ICMP_UNREACHABLE = 3;
const ICMP_FRAGMENTATION_NEEDED = 4;
const ICMP6_PACKET_TOO_BIG = 2;

export class ErrorQueue {
  readonly #libc: Libc;
  readonly #arena = new Arena(CONTROL + CONTROL_BYTES);
  /** The last error read: whom the datagram was for, and what ICMP said. `info` is the MTU where it has one. */
  readonly peer: TransportAddress = new TransportAddress();
  type = 0;
  code = 0;
  info = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    const arena = this.#arena;
    arena.writePointer(HEADER + MSG_NAME, arena, NAME);
    arena.writePointer(HEADER + MSG_IOV, arena, IOVEC);
    arena.u32[(HEADER + MSG_IOVLEN) >> 2] = 1;
    arena.writePointer(HEADER + MSG_CONTROL, arena, CONTROL);
    arena.writePointer(IOVEC, arena, DATA);
    arena.u32[(IOVEC + 8) >> 2] = DATA_BYTES;
  }

  /** Takes the next error: 1 when it is an ICMP one and set out above, 0 for any other, -1 when there is none. */
  next(fd: number): -1 | 0 | 1 {
    const { u32 } = this.#arena;
    u32[(HEADER + MSG_NAMELEN) >> 2] = SOCKADDR_BYTES;
    u32[(HEADER + MSG_CONTROLLEN) >> 2] = CONTROL_BYTES;
    if (this.#libc.recvmsg(fd, this.#arena.base, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return -1;
    if (!readSockaddr(this.#arena, NAME, this.peer)) return 0;
    const end = CONTROL + Math.min(CONTROL_BYTES, u32[(HEADER + MSG_CONTROLLEN) >> 2]!);
    let at = CONTROL;
    while (at + CMSGHDR_BYTES + 16 <= end) {
      const size = u32[at >> 2]!;
      if (size < CMSGHDR_BYTES) return 0;
      const level = u32[(at + 8) >> 2]!;
      const type = u32[(at + 12) >> 2]!;
      if (
        (level === SOL_IP && type === IP_RECVERR) ||
        (level === SOL_IPV6 && type === IPV6_RECVERR)
      ) {
        return this.#extended(at + CMSGHDR_BYTES) ? 1 : 0;
      }
      at += (size + 7) & ~7;
    }
    return 0;
  }

  free(): void {
    this.#arena.free();
  }

  /**
   * struct sock_extended_err. A refusal of our own host, for a datagram beyond the MTU, counts as the ICMP it stands
   * for.
   */
  #extended(at: number): boolean {
    const { u32, bytes } = this.#arena;
    const origin = bytes[at + 4];
    const info = u32[(at + 8) >> 2]!;
    if (origin === SO_EE_ORIGIN_ICMP || origin === SO_EE_ORIGIN_ICMP6) {
      this.type = bytes[at + 5]!;
      this.code = bytes[at + 6]!;
      const tooBig =
        origin === SO_EE_ORIGIN_ICMP
          ? this.type === ICMP_UNREACHABLE && this.code === ICMP_FRAGMENTATION_NEEDED
          : this.type === ICMP6_PACKET_TOO_BIG;
      this.info = tooBig ? info : 0;
      return true;
    }
    if (origin !== SO_EE_ORIGIN_LOCAL || u32[at >> 2] !== EMSGSIZE) return false;
    const v4 = this.peer.family === 4;
    this.type = v4 ? ICMP_UNREACHABLE : ICMP6_PACKET_TOO_BIG;
    this.code = v4 ? ICMP_FRAGMENTATION_NEEDED : 0;
    this.info = info;
    return true;
  }
}
