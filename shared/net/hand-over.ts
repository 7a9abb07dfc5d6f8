// Transport addresses at which a media worker of this process answers itself, such as those of the SFU: what a relay of
// the process sends there is handed over in memory, to this worker at once and to another by its mail.
// Called by: whoever answers, TURN, the worker's engine for what comes by mail. Allocates: nothing per datagram.

import type { TransportAddress } from './transport-address.ts';

/** What one worker registers as a rule, at most: each address that it listens at, and what clients are told instead. */
const ADDRESSES_PER_WORKER = 32;

/** Words of a slot: whose it is, then port and family, and the IP address. */
const OWNER = 0;
const PORT = 1;
const HOST = 2;
const SLOT_WORDS = 8;
const SLOT_BYTES = 4 * SLOT_WORDS;

/** In place of an owner's number + 1: never used; used once; and, added to it, while the slot is being written. */
const FREE = 0;
const FORGOTTEN = -1;
const WRITING = 0x1_0000;

const FAMILY_6 = 0x1_0000;

/** Whoever answers at an address. */
export interface HandOverReceiver {
  /**
   * One datagram to the registered address `to`, as clients know it, and what is answered goes from there. `from` is
   * whom to answer: the relayed transport address, or what stands for it inside the process. Addresses and bytes are
   * only good until the call returns.
   * @param now monotonic milliseconds
   */
  onHandedOver(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void;
}

/** Puts a datagram into the mail of another worker; false when that takes no more for now. */
export type Forward = (
  worker: number,
  from: TransportAddress,
  to: TransportAddress,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => boolean;

export class HandOver {
  readonly #self: number;
  readonly #forward: Forward;
  /** A hash table with linear probing; of a slot everything but its owner stays until it is used again. */
  readonly #words: Int32Array;
  readonly #slots: number;
  /** Of this worker, by slot. */
  readonly #receivers: (HandOverReceiver | undefined)[] = [];

  /** @param self the number of this worker; above those of all for the main thread, which only reclaims */
  constructor(memory: SharedArrayBuffer, self: number, forward: Forward) {
    this.#self = self;
    this.#forward = forward;
    this.#words = new Int32Array(memory);
    this.#slots = this.#words.length / SLOT_WORDS;
  }

  /** A structured clone of it has the same memory in every thread. */
  static memory(workers: number): SharedArrayBuffer {
    let slots = 2 * ADDRESSES_PER_WORKER;
    while (slots < 2 * ADDRESSES_PER_WORKER * workers) slots *= 2;
    return new SharedArrayBuffer(slots * SLOT_BYTES);
  }

  /**
   * This worker answers there from now on, in place of any other. `address` is what clients are told. False when there
   * is no room for it, or it is none that anything could be sent to.
   */
  register(address: TransportAddress, receiver: HandOverReceiver): boolean {
    if (address.port === 0 || address.isUnspecified) return false;
    let slot = this.#find(address);
    if (slot < 0) slot = this.#write(address);
    if (slot < 0) return false;
    this.#receivers[slot] = receiver;
    Atomics.store(this.#words, slot * SLOT_WORDS + OWNER, this.#self + 1);
    return true;
  }

  /** The worker that answers at that address, or -1. */
  ownerOf(address: TransportAddress): number {
    const slot = this.#find(address);
    return slot < 0 ? -1 : this.#ownerAt(slot);
  }

  /** Whether some worker answers at that IP address, whatever the port. */
  hasHost(address: TransportAddress): boolean {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#ownerAt(slot) >= 0 && this.#isHost(slot, address)) return true;
    }
    return false;
  }

  /** Hands a datagram to whoever answers at `to`; false when nobody does, or takes no more for now. */
  deliver(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const owner = this.ownerOf(to);
    if (owner < 0) return false;
    if (owner !== this.#self) return this.#forward(owner, from, to, bytes, offset, length);
    return this.take(from, to, bytes, offset, length, now);
  }

  /** Hands what came by mail to its receiver; false when none of this worker answers at `to`. */
  take(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const slot = this.#find(to);
    if (slot < 0 || this.#ownerAt(slot) !== this.#self) return false;
    this.#receivers[slot]?.onHandedOver(from, to, bytes, offset, length, now);
    return true;
  }

  /** Forgets the addresses of a worker: its own when it stops to answer, those of a dead one by the main thread. */
  reclaim(worker: number): void {
    for (let at = OWNER; at < this.#words.length; at += SLOT_WORDS) {
      const owner = Atomics.load(this.#words, at);
      if ((owner & ~WRITING) !== worker + 1) continue;
      Atomics.compareExchange(this.#words, at, owner, FORGOTTEN);
    }
  }

  /** The slot of an address at which somebody answers, or -1. */
  #find(address: TransportAddress): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = address.hash() & mask;
    for (let n = 0; n <= mask; n++) {
      const owner = Atomics.load(words, slot * SLOT_WORDS + OWNER);
      if (owner === FREE) return -1;
      if (
        owner > 0 &&
        owner < WRITING &&
        words[slot * SLOT_WORDS + PORT] === portOf(address) &&
        this.#isHost(slot, address)
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** Takes a slot for an address; -1 when there is none left. The slot has no owner yet. */
  #write(address: TransportAddress): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    for (let n = 0; n <= mask; n++) {
      const slot = (address.hash() + n) & mask;
      const at = slot * SLOT_WORDS;
      const owner = Atomics.load(words, at + OWNER);
      if (owner !== FREE && owner !== FORGOTTEN) continue;
      const writing = WRITING + this.#self + 1;
      if (Atomics.compareExchange(words, at + OWNER, owner, writing) !== owner) continue;
      words[at + PORT] = portOf(address);
      words[at + HOST] = address.w0;
      words[at + HOST + 1] = address.w1;
      words[at + HOST + 2] = address.w2;
      words[at + HOST + 3] = address.w3;
      return slot;
    }
    return -1;
  }

  /** Who answers at the address of a slot, or -1. */
  #ownerAt(slot: number): number {
    const owner = Atomics.load(this.#words, slot * SLOT_WORDS + OWNER);
    return owner > 0 && owner < WRITING ? owner - 1 : -1;
  }

  #isHost(slot: number, { family, w0, w1, w2, w3 }: TransportAddress): boolean {
    const words = this.#words;
    const at = slot * SLOT_WORDS;
    return (
      words[at + HOST] === (w0 | 0) &&
      words[at + HOST + 1] === (w1 | 0) &&
      words[at + HOST + 2] === (w2 | 0) &&
      words[at + HOST + 3] === (w3 | 0) &&
      (words[at + PORT]! & FAMILY_6) === (family === 6 ? FAMILY_6 : 0)
    );
  }
}

function portOf({ port, family }: TransportAddress): number {
  return port | (family === 6 ? FAMILY_6 : 0);
}
