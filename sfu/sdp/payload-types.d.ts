import type { MediaDescription } from 'sdp-transform';
import type { CodecName, MediaKind } from './codecs.ts';
/** What the peer asks for and this server does (RFC 4585 s6, RFC 5104 s4.3.1); the last two are Google's. */
declare const FEEDBACK: readonly ['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb'];
export type Feedback = (typeof FEEDBACK)[number];
export interface OfferedCodec {
    readonly name: CodecName;
    /** The same for all payloads that a receiver of one of them can decode. */
    readonly format: string;
    readonly payloadType: number;
    readonly rtxPayloadType: number | undefined;
    readonly clockRate: number;
    readonly channels: number;
    /** The `fmtp` parameters of the answer; '' for none. */
    readonly parameters: string;
    readonly feedback: readonly Feedback[];
}
/**
 * @param meanings what payload types mean in the m= sections before this one, and in this one afterwards.
 *   All share one RTP session (RFC 9143 s9.1.1): a payload type that means something else here is not
 *   answered here.
 * @throws Refusal
 */
export declare function readCodecs(media: MediaDescription, kind: MediaKind, line: number, meanings: Map<number, string>): OfferedCodec[];
/** The payload type inside: `111` of `111/111`. Undefined when there are several, or none. */
export declare function redundantPayloadType(parameters: string): number | undefined;
export {};
