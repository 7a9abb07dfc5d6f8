export interface TextLimits {
    /** In UTF-8. */
    readonly bytes: number;
    /** The same where there are `MANY_SECTIONS`: one for each seat of a large room. */
    readonly bytesOfMany: number;
    readonly lines: number;
    readonly sections: number;
}
export declare const MANY_SECTIONS = 100;
/**
 * Reading costs time for every line: nobody makes the thread that answers everyone spend milliseconds on
 * one.
 */
export declare const OFFER_LIMITS: TextLimits;
/** A trickle ICE fragment has a few candidates, and comes again and again. */
export declare const FRAGMENT_LIMITS: TextLimits;
/** A line is searched by dozens of expressions. Parameter sets of H.264 are the longest that occur. */
export declare const LINE_CHARS_MAX = 4096;
/** Nobody stores essays as candidates: one with two IPv6 addresses and all extensions has 200. */
export declare const CANDIDATE_CHARS_MAX = 512;
/** As many as the DTLS transport compares with. */
export declare const FINGERPRINTS_MAX = 16;
/** What a MID has room for in a one-byte header extension (RFC 8285 s4.2, RFC 9143 s15). */
export declare const MID_CHARS_MAX = 16;
/** The same for an RtpStreamId (RFC 8852 s3). */
export declare const RID_CHARS_MAX = 16;
/**
 * Simulcast layers of one track: each costs state and bandwidth here. Those listed after are not answered.
 */
export declare const RIDS_MAX = 3;
/**
 * SSRCs of one m= section: three layers with retransmission and FEC each. The table of streams does not
 * grow beyond.
 */
export declare const SSRCS_MAX = 9;
/** Parameters of one codec. */
export declare const PARAMETERS_MAX = 32;
