// Everything that is received from one remote: SRTP and SRTCP with one master key (RFC 3711 s3.3, s3.4).
// Called by: the media transport. Allocates: for the first authentic packet of an SSRC; per packet what its transform
// does.
// Nothing is remembered of a packet, nor its SSRC, before its tag is found to be right.

import type { Arena } from '../../shared/native/arena.ts';
import { rtpHeaderBytes } from '../rtp/rtp-header.ts';
import { int32, uint16 } from '../rtp/words.ts';
import { within } from './extent.ts';
import { HEADER_SSRC, RTCP_CLEAR_BYTES, RTCP_INDEX_MAX, RTCP_SSRC } from './layout.ts';
import { SRTP_CLOSED, SRTP_FORGED, SRTP_MALFORMED, SRTP_UNENCRYPTED } from './outcome.ts';
import { PacketIndexes } from './packet-indexes.ts';
import type { MasterKey, SrtpProfile } from './profile.ts';
import { RtcpIndexes } from './rtcp-indexes.ts';
import { srtpTransform, type SrtpTransform } from './transform.ts';

const RTCP_VERSION_BITS = 0x80;

export class SrtpReceiver {
  readonly profile: SrtpProfile;
  readonly #indexes: PacketIndexes;
  readonly #rtcpIndexes: RtcpIndexes;
  #transform: SrtpTransform | undefined;

  /** @param ssrcsMax SSRCs that the remote may send RTP from, and as many RTCP from; they are never forgotten */
  constructor(profile: SrtpProfile, master: MasterKey, ssrcsMax: number) {
    this.profile = profile;
    this.#indexes = new PacketIndexes(ssrcsMax);
    this.#rtcpIndexes = new RtcpIndexes(ssrcsMax);
    this.#transform = srtpTransform(profile, master, false);
  }

  /**
   * Makes an RTP packet, in place, of an SRTP packet; returns its bytes, header and payload, or one of SRTP_*.
   * What is refused is dropped: its bytes may have been written over.
   */
  unprotectRtp(arena: Arena, offset: number, length: number): number {
    if (this.#transform === undefined) return SRTP_CLOSED;
    if (!within(arena, offset, length)) return SRTP_MALFORMED;
    const { bytes } = arena;
    const plainBytes = length - this.profile.tagBytes;
    const headerBytes = rtpHeaderBytes(bytes, offset, plainBytes);
    if (headerBytes < 0) return SRTP_MALFORMED;
    const sequenceNumber = uint16(bytes, offset + 2);
    const refused = this.#indexes.estimate(int32(bytes, offset + HEADER_SSRC), sequenceNumber);
    if (refused !== 0) return refused;
    const { rolloverCounter } = this.#indexes;
    if (!this.#transform.openRtp(arena, offset, headerBytes, length, rolloverCounter)) {
      return SRTP_FORGED;
    }
    this.#indexes.accept();
    return plainBytes;
  }

  /** Makes an RTCP packet, in place, of an SRTCP packet; otherwise as `unprotectRtp`. */
  unprotectRtcp(arena: Arena, offset: number, length: number): number {
    if (this.#transform === undefined) return SRTP_CLOSED;
    const { rtcpTrailerBytes, rtcpIndexFromEnd } = this.profile;
    const plainBytes = length - rtcpTrailerBytes;
    if (plainBytes < RTCP_CLEAR_BYTES || !within(arena, offset, length)) return SRTP_MALFORMED;
    const { bytes } = arena;
    if ((bytes[offset]! & 0xc0) !== RTCP_VERSION_BITS) return SRTP_MALFORMED;
    const flagAndIndex = int32(bytes, offset + length - rtcpIndexFromEnd);
    if (flagAndIndex >= 0) return SRTP_UNENCRYPTED;
    const index = flagAndIndex & RTCP_INDEX_MAX;
    const ssrc = int32(bytes, offset + RTCP_SSRC);
    const refused = this.#rtcpIndexes.check(ssrc, index);
    if (refused !== 0) return refused;
    if (!this.#transform.openRtcp(arena, offset, length, index)) return SRTP_FORGED;
    this.#rtcpIndexes.accept(ssrc, index);
    return plainBytes;
  }

  /** Forgets the keys. Idempotent. */
  close(): void {
    this.#transform?.close();
    this.#transform = undefined;
  }
}
