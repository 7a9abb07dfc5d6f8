// SRTP once more, packet by packet with node:crypto and straight from RFC 3711 and RFC 7714: what ours is checked
// against. Session keys are derived here as well; rollover counters and indexes are given.

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { MasterKey, SrtpProfile } from '../../../sfu/srtp/profile.ts';

function prf({ key, salt }: MasterKey, label: number, bytes: number): Buffer {
  const x = Buffer.concat([salt, Buffer.alloc(16 - salt.length)]);
  x[7]! ^= label;
  return createCipheriv('aes-128-ctr', key, x).update(Buffer.alloc(bytes));
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
}

function number(value: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
}

export class ReferenceSrtp {
  readonly #gcm: boolean;
  readonly #saltBytes: number;
  readonly #master: MasterKey;

  constructor(profile: SrtpProfile, master: MasterKey) {
    this.#gcm = profile.name === 'AEAD_AES_128_GCM';
    this.#saltBytes = profile.saltBytes;
    this.#master = master;
  }

  protectRtp(header: Buffer, payload: Buffer, rolloverCounter: number): Buffer {
    const index = Buffer.concat([number(rolloverCounter, 4), header.subarray(2, 4)]);
    const ssrc = header.subarray(8, 12);
    const [key, auth, salt] = this.#keys(0);
    if (this.#gcm) {
      const iv = xor(Buffer.concat([Buffer.alloc(2), ssrc, index]), salt);
      const cipher = createCipheriv('aes-128-gcm', key, iv).setAAD(header);
      return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
    }
    const packet = Buffer.concat([header, this.#counterMode(key, salt, ssrc, index, payload)]);
    const signed = Buffer.concat([packet, number(rolloverCounter, 4)]);
    const tag = createHmac('sha1', auth).update(signed).digest();
    return Buffer.concat([packet, tag.subarray(0, 10)]);
  }

  unprotectRtp(packet: Buffer, headerBytes: number, rolloverCounter: number): Buffer {
    const header = packet.subarray(0, headerBytes);
    const tagBytes = this.#gcm ? 16 : 10;
    const payload = packet.subarray(headerBytes, packet.length - tagBytes);
    const index = Buffer.concat([number(rolloverCounter, 4), header.subarray(2, 4)]);
    const ssrc = header.subarray(8, 12);
    const [key, , salt] = this.#keys(0);
    if (!this.#gcm) return this.#counterMode(key, salt, ssrc, index, payload);
    const iv = xor(Buffer.concat([Buffer.alloc(2), ssrc, index]), salt);
    const cipher = createDecipheriv('aes-128-gcm', key, iv).setAAD(header);
    cipher.setAuthTag(packet.subarray(-tagBytes));
    return Buffer.concat([cipher.update(payload), cipher.final()]);
  }

  protectRtcp(packet: Buffer, index: number): Buffer {
    const header = packet.subarray(0, 8);
    const ssrc = header.subarray(4);
    const payload = packet.subarray(8);
    const trailer = number(2 ** 31 + index, 4);
    const [key, auth, salt] = this.#keys(3);
    if (this.#gcm) {
      const iv = xor(
        Buffer.concat([Buffer.alloc(2), ssrc, Buffer.alloc(2), number(index, 4)]),
        salt,
      );
      const cipher = createCipheriv('aes-128-gcm', key, iv);
      cipher.setAAD(Buffer.concat([header, trailer]));
      const encrypted = Buffer.concat([cipher.update(payload), cipher.final()]);
      return Buffer.concat([header, encrypted, cipher.getAuthTag(), trailer]);
    }
    const encrypted = this.#counterMode(key, salt, ssrc, number(index, 6), payload);
    const signed = Buffer.concat([header, encrypted, trailer]);
    const tag = createHmac('sha1', auth).update(signed).digest();
    return Buffer.concat([signed, tag.subarray(0, 10)]);
  }

  #keys(label: 0 | 3): [Buffer, Buffer, Buffer] {
    const auth = prf(this.#master, label + 1, 20);
    return [prf(this.#master, label, 16), auth, prf(this.#master, label + 2, this.#saltBytes)];
  }

  #counterMode(key: Buffer, salt: Buffer, ssrc: Buffer, index: Buffer, text: Buffer): Buffer {
    const place = Buffer.concat([Buffer.alloc(4), ssrc, index]);
    const iv = Buffer.concat([xor(place, salt), Buffer.alloc(2)]);
    return createCipheriv('aes-128-ctr', key, iv).update(text);
  }
}
