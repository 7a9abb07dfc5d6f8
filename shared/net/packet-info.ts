// What comes with a datagram beside its bytes: GRO's segment size, DSCP and ECN, TTL.
// Read from control messages (cmsg(3)) and written as such for sending (RFC 8656 s14). Allocates: nothing.

import type { Arena } from '../native/arena.ts';
import {
  CMSGHDR_BYTES,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_TCLASS,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
} from '../native/socket-constants.ts';
import type { AddressFamily } from './transport-address.ts';

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

  clear(): void {
    this.segmentBytes = 0;
    this.tos = 0;
    this.ttl = 0;
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

  #take(level: number, type: number, at: number, u32: Uint32Array, bytes: Uint8Array): void {
    if (level === SOL_UDP) {
      if (type === UDP_GRO) this.segmentBytes = u32[at >> 2]! & 0xffff;
    } else if (level === SOL_IP) {
      if (type === IP_TOS) this.tos = bytes[at]!;
      else if (type === IP_TTL) this.ttl = u32[at >> 2]!;
    } else if (level === SOL_IPV6) {
      if (type === IPV6_TCLASS) this.tos = u32[at >> 2]! & 0xff;
      else if (type === IPV6_HOPLIMIT) this.ttl = u32[at >> 2]!;
    }
  }
}

/** Writes DSCP and ECN, 0 being what the system sends anyway; returns the bytes written. */
export function writeTos(arena: Arena, offset: number, family: AddressFamily, tos: number): number {
  if (tos === 0) return 0;
  return family === 4
    ? writeInt(arena, offset, SOL_IP, IP_TOS, tos)
    : writeInt(arena, offset, SOL_IPV6, IPV6_TCLASS, tos);
}

/** Writes a control message with an int; returns its bytes, padding included. */
export function writeInt(
  arena: Arena,
  at: number,
  level: number,
  type: number,
  value: number,
): number {
  const { u32 } = arena;
  u32[at >> 2] = CMSGHDR_BYTES + 4;
  u32[(at + 4) >> 2] = 0;
  u32[(at + 8) >> 2] = level;
  u32[(at + 12) >> 2] = type;
  u32[(at + CMSGHDR_BYTES) >> 2] = value;
  return CMSG_INT_BYTES;
}
