// Every bound of what is read from SDP, with the abuse it stops. Those of a text are checked before any
// expression runs on it.
export const MANY_SECTIONS = 100;
/**
 * Reading costs time for every line: nobody makes the thread that answers everyone spend milliseconds on
 * one.
 */
export const OFFER_LIMITS = {
    bytes: 65_536,
    bytesOfMany: 262_144,
    lines: 4000,
    sections: 256,
};
/** A trickle ICE fragment has a few candidates, and comes again and again. */
export const FRAGMENT_LIMITS = {
    bytes: 16_384,
    bytesOfMany: 16_384,
    lines: 256,
    sections: 64,
};
/** A line is searched by dozens of expressions. Parameter sets of H.264 are the longest that occur. */
export const LINE_CHARS_MAX = 4096;
/** Nobody stores essays as candidates: one with two IPv6 addresses and all extensions has 200. */
export const CANDIDATE_CHARS_MAX = 512;
/** As many as the DTLS transport compares with. */
export const FINGERPRINTS_MAX = 16;
/** What a MID has room for in a one-byte header extension (RFC 8285 s4.2, RFC 9143 s15). */
export const MID_CHARS_MAX = 16;
/** The same for an RtpStreamId (RFC 8852 s3). */
export const RID_CHARS_MAX = 16;
/**
 * Simulcast layers of one track: each costs state and bandwidth here. Those listed after are not answered.
 */
export const RIDS_MAX = 3;
/**
 * SSRCs of one m= section: three layers with retransmission and FEC each. The table of streams does not
 * grow beyond.
 */
export const SSRCS_MAX = 9;
/** Parameters of one codec. */
export const PARAMETERS_MAX = 32;
//# sourceMappingURL=limits.js.map