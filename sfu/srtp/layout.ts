// Where SRTP and SRTCP packets have what their ciphers need (RFC 3711 s3.1, s3.4).

/** The SSRC of an RTP header. */
export const HEADER_SSRC = 8;
/** The header of an RTCP packet and the SSRC of its sender stay in the clear. */
export const RTCP_CLEAR_BYTES = 8;
export const RTCP_SSRC = 4;
/** The E flag and the 31 bits of the SRTCP index. */
export const RTCP_INDEX_BYTES = 4;
/** RFC 3711 s9.2: so many SRTCP packets at most with one key. */
export const RTCP_INDEX_MAX = 0x7fff_ffff;
