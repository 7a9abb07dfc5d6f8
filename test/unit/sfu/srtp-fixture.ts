// What tests of SRTP share: an arena to work in, keys, and RTP and RTCP packets.

import { Arena } from '../../../shared/native/arena.ts';
import {
  AEAD_AES_128_GCM,
  AES_CM_128_HMAC_SHA1_80,
  type MasterKey,
  type SrtpProfile,
} from '../../../sfu/srtp/profile.ts';

export const PROFILES: readonly SrtpProfile[] = [AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80];

/** Lives as long as the test file. */
export const arena = new Arena(8192);

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

export function masterKey(profile: SrtpProfile, seed = 1): MasterKey {
  const bytes = (count: number, step: number) =>
    Uint8Array.from({ length: count }, (_, i) => seed * 37 + i * step);
  return { key: bytes(profile.keyBytes, 7), salt: bytes(profile.saltBytes, 11) };
}

/** A header without CSRCs and extension. */
export function rtpHeader(ssrc: number, sequenceNumber: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0x8060);
  header.writeUInt16BE(sequenceNumber, 2);
  header.writeUInt32BE(0xdecafbad, 4);
  header.writeUInt32BE(ssrc, 8);
  return header;
}

export function payload(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => 3 + i * 5));
}

/** An empty receiver report, followed by `words` words of anything. */
export function rtcpPacket(ssrc: number, words: number): Buffer {
  const packet = Buffer.alloc(8 + 4 * words, 0xab);
  packet.writeUInt16BE(0x80c9);
  packet.writeUInt16BE(1 + words, 2);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** Puts bytes into the arena, where they are worked on in place. */
export function put(bytes: Uint8Array, offset: number): void {
  arena.bytes.set(bytes, offset);
}

export function get(offset: number, length: number): Buffer {
  return Buffer.from(arena.bytes.slice(offset, offset + length));
}
