// STUN messages as tests read and write them: a few lines of their own (RFC 8489 s5, s14, s18), not the codec under
// test.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const STUN_HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;

/** Attribute types by their registered names. */
export const ATTR = {
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  CHANNEL_NUMBER: 0x000c,
  XOR_PEER_ADDRESS: 0x0012,
  DATA: 0x0013,
  REALM: 0x0014,
  NONCE: 0x0015,
  XOR_RELAYED_ADDRESS: 0x0016,
  REQUESTED_TRANSPORT: 0x0019,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  PASSWORD_ALGORITHM: 0x001d,
  USERHASH: 0x001e,
  RESERVATION_TOKEN: 0x0022,
  PASSWORD_ALGORITHMS: 0x8002,
  MOBILITY_TICKET: 0x8030,
} as const;

/** The 14 bits of message type: method and class together. */
export const TYPE = {
  ALLOCATE_REQUEST: 0x0003,
  ALLOCATE_SUCCESS: 0x0103,
  ALLOCATE_ERROR: 0x0113,
  REFRESH_REQUEST: 0x0004,
  CREATE_PERMISSION_REQUEST: 0x0008,
  CHANNEL_BIND_REQUEST: 0x0009,
  SEND_INDICATION: 0x0016,
  DATA_INDICATION: 0x0017,
} as const;

/** Whether a message type is a request: both class bits are zero. */
export const isRequest = (type: number): boolean => (type & 0x0110) === 0;

export interface StunMessage {
  readonly type: number;
  /** Hexadecimal. */
  readonly transaction: string;
  /** Values by attribute type, the first of each. */
  readonly attributes: ReadonlyMap<number, Buffer>;
  readonly bytes: Buffer;
}

/** A copy of the message in `datagram`; undefined for ChannelData and whatever else is not STUN. */
export function parseStun(datagram: Buffer): StunMessage | undefined {
  if (datagram.length < STUN_HEADER_BYTES || datagram.readUInt32BE(4) !== MAGIC_COOKIE) {
    return undefined;
  }
  const bytes = Buffer.from(datagram);
  const attributes = new Map<number, Buffer>();
  for (let at = STUN_HEADER_BYTES; at + 4 <= bytes.length;) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    if (!attributes.has(type)) attributes.set(type, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return {
    type: bytes.readUInt16BE(0),
    transaction: bytes.toString('hex', 8, STUN_HEADER_BYTES),
    attributes,
    bytes,
  };
}

export function buildStun(
  type: number,
  transaction: Buffer,
  attributes: readonly (readonly [type: number, value: Buffer])[],
): Buffer {
  const header = Buffer.alloc(STUN_HEADER_BYTES);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  transaction.copy(header, 8);
  const parts = attributes.map(([attribute, value]) => {
    const part = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
    part.writeUInt16BE(attribute, 0);
    part.writeUInt16BE(value.length, 2);
    value.copy(part, 4);
    return part;
  });
  const message = Buffer.concat([header, ...parts]);
  message.writeUInt16BE(message.length - STUN_HEADER_BYTES, 2);
  return message;
}

/** The long-term key of PASSWORD-ALGORITHM SHA-256 (RFC 8489 s18.5.1.2). */
export function sha256Key(user: string, realm: string, password: string): Buffer {
  return createHash('sha256').update(`${user}:${realm}:${password}`).digest();
}

/** What MESSAGE-INTEGRITY-SHA256 behind these bytes has to be (RFC 8489 s14.6). */
export function integritySha256(covered: Buffer, key: Buffer): Buffer {
  const input = Buffer.from(covered);
  // The length in the header counts up to the end of the attribute itself.
  input.writeUInt16BE(covered.length + 36 - STUN_HEADER_BYTES, 2);
  return createHmac('sha256', key).update(input).digest();
}

/** Whether the message carries a whole MESSAGE-INTEGRITY-SHA256 of this key. */
export function hasIntegritySha256({ bytes, attributes }: StunMessage, key: Buffer): boolean {
  const value = attributes.get(ATTR.MESSAGE_INTEGRITY_SHA256);
  if (value?.length !== 32) return false;
  const covered = bytes.subarray(0, bytes.indexOf(value) - 4);
  return timingSafeEqual(integritySha256(covered, key), value);
}

/** The number in ERROR-CODE, or undefined where there is none. */
export function errorCodeOf(message: StunMessage | undefined): number | undefined {
  const value = message?.attributes.get(ATTR.ERROR_CODE);
  return value === undefined ? undefined : value.readUInt8(2) * 100 + value.readUInt8(3);
}

/** An XOR address of IPv4 (RFC 8489 s14.2); its own inverse but for the family. */
export function xorAddress(host: string, port: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeUInt8(1, 1);
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  const address = Buffer.from(host.split('.').map(Number)).readUInt32BE(0);
  value.writeUInt32BE((address ^ MAGIC_COOKIE) >>> 0, 4);
  return value;
}

export function addressOfXor(value: Buffer): { host: string; port: number } {
  const address = Buffer.alloc(4);
  address.writeUInt32BE((value.readUInt32BE(4) ^ MAGIC_COOKIE) >>> 0, 0);
  return { host: [...address].join('.'), port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16) };
}
