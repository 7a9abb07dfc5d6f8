// recvmmsg(2) with UDP_GRO into a ring of slots: many datagrams a call, and of one flow many in one slot.
// Called by the Linux engine. Slots keep their bytes until `reset`, so that what is sent on needs no copy.
// Allocates: nothing per packet.

import { type Addresses, Arena } from '../native/arena.ts';
import type { Libc } from '../native/libc.ts';
import {
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_FLAGS,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_LEN,
  MSG_NAME,
  MSG_NAMELEN,
  MSG_TRUNC,
  SOCKADDR_BYTES,
} from '../native/socket-constants.ts';
import { CONTROL_BYTES, type PacketInfo } from './packet-info.ts';
import { readSockaddr } from './sockaddr.ts';
import type { TransportAddress } from './transport-address.ts';

/** With GRO a slot can be filled to 64 KiB. */
const SLOT_BYTES = 65_536;

export class ReceiveRing {
  readonly arena: Arena;
  readonly slots: number;
  readonly #libc: Libc;
  readonly #controls: number;
  readonly #names: number;
  readonly #data: number;
  readonly #addresses: Addresses;
  /** Slots filled since `reset`. */
  #used = 0;
  /** Slots filled by the last `receive`. */
  count = 0;

  constructor(libc: Libc, slots: number) {
    this.#libc = libc;
    this.slots = slots;
    const iovecs = slots * MMSGHDR_BYTES;
    this.#names = iovecs + slots * IOVEC_BYTES;
    this.#controls = this.#names + slots * SOCKADDR_BYTES;
    this.#data = this.#controls + slots * CONTROL_BYTES;
    this.arena = new Arena(this.#data + slots * SLOT_BYTES);
    const { arena } = this;
    this.#addresses = arena.addresses(0, MMSGHDR_BYTES, slots);
    for (let slot = 0; slot < slots; slot++) {
      const header = slot * MMSGHDR_BYTES;
      const iovec = iovecs + slot * IOVEC_BYTES;
      arena.writePointer(header + MSG_NAME, arena, this.#names + slot * SOCKADDR_BYTES);
      arena.writePointer(header + MSG_IOV, arena, iovec);
      arena.u32[(header + MSG_IOVLEN) >> 2] = 1;
      arena.writePointer(header + MSG_CONTROL, arena, this.#controls + slot * CONTROL_BYTES);
      arena.writePointer(iovec, arena, this.#data + slot * SLOT_BYTES);
      arena.u32[(iovec + 8) >> 2] = SLOT_BYTES;
    }
  }

  get room(): number {
    return this.slots - this.#used;
  }

  /** Makes every slot free again: what they hold must have been sent or copied. */
  reset(): void {
    this.#used = 0;
  }

  /** Fills free slots from a socket; returns the first of them. How many is then in `count`. */
  receive(fd: number, most: number): number {
    const first = this.#used;
    const wanted = Math.min(most, this.room);
    const { u32 } = this.arena;
    for (let slot = first; slot < first + wanted; slot++) {
      const header = (slot * MMSGHDR_BYTES) >> 2;
      u32[header + (MSG_NAMELEN >> 2)] = SOCKADDR_BYTES;
      u32[header + (MSG_CONTROLLEN >> 2)] = CONTROL_BYTES;
    }
    const filled = this.#libc.recvmmsg(fd, this.#addresses[first]!, wanted, MSG_DONTWAIT, 0);
    this.count = Math.max(0, filled);
    this.#used += this.count;
    return first;
  }

  /** Where the bytes of a slot begin, in `arena.bytes`. */
  offset(slot: number): number {
    return this.#data + slot * SLOT_BYTES;
  }

  /** How many bytes a slot holds; 0 for one that was cut off, which is as good as lost. */
  length(slot: number): number {
    const header = (slot * MMSGHDR_BYTES) >> 2;
    const { u32 } = this.arena;
    const truncated = (u32[header + (MSG_FLAGS >> 2)]! & MSG_TRUNC) !== 0;
    return truncated ? 0 : u32[header + (MSG_LEN >> 2)]!;
  }

  /** Who sent it; false for an address family that is neither IPv4 nor IPv6. */
  from(slot: number, out: TransportAddress): boolean {
    return readSockaddr(this.arena, this.#names + slot * SOCKADDR_BYTES, out);
  }

  /** What came with a slot. */
  info(slot: number, out: PacketInfo): void {
    const length = this.arena.u32[(slot * MMSGHDR_BYTES + MSG_CONTROLLEN) >> 2]!;
    out.read(this.arena, this.#controls + slot * CONTROL_BYTES, length);
  }

  free(): void {
    this.arena.free();
  }
}
