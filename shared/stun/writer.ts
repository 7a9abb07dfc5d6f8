// Writes one STUN message into a caller's buffer (RFC 8489 s5, s14), padding always zeroed.
// Called by: the TURN core, ICE, tests. Allocates: nothing but in the two integrity attributes, in text that
// is not ASCII and, one view, in `data` of more than 64 bytes. A buffer too small, and a value that no
// message can have, is a fault of the caller, never of a remote: RangeError.

import type { TransportAddress } from '../net/transport-address.ts';
import { fingerprintOf } from './fingerprint.ts';
import {
  INTEGRITY_BYTES,
  INTEGRITY_SHA256_BYTES,
  INTEGRITY_SHA256_BYTES_MIN,
  messageIntegrity,
} from './integrity.ts';
import {
  ADDRESS_FAMILY_IPV4,
  ADDRESS_FAMILY_IPV6,
  ATTR_ADDRESS_ERROR_CODE,
  ATTR_ERROR_CODE,
  ATTR_EVEN_PORT,
  ATTR_FINGERPRINT,
  ATTR_ICMP,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTR_PASSWORD_ALGORITHM,
  ATTR_PASSWORD_ALGORITHMS,
  ATTR_UNKNOWN_ATTRIBUTES,
  ATTRIBUTE_HEADER_BYTES,
  HEADER_BYTES,
  MAGIC_COOKIE,
  messageType,
  TRANSACTION_ID_BYTES,
} from './registry.ts';

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

export class StunWriter {
  #bytes: Uint8Array = EMPTY;
  #offset = 0;
  #position = 0;

  /**
   * Begins a message at `offset`: its header, with the 12-byte transaction id found at `transactionOffset`.
   */
  start(
    bytes: Uint8Array,
    offset: number,
    method: number,
    messageClass: number,
    transaction: Uint8Array,
    transactionOffset: number,
  ): this {
    if (offset < 0 || offset + HEADER_BYTES > bytes.length) throw tooSmall();
    if (transactionOffset + TRANSACTION_ID_BYTES > transaction.length) throw tooSmall();
    this.#bytes = bytes;
    this.#offset = offset;
    this.#position = offset + HEADER_BYTES;
    const type = messageType(method, messageClass);
    bytes[offset] = type >>> 8;
    bytes[offset + 1] = type;
    bytes[offset + 2] = 0;
    bytes[offset + 3] = 0;
    bytes[offset + 4] = MAGIC_COOKIE >>> 24;
    bytes[offset + 5] = (MAGIC_COOKIE >>> 16) & 0xff;
    bytes[offset + 6] = (MAGIC_COOKIE >>> 8) & 0xff;
    bytes[offset + 7] = MAGIC_COOKIE & 0xff;
    for (let i = 0; i < TRANSACTION_ID_BYTES; i++) {
      bytes[offset + 8 + i] = transaction[transactionOffset + i]!;
    }
    return this;
  }

  /** Offset in the buffer of the next attribute. */
  get position(): number {
    return this.#position;
  }

  // Writes type and length, zeroes the padding, moves on; returns where the value goes.
  #attribute(type: number, length: number): number {
    const bytes = this.#bytes;
    const at = this.#position;
    const value = at + ATTRIBUTE_HEADER_BYTES;
    const next = value + ((length + 3) & ~3);
    if (next > bytes.length || next - this.#offset - HEADER_BYTES > 0xffff) throw tooSmall();
    bytes[at] = type >>> 8;
    bytes[at + 1] = type;
    bytes[at + 2] = length >>> 8;
    bytes[at + 3] = length;
    for (let i = value + length; i < next; i++) bytes[i] = 0;
    this.#position = next;
    return value;
  }

