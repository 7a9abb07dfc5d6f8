// STUN messages for tests, put together and taken apart byte by byte: nothing here uses the codec under test,
// so a mistake in the codec cannot hide one in the server. Keys and HMACs come straight from node:crypto.

import { createHash, createHmac } from 'node:crypto';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { crc32 } from '../../../shared/stun/fingerprint.ts';

const COOKIE = [0x21, 0x12, 0xa4, 0x42] as const;
const FINGERPRINT_XOR = 0x5354554e;

export const HEADER = 20;

/** An attribute, or one whose value depends on the transaction id, as XOR addresses do. */
export type Attribute = readonly [type: number, value: Uint8Array | readonly number[]];
export type AttributeSource = Attribute | ((transaction: Uint8Array) => Attribute);

/** Bytes of one attribute. `pad` fills the padding, which receivers must ignore. */
export function attributeBytes(
  source: AttributeSource,
  transaction: Uint8Array,
  pad = 0,
): Uint8Array {
  const [type, value] = typeof source === 'function' ? source(transaction) : source;
  const bytes = new Uint8Array(4 + ((value.length + 3) & ~3)).fill(pad);
  bytes.set([type >> 8, type & 0xff, value.length >> 8, value.length & 0xff]);
  bytes.set(value, 4);
  return bytes;
}

/** A message of that 14-bit type with a right length field. */
export function message(
  type: number,
  transaction: Uint8Array,
  attributes: readonly AttributeSource[] = [],
  pad = 0,
): Uint8Array {
  const bodies = attributes.map((attribute) => attributeBytes(attribute, transaction, pad));
  const header = Uint8Array.from([type >> 8, type & 0xff, 0, 0, ...COOKIE, ...transaction]);
  return withLength(concat(header, ...bodies));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Makes the length field say what the message is. */
export function withLength(bytes: Uint8Array): Uint8Array {
  const length = bytes.length - HEADER;
  bytes[2] = length >> 8;
  bytes[3] = length & 0xff;
  return bytes;
}

/** The message with further attributes at its end, and a right length field. */
export function append(bytes: Uint8Array, ...attributes: readonly AttributeSource[]): Uint8Array {
  const transaction = bytes.subarray(8, HEADER);
  return withLength(
    concat(bytes, ...attributes.map((attribute) => attributeBytes(attribute, transaction))),
  );
}

export type Hash = 'sha1' | 'sha256';

const INTEGRITY_TYPE: Record<Hash, number> = { sha1: 0x0008, sha256: 0x001c };
const INTEGRITY_LENGTH: Record<Hash, number> = { sha1: 20, sha256: 32 };

/** The message with MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 at its end. */
export function sign(bytes: Uint8Array, hash: Hash, key: Uint8Array, length?: number): Uint8Array {
  const value = new Uint8Array(length ?? INTEGRITY_LENGTH[hash]);
  const signed = append(bytes, [INTEGRITY_TYPE[hash], value]);
  const mac = createHmac(hash, key).update(signed.subarray(0, bytes.length)).digest();
  signed.set(mac.subarray(0, value.length), bytes.length + 4);
  return signed;
}

/** The message with FINGERPRINT at its end. */
export function fingerprinted(bytes: Uint8Array): Uint8Array {
  const whole = append(bytes, [0x8028, [0, 0, 0, 0]]);
  const crc = (crc32(whole, 0, bytes.length) ^ FINGERPRINT_XOR) >>> 0;
  new DataView(whole.buffer).setUint32(bytes.length + 4, crc);
  return whole;
}

export type Algorithm = 'md5' | 'sha256';

/** The long-term key of ASCII names and passwords (RFC 8489 s9.2.2, s18.5.1). */
export function longTermKeyOf(
  algorithm: Algorithm,
  username: string,
  realm: string,
  password: string,
): Uint8Array {
  return createHash(algorithm).update(`${username}:${realm}:${password}`).digest();
}

export const text = (type: number, value: string): Attribute => [type, Buffer.from(value)];

export const u8 = (type: number, value: number): Attribute => [type, [value, 0, 0, 0]];

export function u32(type: number, value: number): Attribute {
  return [type, [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]];
}

/** An XOR address (RFC 8489 s14.2). */
export function xorAddress(type: number, address: TransportAddress): AttributeSource {
  return (transaction) => {
    const host = new Uint8Array(address.family === 4 ? 4 : 16);
    address.writeHost(host, 0);
    const mask = [...COOKIE, ...transaction];
    const port = address.port ^ 0x2112;
    const family = address.family === 4 ? 1 : 2;
    return [
      type,
      [0, family, port >> 8, port & 0xff, ...host.map((byte, i) => byte ^ (mask[i] ?? 0))],
    ];
  };
}

/** A ChannelData message (RFC 8656 s12.4) that claims `claimed` bytes. */
export function channelData(
  number: number,
  data: Uint8Array,
  claimed: number = data.length,
): Uint8Array {
  const header = [number >> 8, number & 0xff, claimed >> 8, claimed & 0xff];
  return concat(Uint8Array.from(header), data);
}
