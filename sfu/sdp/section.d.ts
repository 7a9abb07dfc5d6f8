import type { MediaDescription, SessionDescription } from 'sdp-transform';
import type { MediaKind } from './codecs.ts';
import type { ExtensionName, OfferedExtension } from './header-extensions.ts';
import type { Direction, Scope } from './lines.ts';
import type { OfferedCodec } from './payload-types.ts';
import type { OfferedRid } from './simulcast.ts';
import type { OfferedStream } from './sources.ts';
/**
 * - `disabled`: the peer gave it port zero, and not for the sake of BUNDLE
 * - `not-bundled`: not in the BUNDLE group
 * - `data-channel`, `media`, `protocol`: SCTP; neither audio nor video; not an RTP profile
 * - `no-codec`: none that is forwarded here
 * - `decided`: this server does not want it
 */
export type RejectionReason = 'disabled' | 'not-bundled' | 'data-channel' | 'media' | 'protocol' | 'no-codec' | 'decided';
interface SectionHead {
    /** Number of the m= line in the text, from 1. */
    readonly line: number;
    /** What the m= line begins with. */
    readonly media: string;
    readonly protocol: string;
    /** Undefined only in what is rejected. */
    readonly mid: string | undefined;
}
export interface RejectedSection extends SectionHead {
    readonly accepted: false;
    readonly reason: RejectionReason;
    /** One of its formats: the answer must list one (RFC 3264 s6). */
    readonly payload: string;
}
/** RFC 8830 s2; `-` for no stream. */
export interface Msid {
    readonly stream: string;
    readonly track: string;
}
export interface OfferedSection extends SectionHead {
    readonly accepted: true;
    readonly mid: string;
    readonly kind: MediaKind;
    /** Seen from the peer. */
    readonly direction: Direction;
    readonly msid: Msid | undefined;
    readonly rtcpRsize: boolean;
    readonly extmapAllowMixed: boolean;
    /** At least one; as offered, and only what is forwarded here. */
    readonly codecs: readonly OfferedCodec[];
    readonly extensions: readonly OfferedExtension[];
    /** What the peer wants to send in several encodings; empty for none. */
    readonly simulcast: readonly OfferedRid[];
    /** What the peer will send, by SSRC; empty when it does not say. */
    readonly streams: readonly OfferedStream[];
}
/** What the sections of one BUNDLE group share, filled by one after the other. */
export declare class BundleMeanings {
    readonly payloadTypes: Map<number, string>;
    readonly extensions: Map<number, ExtensionName>;
    readonly ssrcs: Set<number>;
}
/** @throws Refusal */
export declare function readSection(session: SessionDescription, media: MediaDescription, scopes: {
    readonly session: Scope;
    readonly section: Scope;
}, bundle: ReadonlySet<string>, meanings: BundleMeanings): OfferedSection | RejectedSection;
export {};
