// Reads one STUN message in place (RFC 8489 s5, s14), attributes found only when asked for.
// Called by: the TURN core, ICE. Allocates: nothing but in `text`, `view` and the two integrity checks.
// Every read is held inside the message, whatever the bytes and whatever offset a caller passes.

import { isUtf8 } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
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
  ATTR_FINGERPRINT,
  ATTR_MESSAGE_INTEGRITY,
  ATTR_MESSAGE_INTEGRITY_SHA256,
  ATTRIBUTE_HEADER_BYTES,
  classOf,
  HEADER_BYTES,
  isComprehensionOptional,
  MAGIC_COOKIE,
  methodOf,
  TRANSACTION_ID_BYTES,
} from './registry.ts';

/** A well-formed STUN message. */
export const STUN_OK = 0;
/** Fewer bytes than a header, or an extent outside the buffer. */
export const STUN_TOO_SHORT = 1;
/** The first two bits are not zero (RFC 8489 s5). */
export const STUN_NOT_STUN = 2;
/** No magic cookie: not STUN, or the classic STUN of RFC 3489 (RFC 8489 s5). */
export const STUN_NO_COOKIE = 3;
/** The length field is not a multiple of 4 or is not the length of the datagram (RFC 8489 s5, s6.3). */
export const STUN_BAD_LENGTH = 4;
/** An attribute reaches past the end of the message (RFC 8489 s14). */
export const STUN_TRUNCATED_ATTRIBUTE = 5;

type StunDefect = 1 | 2 | 3 | 4 | 5;

const EMPTY = new Uint8Array(0);
const COOKIE_HIGH = MAGIC_COOKIE >>> 16;
const COOKIE_LOW = MAGIC_COOKIE & 0xffff;

export class StunReader {
  bytes: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  type = 0;
  method = 0;
  messageClass = 0;
  #end = 0;
  #countEnd = 0;
  #integrity = -1;
  #integritySha256 = -1;
  #fingerprint = -1;

  /**
   * Takes `bytes[offset .. offset + length)` as one whole message. Returns STUN_OK or one of the defects
   * above; after a defect the reader holds no attributes. The bytes must stay as they are for as long as the
   * reader is asked about them.
   */
  read(bytes: Uint8Array, offset: number, length: number): typeof STUN_OK | StunDefect {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.#end = 0;
    this.#countEnd = 0;
    this.#unseal();
    if (length < HEADER_BYTES || offset < 0 || offset + length > bytes.length)
      return STUN_TOO_SHORT;
    const type = (bytes[offset]! << 8) | bytes[offset + 1]!;
    if (type > 0x3fff) return STUN_NOT_STUN;
    if (
      ((bytes[offset + 4]! << 8) | bytes[offset + 5]!) !== COOKIE_HIGH ||
      ((bytes[offset + 6]! << 8) | bytes[offset + 7]!) !== COOKIE_LOW
    ) {
      return STUN_NO_COOKIE;
    }
    const attributes = (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
    if ((attributes & 3) !== 0 || attributes + HEADER_BYTES !== length) return STUN_BAD_LENGTH;
    this.type = type;
    this.method = methodOf(type);
    this.messageClass = classOf(type);
    return this.#walk(bytes, offset + HEADER_BYTES, offset + length);
  }

  // RFC 8489 s9: what follows MESSAGE-INTEGRITY does not count, but MESSAGE-INTEGRITY-SHA256 and
  // FINGERPRINT; what follows MESSAGE-INTEGRITY-SHA256 does not, but FINGERPRINT. Departs from s9 in one
  // case: a MESSAGE-INTEGRITY after MESSAGE-INTEGRITY-SHA256 does not count either. s9.1.3 and s9.2.4 check
  // the SHA-256 value whenever it is there, so nothing is lost, and no attribute between the two can pass
  // without being covered by the value that is checked.
  #walk(bytes: Uint8Array, begin: number, end: number): typeof STUN_OK | StunDefect {
    let at = begin;
    let countEnd = end;
    while (at < end) {
      const type = (bytes[at]! << 8) | bytes[at + 1]!;
      const value = at + ATTRIBUTE_HEADER_BYTES;
      const next = value + ((((bytes[at + 2]! << 8) | bytes[at + 3]!) + 3) & ~3);
      if (next > end) {
        this.#unseal();
        return STUN_TRUNCATED_ATTRIBUTE;
      }
      if (
        (type === ATTR_FINGERPRINT ||
          type === ATTR_MESSAGE_INTEGRITY ||
          type === ATTR_MESSAGE_INTEGRITY_SHA256) &&
        this.#seal(type, value)
      ) {
        if (at < countEnd) countEnd = at;
      }
      at = next;
    }
    this.#end = end;
    this.#countEnd = countEnd;
    return STUN_OK;
  }

