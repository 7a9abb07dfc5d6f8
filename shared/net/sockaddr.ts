// struct sockaddr_in and sockaddr_in6 in an arena, to and from TransportAddress. Allocates: nothing.

import type { Arena } from '../native/arena.ts';
import { AF_INET, AF_INET6 } from '../native/socket-constants.ts';
import type { TransportAddress } from './transport-address.ts';

export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

/** Writes the address at `offset` (a multiple of 4); returns its length. */
export function writeSockaddr(arena: Arena, offset: number, address: TransportAddress): number {
  const { u16, u32 } = arena;
  const word = offset >> 2;
  u16[(offset >> 1) + 1] = swap16(address.port);
  if (address.family === 4) {
    u16[offset >> 1] = AF_INET;
    u32[word + 1] = swap32(address.w0);
    u32[word + 2] = 0;
    u32[word + 3] = 0;
    return SOCKADDR_IN_BYTES;
  }
  u16[offset >> 1] = AF_INET6;
  u32[word + 1] = 0;
  u32[word + 2] = swap32(address.w0);
  u32[word + 3] = swap32(address.w1);
  u32[word + 4] = swap32(address.w2);
  u32[word + 5] = swap32(address.w3);
  u32[word + 6] = 0;
  return SOCKADDR_IN6_BYTES;
}

/** Reads the address at `offset` (a multiple of 4); false, `out` untouched, for any other family. */
export function readSockaddr(arena: Arena, offset: number, out: TransportAddress): boolean {
  const { u16, u32 } = arena;
  const word = offset >> 2;
  const family = u16[offset >> 1];
  const port = swap16(u16[(offset >> 1) + 1]!);
  if (family === AF_INET) {
    out.setV4(swap32(u32[word + 1]!), port);
    return true;
  }
  if (family !== AF_INET6) return false;
  out.setV6(
    swap32(u32[word + 2]!),
    swap32(u32[word + 3]!),
    swap32(u32[word + 4]!),
    swap32(u32[word + 5]!),
    port,
  );
  return true;
}

function swap16(n: number): number {
  return ((n & 0xff) << 8) | (n >>> 8);
}

function swap32(n: number): number {
  return ((n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0;
}
