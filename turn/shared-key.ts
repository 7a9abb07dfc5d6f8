// 64-bit keyed hashes that stand for names and tokens in shared tables: nobody outside can choose what they collide
// with, and how long a look-up takes says nothing about the name.

import { createHmac } from 'node:crypto';

/** Two 32-bit words, signed. */
export interface SharedKey {
  readonly high: number;
  readonly low: number;
}

export class SharedKeys {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  of(value: string | Uint8Array): SharedKey {
    const digest = createHmac('sha256', this.#secret).update(value).digest();
    return { high: digest.readInt32BE(0), low: digest.readInt32BE(4) };
  }
}
