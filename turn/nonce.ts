// Stateless nonces (RFC 8489 s9.2, RFC 8656 s5): nothing is remembered before authentication.
// Nonce cookie, then base64 of: seconds (4 bytes), counter (3), truncated HMAC-SHA256 over both and the client's
// address (8).

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { securityFeatures } from '../shared/stun/nonce-cookie.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';

const STAMP_BYTES = 7;
const MAC_BYTES = 8;
/** 15 bytes are 20 base64 characters without padding. */
const BODY_CHARS = 20;

/** What a nonce for all connections of a host has more: 12 base64 characters of a MAC over the host alone. */
const HOST_MAC_BYTES = 9;
const HOST_CHARS = 12;

/** What all workers mint with, how many they are, and the number of this one. */
export interface NonceOrigin {
  readonly nonceSecret: Uint8Array;
  readonly workers: number;
  readonly self: number;
}

/**
 * Mints the nonces of one worker and checks those of all. A nonce is good for one client address and `lifetimeMs`, and
 * no two are alike: 8 bytes of MAC suffice, since a nonce only proves that the client saw our answer, never who it is.
 */
export class NonceMint {
  readonly #origin: NonceOrigin;
  readonly #prefix: string;
  readonly #lifetimeSeconds: number;
  readonly #stamp = Buffer.alloc(STAMP_BYTES + 19);
  /** Each worker counts in steps that no other takes: the number of workers, as a power of two that divides 2^24. */
  readonly #step: number;
  #counter: number;

  constructor(features: number, lifetimeMs: number, origin: NonceOrigin) {
    this.#origin = origin;
    this.#step = 2 ** Math.ceil(Math.log2(origin.workers));
    const random = randomBytes(3).readUIntBE(0, 3);
    this.#counter = random - (random % this.#step) + origin.self;
    this.#prefix = securityFeatures(features);
    this.#lifetimeSeconds = lifetimeMs / 1000;
  }

  /** @param now monotonic milliseconds */
  mint(client: TransportAddress, now: number): string {
    const body = Buffer.alloc(STAMP_BYTES + MAC_BYTES);
    body.writeUInt32BE(Math.floor(now / 1000) >>> 0, 0);
    this.#counter = (this.#counter + this.#step) & 0xff_ffff;
    body.writeUIntBE(this.#counter, 4, 3);
    this.#mac(body, client).copy(body, STAMP_BYTES);
    return this.#prefix + body.toString('base64');
  }

  /**
   * As `mint`, and good for ConnectionBind by another connection of the same host, too: clients bind with the nonce of
   * their control connection (RFC 6062 s4.3).
   */
  mintForBind(client: TransportAddress, now: number): string {
    const nonce = this.mint(client, now);
    return nonce + this.#hostMac(nonce, client).toString('base64');
  }

  /** Whether `mintForBind` made it for this client's host within its lifetime. */
  checkForBind(nonce: Uint8Array, client: TransportAddress, now: number): boolean {
    const length = this.#prefix.length + BODY_CHARS;
    if (nonce.length !== length + HOST_CHARS) return false;
    const text = Buffer.from(nonce).toString('latin1');
    const mac = Buffer.from(text.slice(length), 'base64');
    if (mac.length !== HOST_MAC_BYTES) return false;
    if (!timingSafeEqual(this.#hostMac(text.slice(0, length), client), mac)) return false;
    const body = Buffer.from(text.slice(this.#prefix.length, length), 'base64');
    return Math.floor(now / 1000) - body.readUInt32BE(0) < this.#lifetimeSeconds;
  }

  /** Whether we minted it for this client within its lifetime. */
  check(nonce: Uint8Array, client: TransportAddress, now: number): boolean {
    const length = this.#prefix.length + BODY_CHARS;
    if (nonce.length !== length && !this.checkForBind(nonce, client, now)) return false;
    const text = Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).toString('latin1');
    if (!text.startsWith(this.#prefix)) return false;
    const body = Buffer.from(text.slice(this.#prefix.length, length), 'base64');
    if (body.length !== STAMP_BYTES + MAC_BYTES) return false;
    if (!timingSafeEqual(this.#mac(body, client), body.subarray(STAMP_BYTES))) return false;
    return Math.floor(now / 1000) - body.readUInt32BE(0) < this.#lifetimeSeconds;
  }

  #hostMac(nonce: string, client: TransportAddress): Buffer {
    return createHmac('sha256', this.#origin.nonceSecret)
      .update(`host ${client.host} ${nonce}`)
      .digest()
      .subarray(0, HOST_MAC_BYTES);
  }

  #mac(body: Buffer, client: TransportAddress): Buffer {
    const input = this.#stamp;
    input.fill(0);
    body.copy(input, 0, 0, STAMP_BYTES);
    input[STAMP_BYTES] = client.family;
    input.writeUInt16BE(client.port, STAMP_BYTES + 1);
    client.writeHost(input, STAMP_BYTES + 3);
    return createHmac('sha256', this.#origin.nonceSecret)
      .update(input)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
