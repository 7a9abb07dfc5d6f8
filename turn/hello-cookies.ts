// The cookies of HelloVerifyRequest (RFC 6347 s4.2.1): who sends one back receives at the address that it claims. An
// HMAC over that address and what the ClientHello has in front of the cookie, so nothing is kept for who has none.
// Allocates: what node:crypto needs for an HMAC.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import { type ClientHello, COOKIE_BYTES } from './client-hello.ts';
import { COOKIE_SECRET_MS } from './limits.ts';

const SECRET_BYTES = 32;

/** Family, IP address, port. */
const ADDRESS_BYTES = 1 + 16 + 2;
const PARAMETERS_BYTES_MAX = 2 + 32 + 1 + 32;

export class HelloCookies {
  /** This one and the one before it, which is good for as long again. */
  #secret: Buffer = randomBytes(SECRET_BYTES);
  #before: Buffer = randomBytes(SECRET_BYTES);
  #since: number;
  readonly #input = new Uint8Array(ADDRESS_BYTES + PARAMETERS_BYTES_MAX);
  readonly #shown = new Uint8Array(COOKIE_BYTES);

  /** @param now monotonic milliseconds, as everywhere here */
  constructor(now: number) {
    this.#since = now;
  }

  make(client: TransportAddress, hello: ClientHello, now: number): Uint8Array {
    this.#rotate(now);
    return this.#digest(this.#secret, this.#gather(client, hello));
  }

  /** Whether the ClientHello has a cookie that was made for that address and for itself. */
  verify(client: TransportAddress, hello: ClientHello, now: number): boolean {
    if (hello.cookieLength !== COOKIE_BYTES) return false;
    this.#rotate(now);
    for (let i = 0; i < COOKIE_BYTES; i++) this.#shown[i] = hello.bytes[hello.cookieAt + i]!;
    const length = this.#gather(client, hello);
    return (
      timingSafeEqual(this.#digest(this.#secret, length), this.#shown) ||
      timingSafeEqual(this.#digest(this.#before, length), this.#shown)
    );
  }

  #rotate(now: number): void {
    const periods = Math.floor((now - this.#since) / COOKIE_SECRET_MS);
    if (periods < 1) return;
    this.#before = periods === 1 ? this.#secret : randomBytes(SECRET_BYTES);
    this.#secret = randomBytes(SECRET_BYTES);
    this.#since += periods * COOKIE_SECRET_MS;
  }

  #gather(client: TransportAddress, hello: ClientHello): number {
    const input = this.#input;
    input.fill(0, 0, ADDRESS_BYTES);
    input[0] = client.family;
    client.writeHost(input, 1);
    input[17] = client.port >> 8;
    input[18] = client.port;
    const { bytes, parametersAt, parametersLength } = hello;
    for (let i = 0; i < parametersLength; i++) input[ADDRESS_BYTES + i] = bytes[parametersAt + i]!;
    return ADDRESS_BYTES + parametersLength;
  }

  #digest(secret: Buffer, length: number): Buffer {
    return createHmac('sha256', secret).update(this.#input.subarray(0, length)).digest();
  }
}
