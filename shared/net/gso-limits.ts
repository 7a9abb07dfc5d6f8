// How large datagrams may be that leave as one GSO send (UDP_SEGMENT): kept by destination, because what the kernel
// refuses (a path's MTU, a device without checksum offload) depends on the way there, and one client's way must not
// slow the others. Called by the send queue. Allocates: nothing.

import type { TransportAddress } from './transport-address.ts';

const SLOTS = 1024;
const UNLIMITED = 0xffff;
/** A path's MTU can grow again, and addresses whose hashes meet share a slot. */
const FORGET_AFTER_MS = 60_000;

export class GsoLimits {
  readonly #bytesMax = new Uint16Array(SLOTS);
  /** Whether any slot is below the limit: most of the time none is, and nothing is hashed. */
  #lowered: boolean;
  #forgetAt = Number.POSITIVE_INFINITY;
  readonly #available: boolean;

  /** @param available whether this kernel has UDP_SEGMENT at all: before 4.18 it sends one long datagram instead */
  constructor(available: boolean) {
    this.#available = available;
    this.#lowered = !available;
    if (available) this.#bytesMax.fill(UNLIMITED);
  }

  /** The largest datagram that may be one of several in a send; 0 = none. */
  bytesMax(to: TransportAddress): number {
    return this.#lowered ? this.#bytesMax[to.hashHost() % SLOTS]! : UNLIMITED;
  }

  lower(to: TransportAddress, bytesMax: number): void {
    this.#bytesMax[to.hashHost() % SLOTS] = bytesMax;
    this.#lowered = true;
  }

  /** To be called now and then, so that what was refused is tried again. */
  forget(now: number): void {
    if (!this.#lowered || !this.#available) return;
    if (this.#forgetAt === Number.POSITIVE_INFINITY) this.#forgetAt = now + FORGET_AFTER_MS;
    if (now < this.#forgetAt) return;
    this.#bytesMax.fill(UNLIMITED);
    this.#lowered = false;
    this.#forgetAt = Number.POSITIVE_INFINITY;
  }
}