  #word(at: number, word: number): void {
    const bytes = this.#bytes;
    bytes[at] = word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
  }

  /** An attribute without a value, such as DONT-FRAGMENT (RFC 8656 s18.9). */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** One byte and three reserved zeros; EVEN-PORT alone is a single byte (RFC 8656 s18.6, s18.7, s18.8). */
  u8(type: number, value: number): this {
    if (type === ATTR_EVEN_PORT) this.#bytes[this.#attribute(type, 1)] = value;
    else this.#word(this.#attribute(type, 4), value << 24);
    return this;
  }

  /** Two bytes and two reserved zeros, such as CHANNEL-NUMBER (RFC 8656 s18.1). */
  u16(type: number, value: number): this {
    this.#word(this.#attribute(type, 4), value << 16);
    return this;
  }

  u32(type: number, value: number): this {
    this.#word(this.#attribute(type, 4), value);
    return this;
  }

  /** Text as UTF-8. */
  text(type: number, text: string): this {
    const value = this.#attribute(type, 0);
    return this.#fitText(value, value, text);
  }

  // Writes text at `at` as the end of a value that began at `value` with no length yet.
  #fitText(value: number, at: number, text: string): this {
    const bytes = this.#bytes;
    const { length } = text;
    if (at + length > bytes.length) throw tooSmall();
    let written = 0;
    for (; written < length; written++) {
      const code = text.charCodeAt(written);
      if (code > 0x7f) break;
      bytes[at + written] = code;
    }
    if (written < length) {
      const encoded = encoder.encodeInto(text, bytes.subarray(at));
      if (encoded.read < length) throw tooSmall();
      written = encoded.written;
    }
    const valueLength = at + written - value;
    const next = value + ((valueLength + 3) & ~3);
    if (next > bytes.length || next - this.#offset - HEADER_BYTES > 0xffff) throw tooSmall();
    bytes[value - 2] = valueLength >>> 8;
    bytes[value - 1] = valueLength;
    for (let i = at + written; i < next; i++) bytes[i] = 0;
    this.#position = next;
    return this;
  }

  data(type: number, from: Uint8Array, offset: number, length: number): this {
    if (offset < 0 || length < 0 || offset + length > from.length) throw tooSmall();
    const value = this.#attribute(type, length);
    const bytes = this.#bytes;
    if (length > 64) bytes.set(from.subarray(offset, offset + length), value);
    else for (let i = 0; i < length; i++) bytes[value + i] = from[offset + i]!;
    return this;
  }

  /** A value laid out as MAPPED-ADDRESS (RFC 8489 s14.1). */
  address(type: number, address: TransportAddress): this {
    return this.#address(type, address, 0, 0, 0, 0);
  }

  /** A value laid out as XOR-MAPPED-ADDRESS (RFC 8489 s14.2). */
  xorAddress(type: number, address: TransportAddress): this {
    if (address.family === 4) return this.#address(type, address, MAGIC_COOKIE, 0, 0, 0);
    const at = this.#offset + HEADER_BYTES - TRANSACTION_ID_BYTES;
    const x1 = this.#readWord(at);
    const x2 = this.#readWord(at + 4);
    const x3 = this.#readWord(at + 8);
    return this.#address(type, address, MAGIC_COOKIE, x1, x2, x3);
  }

  #address(
    type: number,
    address: TransportAddress,
    x0: number,
    x1: number,
    x2: number,
    x3: number,
  ): this {
    const port = address.port ^ (x0 >>> 16);
    if (address.family === 4) {
      const value = this.#attribute(type, 8);
      this.#word(value, (ADDRESS_FAMILY_IPV4 << 16) | port);
      this.#word(value + 4, address.w0 ^ x0);
      return this;
    }
    const value = this.#attribute(type, 20);
    this.#word(value, (ADDRESS_FAMILY_IPV6 << 16) | port);
    this.#word(value + 4, address.w0 ^ x0);
    this.#word(value + 8, address.w1 ^ x1);
    this.#word(value + 12, address.w2 ^ x2);
    this.#word(value + 16, address.w3 ^ x3);
    return this;
  }

  #readWord(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  /** ERROR-CODE, 300..699 (RFC 8489 s14.8). An empty reason is allowed, and the smallest answer. */
  errorCode(code: number, reason = ''): this {
    const value = this.#attribute(ATTR_ERROR_CODE, 4);
    this.#word(value, codeWord(code));
    return reason === '' ? this : this.#fitText(value, value + 4, reason);
  }

  /**
   * ADDRESS-ERROR-CODE of an address family, ADDRESS_FAMILY_IPV4 or ADDRESS_FAMILY_IPV6 (RFC 8656 s18.12).
   */
  addressErrorCode(family: number, code: number, reason = ''): this {
    const value = this.#attribute(ATTR_ADDRESS_ERROR_CODE, 4);
    this.#word(value, (family << 24) | codeWord(code));
    return reason === '' ? this : this.#fitText(value, value + 4, reason);
  }

  /** ICMP: type (7 bits), code (9 bits) and the four bytes of error data (RFC 8656 s18.13). */
  icmp(type: number, code: number, errorData: number): this {
    const value = this.#attribute(ATTR_ICMP, 8);
    this.#word(value, ((type & 0x7f) << 9) | (code & 0x1ff));
    this.#word(value + 4, errorData);
    return this;
  }

  /** UNKNOWN-ATTRIBUTES: the first `count` of `types` (RFC 8489 s14.13). */
  unknownAttributes(types: ArrayLike<number>, count: number): this {
    const value = this.#attribute(ATTR_UNKNOWN_ATTRIBUTES, 2 * count);
    for (let i = 0; i < count; i++) {
      const type = types[i]!;
      this.#bytes[value + 2 * i] = type >>> 8;
      this.#bytes[value + 2 * i + 1] = type;
    }
    return this;
  }

  /** PASSWORD-ALGORITHMS in order of preference, without parameters (RFC 8489 s14.11). */
  passwordAlgorithms(algorithms: readonly number[]): this {
    const value = this.#attribute(ATTR_PASSWORD_ALGORITHMS, 4 * algorithms.length);
    for (let i = 0; i < algorithms.length; i++) this.#word(value + 4 * i, algorithms[i]! << 16);
    return this;
  }

  /** PASSWORD-ALGORITHM without parameters (RFC 8489 s14.12). */
  passwordAlgorithm(algorithm: number): this {
    return this.u16(ATTR_PASSWORD_ALGORITHM, algorithm);
  }

  /** MESSAGE-INTEGRITY over what is written so far (RFC 8489 s14.5). Costs an HMAC. */
  integrity(key: Uint8Array): this {
    return this.#integrity('sha1', ATTR_MESSAGE_INTEGRITY, key, INTEGRITY_BYTES);
  }

  /**
   * MESSAGE-INTEGRITY-SHA256 over what is written so far, 16..32 bytes in steps of 4 (RFC 8489 s14.6).
   * Costs an HMAC.
   */
  integritySha256(key: Uint8Array, length = INTEGRITY_SHA256_BYTES): this {
    if (length < INTEGRITY_SHA256_BYTES_MIN || length > INTEGRITY_SHA256_BYTES || length & 3) {
      throw new RangeError(`MESSAGE-INTEGRITY-SHA256 cannot have ${length} bytes`);
    }
    return this.#integrity('sha256', ATTR_MESSAGE_INTEGRITY_SHA256, key, length);
  }

  #integrity(hash: 'sha1' | 'sha256', type: number, key: Uint8Array, length: number): this {
    const value = this.#attribute(type, length);
    const bytes = this.#bytes;
    const end = value - ATTRIBUTE_HEADER_BYTES;
    const messageLength = this.#position - this.#offset - HEADER_BYTES;
    const mac = messageIntegrity(hash, key, bytes, this.#offset, end, messageLength);
    for (let i = 0; i < length; i++) bytes[value + i] = mac[i]!;
    return this;
  }

  /** FINGERPRINT over what is written so far; nothing may follow it (RFC 8489 s14.7). */
  fingerprint(): this {
    const value = this.#attribute(ATTR_FINGERPRINT, 4);
    this.finish();
    const covered = value - ATTRIBUTE_HEADER_BYTES - this.#offset;
    this.#word(value, fingerprintOf(this.#bytes, this.#offset, covered));
    return this;
  }

  /**
   * Ends the message with an attribute whose value, and padding to a multiple of four, the caller puts behind what is
   * written here; returns the length of the latter.
   */
  finishWithData(type: number, length: number): number {
    const bytes = this.#bytes;
    const at = this.#position;
    const written = at + ATTRIBUTE_HEADER_BYTES - this.#offset;
    const messageLength = written + ((length + 3) & ~3) - HEADER_BYTES;
    if (at + ATTRIBUTE_HEADER_BYTES > bytes.length || messageLength > 0xffff) throw tooSmall();
    this.#word(at, (type << 16) | length);
    bytes[this.#offset + 2] = messageLength >>> 8;
    bytes[this.#offset + 3] = messageLength;
    this.#position = at + ATTRIBUTE_HEADER_BYTES;
    return written;
  }

  /** Writes the length field; returns the length of the whole message in bytes. */
  finish(): number {
    const length = this.#position - this.#offset;
    const bytes = this.#bytes;
    bytes[this.#offset + 2] = (length - HEADER_BYTES) >>> 8;
    bytes[this.#offset + 3] = length - HEADER_BYTES;
    return length;
  }
}

function codeWord(code: number): number {
  if (code < 300 || code > 699) throw new RangeError(`${code} is no STUN error code`);
  return (Math.trunc(code / 100) << 8) | (code % 100);
}

function tooSmall(): RangeError {
  return new RangeError('the buffer is too small for this STUN message');
}
