// A hash table from transport address to value: open addressing, linear probing, backward-shift deletion.
// Called by: the TURN core for 5-tuples, permissions, channels and relays. Allocates: nothing on `get`; `set` only to
// grow.

import type { TransportAddress } from './transport-address.ts';

/** Whether the port is part of the key. Permissions are by IP address alone (RFC 8656 s9). */
export type AddressKey = 'host' | 'host-and-port';

const MIN_CAPACITY = 4;

/**
 * Keys are kept by reference and must not change while they are in the table. Bounded by its caller: `size` tells.
 * An attacker who picks colliding addresses gains little, since every caller also bounds how many it stores for whom.
 */
export class AddressTable<V> {
  size = 0;
  readonly #withPort: boolean;
  #mask = 0;
  #keys: (TransportAddress | undefined)[] = [];
  #values: (V | undefined)[] = [];

  constructor(key: AddressKey) {
    this.#withPort = key === 'host-and-port';
  }

  get(address: TransportAddress): V | undefined {
    if (this.size === 0) return undefined;
    return this.#values[this.#slot(address)];
  }

  /** Stores `address` itself as the key: hand in a copy of anything that is reused. */
  set(address: TransportAddress, value: V): void {
    if ((this.size + 1) * 4 > this.#keys.length * 3) this.#grow();
    const slot = this.#slot(address);
    if (this.#keys[slot] === undefined) this.size++;
    this.#keys[slot] = address;
    this.#values[slot] = value;
  }

  delete(address: TransportAddress): boolean {
    if (this.size === 0) return false;
    let hole = this.#slot(address);
    if (this.#keys[hole] === undefined) return false;
    this.size--;
    for (let i = (hole + 1) & this.#mask; ; i = (i + 1) & this.#mask) {
      const key = this.#keys[i];
      if (key === undefined) break;
      const home = this.#hash(key) & this.#mask;
      if (((i - home) & this.#mask) >= ((i - hole) & this.#mask)) {
        this.#keys[hole] = key;
        this.#values[hole] = this.#values[i];
        hole = i;
      }
    }
    this.#keys[hole] = undefined;
    this.#values[hole] = undefined;
    return true;
  }

  /** All values, as an array that later changes leave alone. */
  values(): V[] {
    const values: V[] = [];
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#keys[i] !== undefined) values.push(this.#values[i]!);
    }
    return values;
  }

  #hash(address: TransportAddress): number {
    return this.#withPort ? address.hash() : address.hashHost();
  }

  /** The slot that holds the address, or the free one where it belongs. The table is never full. */
  #slot(address: TransportAddress): number {
    let i = this.#hash(address) & this.#mask;
    for (;;) {
      const key = this.#keys[i];
      if (key === undefined) return i;
      if (this.#withPort ? key.equals(address) : key.sameHost(address)) return i;
      i = (i + 1) & this.#mask;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const capacity = Math.max(MIN_CAPACITY, keys.length * 2);
    this.#mask = capacity - 1;
    this.#keys = Array.from({ length: capacity }, () => undefined);
    this.#values = Array.from({ length: capacity }, () => undefined);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const slot = this.#slot(key);
      this.#keys[slot] = key;
      this.#values[slot] = values[i];
    }
  }
}
