// Everything that is sent to one remote: SRTP and SRTCP with one master key (RFC 3711 s3.3, s3.4).
// Called by: the media transport. Allocates: for the first packet of an SSRC; per packet what its transform does.
// No index is used twice, whatever the caller asks for: with GCM a second packet of one index gives the key for
// forging away (RFC 7714 s8.4), so a retransmission is an RTX packet of its own, or the same bytes once more.

import type { Arena } from '../../shared/native/arena.ts';
import { FIXED_HEADER_BYTES } from '../rtp/rtp-header.ts';
import { int32, uint16 } from '../rtp/words.ts';
import { within } from './extent.ts';
import { HEADER_SSRC, RTCP_CLEAR_BYTES, RTCP_INDEX_MAX } from './layout.ts';
import { SRTP_CLOSED, SRTP_EXHAUSTED, SRTP_MALFORMED } from './outcome.ts';
import { PacketIndexes } from './packet-indexes.ts';
import type { MasterKey, SrtpProfile } from './profile.ts';
import { srtpTransform, type SrtpTransform } from './transform.ts';

export class SrtpSender {
  readonly profile: SrtpProfile;
  readonly #indexes: PacketIndexes;
  #transform: SrtpTransform | undefined;
  #rtcpIndex: number;

  /**
   * @param ssrcsMax SSRCs that may be sent with this key; they are never forgotten
   * @param rtcpIndex of the first SRTCP packet: 0 (RFC 3711 s3.2.1)
   */
  constructor(profile: SrtpProfile, master: MasterKey, ssrcsMax: number, rtcpIndex = 0) {
    this.profile = profile;
    this.#indexes = new PacketIndexes(ssrcsMax);
    this.#transform = srtpTransform(profile, master, true);
    this.#rtcpIndex = rtcpIndex;
  }

  /**
   * Makes an SRTP packet at `offset` of `to`, where its header of `headerBytes` stands already. The payload is
   * taken from wherever it lies, without a copy: from another packet, to be sent to many; or from behind the
   * header itself. If it lies elsewhere, the two must not overlap. Returns the bytes of the packet, or one of SRTP_*.
   */
  protectRtp(
    to: Arena,
    offset: number,
    headerBytes: number,
    from: Arena,
    payloadOffset: number,
    payloadBytes: number,
  ): number {
    if (this.#transform === undefined) return SRTP_CLOSED;
    const length = headerBytes + payloadBytes + this.profile.tagBytes;
    if (
      headerBytes < FIXED_HEADER_BYTES ||
      !within(from, payloadOffset, payloadBytes) ||
      !within(to, offset, length)
    ) {
      return SRTP_MALFORMED;
    }
    const { bytes } = to;
    const sequenceNumber = uint16(bytes, offset + 2);
    const refused = this.#indexes.estimate(int32(bytes, offset + HEADER_SSRC), sequenceNumber);
    if (refused !== 0) return refused;
    this.#indexes.accept();
    this.#transform.sealRtp(
      to,
      offset,
      headerBytes,
      from,
      payloadOffset,
      payloadBytes,
      this.#indexes.rolloverCounter,
    );
    return length;
  }

  /** Makes an SRTCP packet, in place, of an RTCP packet; returns its bytes, or one of SRTP_*. */
  protectRtcp(arena: Arena, offset: number, length: number): number {
    if (this.#transform === undefined) return SRTP_CLOSED;
    const total = length + this.profile.rtcpTrailerBytes;
    if (length < RTCP_CLEAR_BYTES || !within(arena, offset, total)) return SRTP_MALFORMED;
    if (this.#rtcpIndex > RTCP_INDEX_MAX) return SRTP_EXHAUSTED;
    this.#transform.sealRtcp(arena, offset, length, this.#rtcpIndex++);
    return total;
  }

  /** Forgets the keys. Idempotent. */
  close(): void {
    this.#transform?.close();
    this.#transform = undefined;
  }
}
