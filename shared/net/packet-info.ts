// What comes with a datagram beside its bytes: GRO's segment size, DSCP and ECN, TTL, the address it was sent to.
// Read from control messages (cmsg(3)) and written as such for sending (RFC 8656 s14). Allocates: nothing.

import type { Arena } from '../native/arena.ts';
import {
  CMSGHDR_BYTES,
  IN6_PKTINFO_BYTES,
  IN_PKTINFO_BYTES,
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
import { readWords, writeWords } from './sockaddr.ts';
import { type AddressFamily, TransportAddress } from './transport-address.ts';

/**
 * Room for every control message that `read` knows together, 144 bytes where IPv4 came to a socket for both families,
 * and for DSCP, source and GSO: 88.
 */
export const CONTROL_BYTES = 160;

/** A control message with an int. */
export const CMSG_INT_BYTES = 24;

/** Those with a source address; padded to 8 bytes as each is. */
const CMSG_IN_PKTINFO_BYTES = 32;
const CMSG_IN6_PKTINFO_BYTES = 40;

/** The first ten bits of fe80::/10. */
const LINK_LOCAL = 0x3fa;

export class PacketInfo {
  /** Bytes of every datagram but the last, when GRO put several together; else 0. */
  segmentBytes = 0;
  /** DSCP and ECN, as in the IP header. */
  tos = 0;
  /** TTL or hop limit; 0 = not known. */
  ttl = 0;
  /** Whether the kernel said where the datagram was sent to: it does for a wildcard socket. */
  hasLocal = false;
  /**
   * Where it was sent to. `port` is the interface, which a link-local IPv6 address needs to be sent from, or 0.
   */
  readonly local: TransportAddress = new TransportAddress();
  /** Whether it was sent to a group or to everybody: no answer could leave from there. */
  isMulticast = false;

  clear(): void {
    this.segmentBytes = 0;
    this.tos = 0;
    this.ttl = 0;
    this.hasLocal = false;
  }

  /** Reads the control messages that lie at `offset`. */
  read(arena: Arena, offset: number, length: number): void {
    this.clear();
    const { u32 } = arena;
    const end = offset + length;
    let at = offset;
    while (at + CMSGHDR_BYTES <= end) {
      const size = u32[at >> 2]!;
      if (size < CMSGHDR_BYTES) return;
      const data = at + CMSGHDR_BYTES;
      this.#take(u32[(at + 8) >> 2]!, u32[(at + 12) >> 2]!, data, arena);
      at += (size + 7) & ~7;
    }
  }

  #take(level: number, type: number, at: number, arena: Arena): void {
    const { u32 } = arena;
    if (level === SOL_UDP) {
      if (type === UDP_GRO) this.segmentBytes = u32[at >> 2]! & 0xffff;
    } else if (level === SOL_IP) {
      if (type === IP_TOS) this.tos = arena.bytes[at]!;
      else if (type === IP_TTL) this.ttl = u32[at >> 2]!;
      else if (type === IP_PKTINFO) this.#takeLocal4(at, arena.view);
    } else if (level === SOL_IPV6) {
      if (type === IPV6_TCLASS) this.tos = u32[at >> 2]! & 0xff;
      else if (type === IPV6_HOPLIMIT) this.ttl = u32[at >> 2]!;
      else if (type === IPV6_PKTINFO) this.#takeLocal6(at, u32[(at + 16) >> 2]!, arena.view);
    }
  }

  #takeLocal4(at: number, view: DataView): void {
    this.hasLocal = true;
    this.local.setV4(view.getUint32(at + 4), 0);
    // The local address is another than the destination when that is a multicast or broadcast address.
    this.isMulticast = view.getUint32(at + 8) !== view.getUint32(at + 4);
  }

  #takeLocal6(at: number, interfaceIndex: number, view: DataView): void {
    const { local } = this;
    this.hasLocal = true;
    readWords(view, at, local, 0);
    // To a socket for both families: IP_PKTINFO, which follows, tells a broadcast address, too.
    local.unmap();
    this.isMulticast = local.w0 >>> 24 === 0xff;
    if (local.w0 >>> 22 === LINK_LOCAL && local.family === 6) local.port = interfaceIndex;
  }
}

/** Writes DSCP and ECN, 0 being what the system sends anyway; returns the bytes written. */
export function writeTos(arena: Arena, offset: number, family: AddressFamily, tos: number): number {
  if (tos === 0) return 0;
  return family === 4
    ? writeInt(arena, offset, SOL_IP, IP_TOS, tos)
    : writeInt(arena, offset, SOL_IPV6, IPV6_TCLASS, tos);
}

/** Writes where to send from, as `PacketInfo.local` has it; returns the bytes written. */
export function writeSource(arena: Arena, offset: number, source: TransportAddress): number {
  const { u32, view } = arena;
  const data = offset + CMSGHDR_BYTES;
  if (source.family === 4) {
    writeHeader(arena, offset, IN_PKTINFO_BYTES, SOL_IP, IP_PKTINFO);
    u32[data >> 2] = 0;
    view.setUint32(data + 4, source.w0);
    u32[(data + 8) >> 2] = 0;
    return CMSG_IN_PKTINFO_BYTES;
  }
  writeHeader(arena, offset, IN6_PKTINFO_BYTES, SOL_IPV6, IPV6_PKTINFO);
  writeWords(view, data, source);
  u32[(data + 16) >> 2] = source.port;
  return CMSG_IN6_PKTINFO_BYTES;
}

/** Writes a control message with an int; returns its bytes, padding included. */
export function writeInt(
  arena: Arena,
  at: number,
  level: number,
  type: number,
  value: number,
): number {
  writeHeader(arena, at, 4, level, type);
  arena.u32[(at + CMSGHDR_BYTES) >> 2] = value;
  return CMSG_INT_BYTES;
}

function writeHeader(arena: Arena, at: number, bytes: number, level: number, type: number): void {
  const { u32 } = arena;
  u32[at >> 2] = CMSGHDR_BYTES + bytes;
  u32[(at + 4) >> 2] = 0;
  u32[(at + 8) >> 2] = level;
  u32[(at + 12) >> 2] = type;
}
