import type { MediaDescription } from 'sdp-transform';
import type { Scope } from './lines.ts';
export interface OfferedRid {
    readonly id: string;
    /** RFC 8851 s5: payload types that the stream keeps to; undefined for all of the section. */
    readonly payloadTypes: readonly number[] | undefined;
    /** The other restrictions, as offered: `max-width=1280`. */
    readonly restrictions: readonly string[];
}
/**
 * The streams that the peer wants to send, at most three, in its order; empty when it does not offer
 * simulcast, or not in a form that can be answered. Of alternatives the first one is taken; a stream that
 * starts paused ("~") is taken as any other, for there is no RTCP to resume it with (RFC 8853 s5.3.2).
 */
export declare function readSimulcast(media: MediaDescription, scope: Scope): OfferedRid[];
