// A transport address (IP address, port) as 32-bit words, so that it is compared, hashed and written without strings.
// Called by: codecs, the TURN core, engines. Allocates: nothing but in `copy`, `withPort`, `parse`, the first `host`.

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type AddressFamily = 4 | 6;

/**
 * A mutable (IP address, port). IPv4 lives in `w0`, IPv6 in `w0`..`w3`, each an unsigned 32-bit word in network
 * order. A scope identifier is not kept: no STUN attribute can carry one.
 */
export class TransportAddress {
  family: AddressFamily = 4;
  port = 0;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  #host: string | undefined = undefined;

  /** Sets an IPv4 address from its 32-bit word. Allocates nothing. */
  setV4(word: number, port: number): this {
    this.family = 4;
    this.port = port;
    this.w0 = word >>> 0;
    this.w1 = 0;
    this.w2 = 0;
    this.w3 = 0;
    this.#host = undefined;
    return this;
  }

  /** Sets an IPv6 address from its four 32-bit words. Allocates nothing. */
  setV6(w0: number, w1: number, w2: number, w3: number, port: number): this {
    this.family = 6;
    this.port = port;
    this.w0 = w0 >>> 0;
    this.w1 = w1 >>> 0;
    this.w2 = w2 >>> 0;
    this.w3 = w3 >>> 0;
    this.#host = undefined;
    return this;
  }

  /** Takes over the value of another address. Allocates nothing. */
  set(from: TransportAddress): this {
    this.family = from.family;
    this.port = from.port;
    this.w0 = from.w0;
    this.w1 = from.w1;
    this.w2 = from.w2;
    this.w3 = from.w3;
    this.#host = from.#host;
    return this;
  }

  /**
   * An IPv4 address mapped into IPv6 (RFC 4291 s2.5.5.2), which is how a socket for both families has it, becomes what
   * it stands for; any other stays. Allocates nothing.
   */
  unmap(): this {
    return this.isMapped ? this.setV4(this.w3, this.port) : this;
  }

  /** Whether it is ::ffff:0:0/96. */
  get isMapped(): boolean {
    return this.w2 === 0xffff && this.w1 === 0 && this.w0 === 0 && this.family === 6;
  }

  copy(): TransportAddress {
    return new TransportAddress().set(this);
  }

  /** A copy with another port. */
  withPort(port: number): TransportAddress {
    const address = this.copy();
    address.port = port;
    return address;
  }

  /** Same family, IP address and port. */
  equals(other: TransportAddress): boolean {
    return this.port === other.port && this.sameHost(other);
  }

  /** Same family and IP address, whatever the port. */
  sameHost(other: TransportAddress): boolean {
    return (
      this.w0 === other.w0 &&
      this.family === other.family &&
      (this.family === 4 || (this.w1 === other.w1 && this.w2 === other.w2 && this.w3 === other.w3))
    );
  }

  /** Whether it is 0.0.0.0 or ::, which stands for every address of the machine. */
  get isUnspecified(): boolean {
    return (this.w0 | this.w1 | this.w2 | this.w3) === 0;
  }

  /** 31-bit hash of the IP address alone: a number of 32 bits would be boxed where it is returned. */
  hashHost(): number {
    let h = Math.imul(this.w0 ^ this.family, 0x9e3779b1);
    if (this.family === 6) {
      h = Math.imul(h ^ (h >>> 15) ^ this.w1, 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13) ^ this.w2, 0xc2b2ae35);
      h = Math.imul(h ^ (h >>> 16) ^ this.w3, 0x27d4eb2f);
    }
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return (h ^ (h >>> 13)) >>> 1;
  }

  /** 31-bit hash of IP address and port. */
  hash(): number {
    const h = Math.imul(this.hashHost() ^ this.port, 0x9e3779b1);
    return (h ^ (h >>> 15)) >>> 1;
  }

  /** The IP address as text (IPv6 in RFC 5952 form), made once and kept. */
  get host(): string {
    this.#host ??= this.#format();
    return this.#host;
  }

  /** `192.0.2.1:3478` or `[2001:db8::1]:3478`. */
  toString(): string {
    return this.family === 4 ? `${this.host}:${this.port}` : `[${this.host}]:${this.port}`;
  }

  /** Writes the address in network order (4 or 16 bytes); returns how many. Allocates nothing. */
  writeHost(bytes: Uint8Array, offset: number): 4 | 16 {
    writeWord(bytes, offset, this.w0);
    if (this.family === 4) return 4;
    writeWord(bytes, offset + 4, this.w1);
    writeWord(bytes, offset + 8, this.w2);
    writeWord(bytes, offset + 12, this.w3);
    return 16;
  }

  #format(): string {
    const bytes = new Uint8Array(this.family === 4 ? 4 : 16);
    this.writeHost(bytes, 0);
    return ipaddr.fromByteArray([...bytes]).toString();
  }

  /**
   * Reads an IP literal as node:net has it; the zone of an IPv6 one (`%eth0`) is dropped. Undefined for anything
   * else.
   */
  static parse(host: string, port = 0): TransportAddress | undefined {
    if (isIP(host) === 0) return undefined;
    if (!Number.isInteger(port) || port < 0 || port > 0xffff) return undefined;
    const zone = host.indexOf('%');
    const b = ipaddr.parse(withoutDots(zone < 0 ? host : host.slice(0, zone))).toByteArray();
    const address = new TransportAddress();
    if (b.length === 4) return address.setV4(readWord(b, 0), port);
    return address.setV6(readWord(b, 0), readWord(b, 4), readWord(b, 8), readWord(b, 12), port);
  }
}

/** `::1.2.3.4` with its tail in hexadecimal: ipaddr.js takes the dotted form for an IPv4-mapped address. */
function withoutDots(literal: string): string {
  const tail = literal.lastIndexOf(':') + 1;
  if (tail === 0 || !literal.includes('.')) return literal;
  const [a = 0, b = 0, c = 0, d = 0] = literal.slice(tail).split('.').map(Number);
  return `${literal.slice(0, tail)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function readWord(b: ArrayLike<number>, i: number): number {
  return (
    (((b[i] ?? 0) << 24) | ((b[i + 1] ?? 0) << 16) | ((b[i + 2] ?? 0) << 8) | (b[i + 3] ?? 0)) >>> 0
  );
}

function writeWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word >>> 24;
  bytes[offset + 1] = word >>> 16;
  bytes[offset + 2] = word >>> 8;
  bytes[offset + 3] = word;
}
