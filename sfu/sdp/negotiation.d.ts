import type { CodecName } from './codecs.ts';
import type { ExtensionName } from './header-extensions.ts';
import type { Direction } from './lines.ts';
import type { Offer } from './offer.ts';
import type { OfferedCodec } from './payload-types.ts';
import type { Msid, RejectedSection } from './section.ts';
import type { OfferedRid } from './simulcast.ts';
import type { OfferedStream } from './sources.ts';
/** What this server sends in a section: one stream, whatever it is pointed at. */
export interface OutgoingStream {
    readonly ssrc: number;
    /** Used where the peer offers retransmissions. */
    readonly rtxSsrc: number;
    /** RFC 8834 s4.9: the same for all streams that are to be played together. */
    readonly cname: string;
    readonly msid: Msid;
}
export interface Decision {
    /** Take what the peer sends. */
    readonly receive?: boolean;
    readonly send?: OutgoingStream;
    /** The codecs allowed, most wanted first; all of them in the order of `CODECS` unless given. */
    readonly codecs?: readonly CodecName[];
    /** What the peer's Opus encoder is to do, whatever the offer says. */
    readonly opus?: {
        readonly stereo?: boolean;
        readonly dtx?: boolean;
    };
}
/**
 * By `mid`. `reject` is port zero and ends the section; a section without a decision is inactive and can be
 * used later.
 */
export type Decisions = ReadonlyMap<string, Decision | 'reject'>;
export interface AgreedExtension {
    readonly id: number;
    readonly name: ExtensionName;
    /** Seen from here; undefined for that of the section. */
    readonly direction: 'sendonly' | 'recvonly' | undefined;
}
export interface AgreedSection {
    readonly accepted: true;
    readonly mid: string;
    readonly kind: 'audio' | 'video';
    readonly protocol: string;
    /** Seen from here. */
    readonly direction: Direction;
    readonly rtcpRsize: boolean;
    readonly extmapAllowMixed: boolean;
    readonly codecs: readonly OfferedCodec[];
    readonly extensions: readonly AgreedExtension[];
    /** The encodings that the peer may send; empty where it sends one, or none. */
    readonly simulcast: readonly OfferedRid[];
    /** What the peer will send, by SSRC, where it says so. */
    readonly streams: readonly OfferedStream[];
    readonly outgoing: OutgoingStream | undefined;
}
export interface Negotiation {
    /** Options of ICE that the peer has too. */
    readonly trickle: boolean;
    readonly extmapAllowMixed: boolean;
    readonly sections: readonly (AgreedSection | RejectedSection)[];
    /** The `mid` of each accepted section, the tagged one first. */
    readonly bundle: readonly string[];
}
export declare function negotiate(offer: Offer, decisions: Decisions): Negotiation;
