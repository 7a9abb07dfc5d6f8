// LIFETIME in Allocate and Refresh (RFC 8656 s7.2, s8.2, s18.2; with a token RFC 7635 s9).

import { ATTR_LIFETIME } from '../shared/stun/registry.ts';
import type { StunReader } from '../shared/stun/reader.ts';
import type { TokenGrant } from './third-party.ts';

/**
 * The lifetime to grant, in milliseconds: at least the default, at most the maximum, and whatever they say not
 * more than `left`; -1 for a malformed attribute. A lifetime of zero, which only Refresh gives a meaning, counts
 * as one below the default here.
 */
export function lifetimeMs(
  lifetimes: { readonly allocation: number; readonly allocationMax: number },
  reader: StunReader,
  left: number,
): number {
  const offset = reader.find(ATTR_LIFETIME);
  if (offset < 0) return Math.min(lifetimes.allocation, left);
  if (reader.lengthAt(offset) !== 4) return -1;
  const proposed = Math.min(reader.u32(offset) * 1000, lifetimes.allocationMax);
  return Math.min(Math.max(proposed, lifetimes.allocation), left);
}

/** How long an allocation may live by that token, in milliseconds (RFC 7635 s9). */
export function lifetimeLeft(grant: TokenGrant | undefined, now: number): number {
  return grant === undefined ? Infinity : grant.expiresAt - now;
}

/** Whether the request asks for the end of the allocation (RFC 8656 s8.1). */
export function asksForZero(reader: StunReader): boolean {
  const offset = reader.find(ATTR_LIFETIME);
  return offset >= 0 && reader.lengthAt(offset) === 4 && reader.u32(offset) === 0;
}
