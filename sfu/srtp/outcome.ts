// What protecting or unprotecting a packet came to: the bytes it has then, or one of these, all below zero.
// Called by: SrtpSender, SrtpReceiver and their owners, who count by reason.

/** Not a packet of this kind: too short, another version, lengths that lie, an extent outside the arena. */
export const SRTP_MALFORMED = -1;
/** One SSRC more than the context may hold. */
export const SRTP_TOO_MANY_SSRCS = -2;
/** This index has been there, or it is older than the window can tell (RFC 3711 s3.3.2). */
export const SRTP_REPLAYED = -3;
/** The authentication tag is wrong (RFC 3711 s3.3 step 5). */
export const SRTP_FORGED = -4;
/** The key has protected all the packets it may (RFC 3711 s9.2). */
export const SRTP_EXHAUSTED = -5;
/** SRTCP with its E flag clear: both profiles encrypt SRTCP (RFC 5764 s4.1.2, RFC 7714 s12). */
export const SRTP_UNENCRYPTED = -6;
/** The context is closed. */
export const SRTP_CLOSED = -7;
