// AES_CM_128_HMAC_SHA1_80 (RFC 3711 s4.1.1, s4.2.1): the counter block and what the tag covers.
// Called by: SrtpSender, SrtpReceiver. Allocates: nothing per packet where arenas lie low; elsewhere the addresses that
// OpenSSL is called with, numbers of 16 bytes.

import type { Arena } from '../../shared/native/arena.ts';
import { AesCtr, CTR_IV_BYTES, HmacSha1, packetIv } from '../../shared/native/evp.ts';
import { put32 } from '../rtp/words.ts';
import { HEADER_SSRC, RTCP_CLEAR_BYTES, RTCP_INDEX_BYTES, RTCP_SSRC } from './layout.ts';
import type { SessionKeys } from './key-derivation.ts';
import { srtpScratch } from './scratch.ts';
import type { SrtpTransform } from './transform.ts';

/** n_tag is 80 bits (RFC 3711 s5.2). */
const TAG_BYTES = 10;
const ROC_BYTES = 4;

export class CmTransform implements SrtpTransform {
  readonly #rtpCipher: AesCtr;
  readonly #rtcpCipher: AesCtr;
  readonly #rtpMac: HmacSha1;
  readonly #rtcpMac: HmacSha1;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;
  readonly #iv = packetIv();
  /** The tag of a packet, while the rollover counter stands in its place. */
  readonly #tag = srtpScratch();

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtpCipher = new AesCtr(rtp.encryption);
    this.#rtcpCipher = new AesCtr(rtcp.encryption);
    this.#rtpMac = new HmacSha1(rtp.authentication);
    this.#rtcpMac = new HmacSha1(rtcp.authentication);
    this.#rtpSalt = Uint8Array.from(rtp.salt);
    this.#rtcpSalt = Uint8Array.from(rtcp.salt);
  }

  sealRtp(
    to: Arena,
    offset: number,
    headerBytes: number,
    from: Arena,
    payloadOffset: number,
    payloadBytes: number,
    rolloverCounter: number,
  ): void {
    this.#rtpIv(to.bytes, offset, rolloverCounter);
    const out = to.base + offset + headerBytes;
    this.#rtpCipher.apply(from.base + payloadOffset, out, payloadBytes);
    // RFC 3711 s4.2: the tag covers packet and rollover counter, which for that stands where the tag will be.
    const length = headerBytes + payloadBytes;
    const end = offset + length;
    put32(to.bytes, end, rolloverCounter);
    this.#rtpMac.sign(to.base + offset, length + ROC_BYTES, to.bytes, end, TAG_BYTES);
  }

  openRtp(
    arena: Arena,
    offset: number,
    headerBytes: number,
    length: number,
    rolloverCounter: number,
  ): boolean {
    const { bytes, base } = arena;
    const signedBytes = length - TAG_BYTES;
    const end = offset + signedBytes;
    const tag = this.#tag;
    for (let i = 0; i < TAG_BYTES; i++) tag.bytes[i] = bytes[end + i]!;
    put32(bytes, end, rolloverCounter);
    if (!this.#rtpMac.verify(base + offset, signedBytes + ROC_BYTES, tag.base, TAG_BYTES)) {
      return false;
    }
    this.#rtpIv(bytes, offset, rolloverCounter);
    const payload = base + offset + headerBytes;
    this.#rtpCipher.apply(payload, payload, signedBytes - headerBytes);
    return true;
  }

  sealRtcp(arena: Arena, offset: number, length: number, index: number): void {
    this.#rtcpIv(arena.bytes, offset, index);
    const payload = arena.base + offset + RTCP_CLEAR_BYTES;
    this.#rtcpCipher.apply(payload, payload, length - RTCP_CLEAR_BYTES);
    const end = offset + length;
    put32(arena.bytes, end, index | 0x8000_0000);
    const signedBytes = length + RTCP_INDEX_BYTES;
    const tagAt = offset + signedBytes;
    this.#rtcpMac.sign(arena.base + offset, signedBytes, arena.bytes, tagAt, TAG_BYTES);
  }

  openRtcp(arena: Arena, offset: number, length: number, index: number): boolean {
    const { bytes, base } = arena;
    const signedBytes = length - TAG_BYTES;
    const packet = base + offset;
    if (!this.#rtcpMac.verify(packet, signedBytes, packet + signedBytes, TAG_BYTES)) return false;
    this.#rtcpIv(bytes, offset, index);
    const payload = packet + RTCP_CLEAR_BYTES;
    const payloadBytes = signedBytes - RTCP_INDEX_BYTES - RTCP_CLEAR_BYTES;
    this.#rtcpCipher.apply(payload, payload, payloadBytes);
    return true;
  }

  close(): void {
    this.#rtpCipher.close();
    this.#rtcpCipher.close();
    this.#rtpMac.close();
    this.#rtcpMac.close();
    this.#rtpSalt.fill(0);
    this.#rtcpSalt.fill(0);
  }

  /** RFC 3711 s4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16; the index is counter and sequence number. */
  #rtpIv(bytes: Uint8Array, offset: number, rolloverCounter: number): void {
    const iv = this.#iv;
    this.#saltAndSsrc(this.#rtpSalt, bytes, offset + HEADER_SSRC);
    iv[8]! ^= rolloverCounter >>> 24;
    iv[9]! ^= rolloverCounter >>> 16;
    iv[10]! ^= rolloverCounter >>> 8;
    iv[11]! ^= rolloverCounter;
    iv[12]! ^= bytes[offset + 2]!;
    iv[13]! ^= bytes[offset + 3]!;
  }

  /** The same with the 31 bits of the SRTCP index (RFC 3711 s3.4). */
  #rtcpIv(bytes: Uint8Array, offset: number, index: number): void {
    const iv = this.#iv;
    this.#saltAndSsrc(this.#rtcpSalt, bytes, offset + RTCP_SSRC);
    iv[10]! ^= index >>> 24;
    iv[11]! ^= index >>> 16;
    iv[12]! ^= index >>> 8;
    iv[13]! ^= index;
  }

  #saltAndSsrc(salt: Uint8Array, bytes: Uint8Array, ssrcAt: number): void {
    const iv = this.#iv;
    for (let i = 0; i < CTR_IV_BYTES - 2; i++) iv[i] = salt[i]!;
    for (let i = 0; i < 4; i++) iv[4 + i]! ^= bytes[ssrcAt + i]!;
    iv[14] = 0;
    iv[15] = 0;
  }
}
