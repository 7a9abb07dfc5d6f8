// What a profile does to the bytes of one packet, keys and all: the seam between the two profiles and the rest of
// SRTP, which knows indexes and replays. Called by: SrtpSender, SrtpReceiver, who check every length before.

import type { Arena } from '../../shared/native/arena.ts';
import { CmTransform } from './cm-transform.ts';
import { GcmTransform } from './gcm-transform.ts';
import { deriveSessionKeys, wipeSessionKeys } from './key-derivation.ts';
import { AEAD_AES_128_GCM, type MasterKey, type SrtpProfile } from './profile.ts';

export interface SrtpTransform {
  /**
   * Encrypts a payload to behind the header that stands at `offset` of `to`, from wherever it lies, and appends
   * the tag. The payload may lie there already; otherwise the two must not overlap.
   */
  sealRtp(
    to: Arena,
    offset: number,
    headerBytes: number,
    from: Arena,
    payloadOffset: number,
    payloadBytes: number,
    rolloverCounter: number,
  ): void;
  /**
   * Decrypts an RTP packet of `length` bytes, tag and all, in place; false when the tag is wrong, and then its
   * bytes mean nothing.
   */
  openRtp(
    arena: Arena,
    offset: number,
    headerBytes: number,
    length: number,
    rolloverCounter: number,
  ): boolean;
  /** Encrypts an RTCP packet in place, appends tag and index. */
  sealRtcp(arena: Arena, offset: number, length: number, index: number): void;
  /** As `openRtp`; `index` is what the packet says. */
  openRtcp(arena: Arena, offset: number, length: number, index: number): boolean;
  close(): void;
}

/** Either for all that is sent with a master key or for all that is received. */
export function srtpTransform(
  profile: SrtpProfile,
  master: MasterKey,
  seals: boolean,
): SrtpTransform {
  const { rtp, rtcp } = deriveSessionKeys(profile, master);
  const transform =
    profile === AEAD_AES_128_GCM ? new GcmTransform(rtp, rtcp, seals) : new CmTransform(rtp, rtcp);
  wipeSessionKeys(rtp);
  wipeSessionKeys(rtcp);
  return transform;
}