  #unseal(): void {
    this.#integrity = -1;
    this.#integritySha256 = -1;
    this.#fingerprint = -1;
  }

  #seal(type: number, value: number): boolean {
    if (this.#fingerprint >= 0) return false;
    if (type === ATTR_FINGERPRINT) this.#fingerprint = value;
    else if (this.#integritySha256 >= 0) return false;
    else if (type === ATTR_MESSAGE_INTEGRITY_SHA256) this.#integritySha256 = value;
    else if (this.#integrity >= 0) return false;
    else this.#integrity = value;
    return true;
  }

  /** Offset in `bytes` of the 12-byte transaction id. */
  get transactionOffset(): number {
    return this.offset + HEADER_BYTES - TRANSACTION_ID_BYTES;
  }

  /** Whether the transaction id is the 12 bytes of `other` at `offset`. */
  transactionIs(other: Uint8Array, offset: number): boolean {
    if (this.#end === 0) return false;
    const { bytes, transactionOffset } = this;
    for (let i = 0; i < TRANSACTION_ID_BYTES; i++) {
      if (bytes[transactionOffset + i] !== other[offset + i]) return false;
    }
    return true;
  }

  /**
   * Value offset of the first attribute of that type that counts, or -1 (RFC 8489 s14: duplicates are
   * ignored).
   */
  find(type: number): number {
    if (type === ATTR_MESSAGE_INTEGRITY) return this.#integrity;
    if (type === ATTR_MESSAGE_INTEGRITY_SHA256) return this.#integritySha256;
    if (type === ATTR_FINGERPRINT) return this.#fingerprint;
    return this.#scan(type, this.offset + HEADER_BYTES);
  }

  /**
   * Value offset of the next attribute of that type after the one whose value is at `afterValueOffset`, or
   * -1.
   */
  findNext(type: number, afterValueOffset: number): number {
    const length = this.lengthAt(afterValueOffset);
    if (length < 0) return -1;
    return this.#scan(type, afterValueOffset + ((length + 3) & ~3));
  }

  #scan(type: number, from: number): number {
    const bytes = this.bytes;
    const end = this.#countEnd;
    let at = from;
    while (at + ATTRIBUTE_HEADER_BYTES <= end) {
      if (((bytes[at]! << 8) | bytes[at + 1]!) === type) return at + ATTRIBUTE_HEADER_BYTES;
      at += ATTRIBUTE_HEADER_BYTES + ((((bytes[at + 2]! << 8) | bytes[at + 3]!) + 3) & ~3);
    }
    return -1;
  }

  /** Length of a value without its padding; -1 for an offset that lies in no attribute (so also for -1). */
  lengthAt(valueOffset: number): number {
    const end = this.#end;
    const first = this.offset + HEADER_BYTES + ATTRIBUTE_HEADER_BYTES;
    if (!(valueOffset >= first && valueOffset <= end)) return -1;
    const room = end - valueOffset;
    const length = (this.bytes[valueOffset - 2]! << 8) | this.bytes[valueOffset - 1]!;
    return length > room ? room : length;
  }

  /** First byte of a value; -1 when the attribute is missing or shorter. */
  u8(valueOffset: number): number {
    return this.lengthAt(valueOffset) < 1 ? -1 : this.bytes[valueOffset]!;
  }

  /** First two bytes of a value; -1 when the attribute is missing or shorter. */
  u16(valueOffset: number): number {
    if (this.lengthAt(valueOffset) < 2) return -1;
    return (this.bytes[valueOffset]! << 8) | this.bytes[valueOffset + 1]!;
  }

  /** First four bytes of a value, unsigned; -1 when the attribute is missing or shorter. */
  u32(valueOffset: number): number {
    return this.lengthAt(valueOffset) < 4 ? -1 : this.#word(valueOffset) >>> 0;
  }

  /**
   * The code of ERROR-CODE or ADDRESS-ERROR-CODE, 300..699; -1 for any other (RFC 8489 s14.8, RFC 8656
   * s18.12).
   */
  errorCode(valueOffset: number): number {
    if (this.lengthAt(valueOffset) < 4) return -1;
    const hundreds = this.bytes[valueOffset + 2]! & 7;
    const number = this.bytes[valueOffset + 3]!;
    return hundreds < 3 || hundreds > 6 || number > 99 ? -1 : hundreds * 100 + number;
  }

  /** A value as text; undefined when the attribute is missing or is not UTF-8. Allocates. */
  text(valueOffset: number): string | undefined {
    const length = this.lengthAt(valueOffset);
    if (length < 0) return undefined;
    const { buffer, byteOffset } = this.bytes;
    const value = Buffer.from(buffer, byteOffset + valueOffset, length);
    return isUtf8(value) ? value.toString('utf8') : undefined;
  }

  /** A value as a view on `bytes`, empty when the attribute is missing. Allocates the view. */
  view(valueOffset: number): Uint8Array {
    const length = this.lengthAt(valueOffset);
    return length < 0 ? EMPTY : this.bytes.subarray(valueOffset, valueOffset + length);
  }

  /**
   * Reads a value laid out as MAPPED-ADDRESS (RFC 8489 s14.1); false, `out` untouched, on another family or
   * length.
   */
  address(valueOffset: number, out: TransportAddress): boolean {
    return this.#address(valueOffset, out, 0, 0, 0, 0);
  }

  /**
   * Reads a value laid out as XOR-MAPPED-ADDRESS (RFC 8489 s14.2); false, `out` untouched, as in `address`.
   */
  xorAddress(valueOffset: number, out: TransportAddress): boolean {
    if (this.#end === 0) return false;
    const at = this.transactionOffset;
    const x1 = this.#word(at);
    const x2 = this.#word(at + 4);
    const x3 = this.#word(at + 8);
    return this.#address(valueOffset, out, MAGIC_COOKIE, x1, x2, x3);
  }

  #address(
    at: number,
    out: TransportAddress,
    x0: number,
    x1: number,
    x2: number,
    x3: number,
  ): boolean {
    const length = this.lengthAt(at);
    if (length !== 8 && length !== 20) return false;
    const family = this.bytes[at + 1]!;
    const port = ((this.bytes[at + 2]! << 8) | this.bytes[at + 3]!) ^ (x0 >>> 16);
    const w0 = this.#word(at + 4) ^ x0;
    if (length === 8) {
      if (family !== ADDRESS_FAMILY_IPV4) return false;
      out.setV4(w0, port);
      return true;
    }
    if (family !== ADDRESS_FAMILY_IPV6) return false;
    const w1 = this.#word(at + 8) ^ x1;
    const w2 = this.#word(at + 12) ^ x2;
    const w3 = this.#word(at + 16) ^ x3;
    out.setV6(w0, w1, w2, w3, port);
    return true;
  }

  #word(at: number): number {
    const bytes = this.bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  /**
   * Writes to `out` the comprehension-required attributes that count and are not in `known` (see
   * knownAttributes), each once, at most `out.length` of them; returns how many (RFC 8489 s6.3.1).
   */
  collectUnknown(known: Uint8Array, out: Uint16Array): number {
    const bytes = this.bytes;
    let count = 0;
    let at = this.offset + HEADER_BYTES;
    while (at < this.#countEnd) {
      const type = (bytes[at]! << 8) | bytes[at + 1]!;
      count = noteUnknown(type, known, out, count);
      at += ATTRIBUTE_HEADER_BYTES + ((((bytes[at + 2]! << 8) | bytes[at + 3]!) + 3) & ~3);
    }
    if (this.#integrity >= 0) count = noteUnknown(ATTR_MESSAGE_INTEGRITY, known, out, count);
    if (this.#integritySha256 >= 0) {
      count = noteUnknown(ATTR_MESSAGE_INTEGRITY_SHA256, known, out, count);
    }
    return count;
  }

  get hasIntegrity(): boolean {
    return this.#integrity >= 0;
  }

  get hasIntegritySha256(): boolean {
    return this.#integritySha256 >= 0;
  }

  get hasFingerprint(): boolean {
    return this.#fingerprint >= 0;
  }

  /**
   * Whether FINGERPRINT is there, is the last attribute and is right (RFC 8489 s14.7). Allocates nothing.
   */
  checkFingerprint(): boolean {
    const at = this.#fingerprint;
    if (this.lengthAt(at) !== 4 || at + 4 !== this.#end) return false;
    const covered = at - ATTRIBUTE_HEADER_BYTES - this.offset;
    return this.#word(at) === fingerprintOf(this.bytes, this.offset, covered);
  }

  /** Whether MESSAGE-INTEGRITY is there and is right (RFC 8489 s14.5). Costs an HMAC. */
  checkIntegrity(key: Uint8Array): boolean {
    const length = this.lengthAt(this.#integrity);
    return length === INTEGRITY_BYTES && this.#check('sha1', key, this.#integrity, length);
  }

  /**
   * Whether MESSAGE-INTEGRITY-SHA256 is there and is right (RFC 8489 s14.6), truncated or not: a usage that
   * forbids truncation compares `lengthAt` with 32 itself. Costs an HMAC.
   */
  checkIntegritySha256(key: Uint8Array): boolean {
    const at = this.#integritySha256;
    const length = this.lengthAt(at);
    if (length < INTEGRITY_SHA256_BYTES_MIN || length > INTEGRITY_SHA256_BYTES || length & 3) {
      return false;
    }
    return this.#check('sha256', key, at, length);
  }

  #check(hash: 'sha1' | 'sha256', key: Uint8Array, at: number, length: number): boolean {
    const { bytes, offset } = this;
    const messageLength = at + length - offset - HEADER_BYTES;
    const end = at - ATTRIBUTE_HEADER_BYTES;
    const expected = messageIntegrity(hash, key, bytes, offset, end, messageLength);
    return timingSafeEqual(expected.subarray(0, length), bytes.subarray(at, at + length));
  }
}

function noteUnknown(type: number, known: Uint8Array, out: Uint16Array, count: number): number {
  if (isComprehensionOptional(type) || count >= out.length) return count;
  if ((known[type >> 3]! & (1 << (type & 7))) !== 0) return count;
  for (let i = 0; i < count; i++) if (out[i] === type) return count;
  out[count] = type;
  return count + 1;
}
