// What comes with a datagram beside its bytes: GRO's segment size, DSCP and ECN, TTL, the address it was sent to.
// Read from control messages (cmsg(3)) and written as such for sending (RFC 8656 s14). Allocates: nothing.

import type { Arena } from '../native/arena.ts';
import {
  CMSGHDR_BYTES,
  IP_PKTINFO,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
} from '../native/socket-constants.ts';
import { swap32 } from './sockaddr.ts';
import { type AddressFamily, TransportAddress } from './transport-address.ts';

/** Room for every control message that `read` knows, or `write` may write together with a GSO one. */
export const CONTROL_BYTES = 128;

/** A control message with an int. */
export const CMSG_INT_BYTES = 24;

export class PacketInfo {
  /** Bytes of every datagram but the last, when GRO put several together; else 0. */
  segmentBytes = 0;
  /** DSCP and ECN, as in the IP header. */
  tos = 0;
  /** TTL or hop limit; 0 = not known. */
  ttl = 0;
  hasLocal = false;
  /** Where the datagram was sent to, port excepted; good while `hasLocal`. */
  readonly local: TransportAddress = new TransportAddress();

  clear(): void {
    this.segmentBytes = 0;
    this.tos = 0;
    this.ttl = 0;
    this.hasLocal = false;
  }

  /** Reads the control messages that lie at `offset`. */
  read(arena: Arena, offset: number, length: number): void {
    this.clear();
    const { u32, bytes } = arena;
    const end = offset + length;
    let at = offset;
    while (at + CMSGHDR_BYTES <= end) {
      const size = u32[at >> 2]!;
      if (size < CMSGHDR_BYTES) return;
      const data = at + CMSGHDR_BYTES;
      this.#take(u32[(at + 8) >> 2]!, u32[(at + 12) >> 2]!, data, u32, bytes);
      at += (size + 7) & ~7;
    }
  }

  /** Writes DSCP and ECN and, given one, the source address; returns the bytes written. */
  static write(
    arena: Arena,
    offset: number,
    family: AddressFamily,
    tos: number,
    source: TransportAddress | undefined,
  ): number {
    const v4 = family === 4;
    let at = offset;
    if (tos !== 0)
      at += writeInt(arena, at, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TOS : IPV6_TCLASS, tos);
    if (source !== undefined) at += writeSource(arena, at, source);
    return at - offset;
  }

  #take(level: number, type: number, at: number, u32: Uint32Array, bytes: Uint8Array): void {
    if (level === SOL_UDP) {
      if (type === UDP_GRO) this.segmentBytes = u32[at >> 2]! & 0xffff;
    } else if (level === SOL_IP) {
      if (type === IP_TOS) this.tos = bytes[at]!;
      else if (type === IP_TTL) this.ttl = u32[at >> 2]!;
      else if (type === IP_PKTINFO) {
        this.hasLocal = true;
        this.local.setV4(swap32(u32[(at + 8) >> 2]!), 0);
      }
    } else if (level === SOL_IPV6) {
      if (type === IPV6_TCLASS) this.tos = u32[at >> 2]! & 0xff;
      else if (type === IPV6_HOPLIMIT) this.ttl = u32[at >> 2]!;
      else if (type === IPV6_PKTINFO) {
        const word = at >> 2;
        this.hasLocal = true;
        this.local.setV6(
          swap32(u32[word]!),
          swap32(u32[word + 1]!),
          swap32(u32[word + 2]!),
          swap32(u32[word + 3]!),
          0,
        );
      }
    }
  }
}

/** Writes a control message with an int; returns its bytes, padding included. */
export function writeInt(
  arena: Arena,
  at: number,
  level: number,
  type: number,
  value: number,
): number {
  writeHeader(arena, at, CMSGHDR_BYTES + 4, level, type);
  arena.u32[(at + CMSGHDR_BYTES) >> 2] = value;
  return CMSG_INT_BYTES;
}

/** struct in_pktinfo (12 bytes: interface, source, unused) or in6_pktinfo (20 bytes: source, interface). */
function writeSource(arena: Arena, at: number, source: TransportAddress): number {
  const { u32 } = arena;
  const word = (at + CMSGHDR_BYTES) >> 2;
  if (source.family === 4) {
    writeHeader(arena, at, CMSGHDR_BYTES + 12, SOL_IP, IP_PKTINFO);
    u32[word] = 0;
    u32[word + 1] = swap32(source.w0);
    u32[word + 2] = 0;
    return 32;
  }
  writeHeader(arena, at, CMSGHDR_BYTES + 20, SOL_IPV6, IPV6_PKTINFO);
  u32[word] = swap32(source.w0);
  u32[word + 1] = swap32(source.w1);
  u32[word + 2] = swap32(source.w2);
  u32[word + 3] = swap32(source.w3);
  u32[word + 4] = 0;
  return 40;
}

function writeHeader(arena: Arena, at: number, size: number, level: number, type: number): void {
  const { u32 } = arena;
  u32[at >> 2] = size;
  u32[(at + 4) >> 2] = 0;
  u32[(at + 8) >> 2] = level;
  u32[(at + 12) >> 2] = type;
}
