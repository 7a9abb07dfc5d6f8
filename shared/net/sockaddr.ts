// struct sockaddr_in and sockaddr_in6 in an arena, to and from TransportAddress. Allocates: nothing.

import type { Arena } from '../native/arena.ts';
import { AF_INET, AF_INET6 } from '../native/socket-constants.ts';
import type { TransportAddress } from './transport-address.ts';

export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

/** Writes the address at `offset` (a multiple of 4); returns its length. */
export function writeSockaddr(arena: Arena, offset: number, address: TransportAddress): number {
  const { u16, u32, view } = arena;
  const word = offset >> 2;
  view.setUint16(offset + 2, address.port);
  if (address.family === 4) {
    u16[offset >> 1] = AF_INET;
    view.setUint32(offset + 4, address.w0);
    u32[word + 2] = 0;
    u32[word + 3] = 0;
    return SOCKADDR_IN_BYTES;
  }
  u16[offset >> 1] = AF_INET6;
  u32[word + 1] = 0;
  writeWords(view, offset + 8, address);
  u32[word + 6] = 0;
  return SOCKADDR_IN6_BYTES;
}

/**
 * Reads the address at `offset` (a multiple of 4); false, `out` untouched, for any other family. A socket for both
 * families tells IPv4 addresses mapped into IPv6; they are read as what they are.
 */
export function readSockaddr(arena: Arena, offset: number, out: TransportAddress): boolean {
  const { u16, view } = arena;
  const family = u16[offset >> 1];
  const port = view.getUint16(offset + 2);
  if (family === AF_INET) {
    out.setV4(view.getUint32(offset + 4), port);
    return true;
  }
  if (family !== AF_INET6) return false;
  readWords(view, offset + 8, out, port);
  out.unmap();
  return true;
}

/** struct in6_addr. */
export function writeWords(view: DataView, offset: number, address: TransportAddress): void {
  view.setUint32(offset, address.w0);
  view.setUint32(offset + 4, address.w1);
  view.setUint32(offset + 8, address.w2);
  view.setUint32(offset + 12, address.w3);
}

/** struct in6_addr. */
export function readWords(
  view: DataView,
  offset: number,
  out: TransportAddress,
  port: number,
): void {
  out.setV6(
    view.getUint32(offset),
    view.getUint32(offset + 4),
    view.getUint32(offset + 8),
    view.getUint32(offset + 12),
    port,
  );
}
