import type { MediaDescription } from 'sdp-transform';
export interface OfferedStream {
    readonly ssrc: number;
    /** RFC 4588 s8.8, RFC 5576 s4.2: of its retransmissions. */
    readonly rtxSsrc: number | undefined;
}
/**
 * The streams in the order of a SIM group if there is one, else as listed; retransmissions and FEC are none
 * of their own.
 *
 * @param taken the SSRCs of the m= sections before this one, and of this one afterwards. All share one
 *   space (RFC 9143 s9.1): one that stands in two belongs to the first.
 */
export declare function readStreams(media: MediaDescription, taken: Set<number>): OfferedStream[];
