// Caps replies to unauthenticated requests for each source network (IPv4 /32, IPv6 /64), so that we amplify nothing.
// Fixed-size, 4-way set-associative table: constant memory under a flood of spoofed sources. Allocates: nothing per
// call.

import { randomInt } from 'node:crypto';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { UNAUTHENTICATED_SOURCES } from './limits.ts';

const WAYS = 4;

/** In place of the upper half of an IPv6 network: ff00::/8 is multicast, so no source has it. */
const IPV4_MARK = 0xffff_ffff;

export class UnauthenticatedCap {
  readonly #perSecond: number;
  readonly #sets: number;
  readonly #seed = randomInt(2 ** 32);
  /** The network of each slot, as the 64 bits that matter. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #tokens: Float32Array;
  readonly #updatedAt: Float64Array;

  /** @param perSecond replies a second and network; 0 switches the cap off */
  constructor(perSecond: number, sources: number = UNAUTHENTICATED_SOURCES) {
    this.#perSecond = perSecond;
    const slots = perSecond > 0 ? sources : 0;
    this.#sets = slots / WAYS;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#tokens = new Float32Array(slots);
    this.#updatedAt = new Float64Array(slots).fill(-Infinity);
  }

  /** Takes one reply out of the allowance of that source. @param now monotonic milliseconds */
  allow(from: TransportAddress, now: number): boolean {
    if (this.#perSecond === 0) return true;
    const high = from.family === 4 ? IPV4_MARK : from.w0;
    const low = from.family === 4 ? from.w0 : from.w1;
    const slot = this.#slot(high, low);
    if (this.#high[slot] !== high || this.#low[slot] !== low) {
      this.#high[slot] = high;
      this.#low[slot] = low;
      this.#tokens[slot] = this.#perSecond;
      this.#updatedAt[slot] = now;
    }
    const elapsed = (now - (this.#updatedAt[slot] ?? now)) / 1000;
    const tokens = Math.min(this.#perSecond, (this.#tokens[slot] ?? 0) + elapsed * this.#perSecond);
    this.#updatedAt[slot] = now;
    this.#tokens[slot] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }

  /** The slot of that network, or the least recently used one of its set. */
  #slot(high: number, low: number): number {
    let h = Math.imul(high ^ this.#seed, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ low, 0x85ebca6b);
    h = (h ^ (h >>> 13)) >>> 0;
    const first = (h % this.#sets) * WAYS;
    let oldest = first;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#high[slot] === high && this.#low[slot] === low) return slot;
      if ((this.#updatedAt[slot] ?? 0) < (this.#updatedAt[oldest] ?? 0)) oldest = slot;
    }
    return oldest;
  }
}
