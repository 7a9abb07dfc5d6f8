// A STUN message that a test received: taken apart without the codec under test, its integrity, fingerprint
// and padding judged.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { crc32 } from '../../../shared/stun/fingerprint.ts';
import { HEADER, type Hash, withLength } from './message.ts';

const ATTR_ERROR_CODE = 0x0009;
const ATTR_FINGERPRINT = 0x8028;
const INTEGRITY: readonly (readonly [type: number, hash: Hash])[] = [
  [0x0008, 'sha1'],
  [0x001c, 'sha256'],
];

interface ReceivedAttribute {
  readonly type: number;
  readonly at: number;
  readonly value: Buffer;
  readonly padding: Buffer;
}

export class ReceivedMessage {
  readonly bytes: Buffer;
  readonly type: number;
  readonly attributes: readonly ReceivedAttribute[];

  /** Throws for anything that is not exactly one STUN message. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.type = bytes.readUInt16BE(0);
    if (this.type > 0x3fff) throw new Error(`not STUN: ${bytes.toString('hex')}`);
    if (bytes.readUInt32BE(4) !== 0x2112a442) throw new Error('no magic cookie');
    if (bytes.readUInt16BE(2) !== bytes.length - HEADER) throw new Error('wrong length field');
    const attributes: ReceivedAttribute[] = [];
    for (let at = HEADER; at < bytes.length;) {
      const end = at + 4 + bytes.readUInt16BE(at + 2);
      const next = (end + 3) & ~3;
      if (next > bytes.length) throw new Error('attribute past the end of the message');
      const value = bytes.subarray(at + 4, end);
      const padding = bytes.subarray(end, next);
      attributes.push({ type: bytes.readUInt16BE(at), at, value, padding });
      at = next;
    }
    this.attributes = attributes;
  }

  get method(): number {
    return (this.type & 0xf) | ((this.type & 0xe0) >> 1) | ((this.type & 0x3e00) >> 2);
  }

  get messageClass(): 'request' | 'indication' | 'success' | 'error' {
    return (['request', 'indication', 'success', 'error'] as const)[
      ((this.type >> 4) & 1) | ((this.type >> 7) & 2)
    ]!;
  }

  get transaction(): Buffer {
    return this.bytes.subarray(8, HEADER);
  }

  /** Attribute types in their order. */
  get types(): number[] {
    return this.attributes.map(({ type }) => type);
  }

  all(type: number): Buffer[] {
    return this.attributes.filter((each) => each.type === type).map(({ value }) => value);
  }

  has(type: number): boolean {
    return this.attributes.some((each) => each.type === type);
  }

  /** The value of an attribute that must be there once. */
  value(type: number): Buffer {
    const values = this.all(type);
    if (values.length !== 1) throw new Error(`0x${type.toString(16)} is there ${values.length}x`);
    return values[0]!;
  }

  text(type: number): string {
    return this.value(type).toString('utf8');
  }

  u32(type: number): number {
    return this.value(type).readUInt32BE(0);
  }

  addresses(type: number): TransportAddress[] {
    return this.all(type).map((value) => {
      const plain = value.map((byte, i) => (i < 4 ? byte : byte ^ this.bytes[i]!));
      const port = value.readUInt16BE(2) ^ 0x2112;
      const host =
        value[1] === 1
          ? plain.subarray(4).join('.')
          : (Buffer.from(plain.subarray(4)).toString('hex').match(/.{4}/g) ?? []).join(':');
      const address = TransportAddress.parse(host, port);
      if (address === undefined || value[0] !== 0) throw new Error('not an XOR address');
      return address;
    });
  }

  address(type: number): TransportAddress {
    this.value(type);
    return this.addresses(type)[0]!;
  }

  /** ERROR-CODE, or undefined in any other message. */
  get code(): number | undefined {
    if (!this.has(ATTR_ERROR_CODE)) return undefined;
    const value = this.value(ATTR_ERROR_CODE);
    return value[2]! * 100 + value[3]!;
  }

  get reason(): string {
    return this.value(ATTR_ERROR_CODE).toString('utf8', 4);
  }

  /** Which attribute protects the message; throws if there is one and it does not fit the key. */
  integrity(key: Uint8Array): Hash | 'none' {
    let found: Hash | 'none' = 'none';
    for (const [type, hash] of INTEGRITY) {
      const attribute = this.attributes.find((each) => each.type === type);
      if (attribute === undefined) continue;
      if (found !== 'none') throw new Error('two integrity attributes');
      const end = attribute.at + 4 + attribute.value.length;
      const upTo = withLength(Uint8Array.from(this.bytes.subarray(0, end)));
      const mac = createHmac(hash, key).update(upTo.subarray(0, attribute.at)).digest();
      if (mac.length !== attribute.value.length || !timingSafeEqual(mac, attribute.value)) {
        throw new Error(`wrong integrity (${hash}) in ${this.outcome}`);
      }
      found = hash;
    }
    return found;
  }

  get fingerprint(): 'right' | 'wrong' | 'none' {
    const last = this.attributes.at(-1);
    if (last?.type !== ATTR_FINGERPRINT) return this.has(ATTR_FINGERPRINT) ? 'wrong' : 'none';
    const crc = (crc32(this.bytes, 0, last.at) ^ 0x5354554e) >>> 0;
    return last.value.length === 4 && last.value.readUInt32BE(0) === crc ? 'right' : 'wrong';
  }

  get paddingIsZero(): boolean {
    return this.attributes.every(({ padding }) => padding.every((byte) => byte === 0));
  }

  /** `success`, or the error code, and `unsigned` where no integrity attribute protects it. */
  get outcome(): string {
    const signed = INTEGRITY.some(([type]) => this.has(type));
    return `${this.code ?? this.messageClass}${signed ? '' : ' unsigned'}`;
  }
}
