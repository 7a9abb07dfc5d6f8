// AEAD_AES_128_GCM (RFC 7714): the initialization vector, the associated data and the tag of RTP and RTCP packets.
// Called by: SrtpSender, SrtpReceiver. Allocates: nothing per packet where arenas lie low; elsewhere the addresses that
// OpenSSL is called with, numbers of 16 bytes.

import type { Arena } from '../../shared/native/arena.ts';
import { AesGcm, GCM_IV_BYTES, GCM_TAG_BYTES, packetIv } from '../../shared/native/evp.ts';
import { put32 } from '../rtp/words.ts';
import { HEADER_SSRC, RTCP_CLEAR_BYTES, RTCP_INDEX_BYTES, RTCP_SSRC } from './layout.ts';
import type { SessionKeys } from './key-derivation.ts';
import { srtpScratch } from './scratch.ts';
import type { SrtpTransform } from './transform.ts';

/** The associated data of SRTCP: its header, the E flag and the index (RFC 7714 s9.2). */
const RTCP_AAD_BYTES = RTCP_CLEAR_BYTES + RTCP_INDEX_BYTES;

export class GcmTransform implements SrtpTransform {
  readonly #rtp: AesGcm;
  readonly #rtcp: AesGcm;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;
  readonly #iv = packetIv();
  readonly #aad = srtpScratch();

  /** `seals`: for packets that go out; otherwise for those that come in. */
  constructor(rtp: SessionKeys, rtcp: SessionKeys, seals: boolean) {
    this.#rtp = new AesGcm(rtp.encryption, seals);
    this.#rtcp = new AesGcm(rtcp.encryption, seals);
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
    const header = to.base + offset;
    const out = header + headerBytes;
    const tagAt = offset + headerBytes + payloadBytes;
    const payload = from.base + payloadOffset;
    this.#rtp.seal(header, headerBytes, payload, out, payloadBytes, to, tagAt);
  }

  openRtp(
    arena: Arena,
    offset: number,
    headerBytes: number,
    length: number,
    rolloverCounter: number,
  ): boolean {
    this.#rtpIv(arena.bytes, offset, rolloverCounter);
    const header = arena.base + offset;
    const payload = header + headerBytes;
    const tagAt = offset + length - GCM_TAG_BYTES;
    const bytes = length - GCM_TAG_BYTES - headerBytes;
    return this.#rtp.open(header, headerBytes, payload, payload, bytes, arena, tagAt);
  }

  sealRtcp(arena: Arena, offset: number, length: number, index: number): void {
    this.#prepareRtcp(arena.bytes, offset, index);
    const payload = arena.base + offset + RTCP_CLEAR_BYTES;
    const bytes = length - RTCP_CLEAR_BYTES;
    const aad = this.#aad;
    this.#rtcp.seal(aad.base, RTCP_AAD_BYTES, payload, payload, bytes, arena, offset + length);
    const trailer = offset + length + GCM_TAG_BYTES;
    for (let i = 0; i < RTCP_INDEX_BYTES; i++) {
      arena.bytes[trailer + i] = aad.bytes[RTCP_CLEAR_BYTES + i]!;
    }
  }

  openRtcp(arena: Arena, offset: number, length: number, index: number): boolean {
    this.#prepareRtcp(arena.bytes, offset, index);
    const payload = arena.base + offset + RTCP_CLEAR_BYTES;
    const tagAt = offset + length - RTCP_INDEX_BYTES - GCM_TAG_BYTES;
    const bytes = tagAt - offset - RTCP_CLEAR_BYTES;
    const aad = this.#aad.base;
    return this.#rtcp.open(aad, RTCP_AAD_BYTES, payload, payload, bytes, arena, tagAt);
  }

  close(): void {
    this.#rtp.close();
    this.#rtcp.close();
    this.#rtpSalt.fill(0);
    this.#rtcpSalt.fill(0);
  }

  /** RFC 7714 s8.1: 00 00, SSRC, rollover counter, sequence number; each byte XOR that of the salt. */
  #rtpIv(bytes: Uint8Array, offset: number, rolloverCounter: number): void {
    const iv = this.#iv;
    const salt = this.#rtpSalt;
    iv[0] = salt[0]!;
    iv[1] = salt[1]!;
    for (let i = 0; i < 4; i++) iv[2 + i] = salt[2 + i]! ^ bytes[offset + HEADER_SSRC + i]!;
    iv[6] = salt[6]! ^ (rolloverCounter >>> 24);
    iv[7] = salt[7]! ^ (rolloverCounter >>> 16);
    iv[8] = salt[8]! ^ (rolloverCounter >>> 8);
    iv[9] = salt[9]! ^ rolloverCounter;
    iv[10] = salt[10]! ^ bytes[offset + 2]!;
    iv[11] = salt[11]! ^ bytes[offset + 3]!;
  }

  /** RFC 7714 s9.1: 00 00, SSRC, 00 00, the index with its E flag clear, XOR the salt; s9.2: the associated data. */
  #prepareRtcp(bytes: Uint8Array, offset: number, index: number): void {
    const aad = this.#aad.bytes;
    for (let i = 0; i < RTCP_CLEAR_BYTES; i++) aad[i] = bytes[offset + i]!;
    put32(aad, RTCP_CLEAR_BYTES, index | 0x8000_0000);
    const iv = this.#iv;
    const salt = this.#rtcpSalt;
    for (let i = 0; i < GCM_IV_BYTES; i++) iv[i] = salt[i]!;
    for (let i = 0; i < 4; i++) iv[2 + i]! ^= aad[RTCP_SSRC + i]!;
    iv[8]! ^= index >>> 24;
    iv[9]! ^= index >>> 16;
    iv[10]! ^= index >>> 8;
    iv[11]! ^= index;
  }
}
