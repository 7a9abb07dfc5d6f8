export type MediaKind = 'audio' | 'video';
export type CodecName = 'opus' | 'red' | 'VP8' | 'VP9' | 'H264' | 'AV1' | 'H265';
/** Of a format, by name in small letters (RFC 8866 s6.15). */
export type Parameters = ReadonlyMap<string, string>;
export interface CodecRule {
    readonly name: CodecName;
    readonly kind: MediaKind;
    readonly clockRate: number;
    readonly channels: number;
    /**
     * The same for all payloads that a receiver of one of them can decode; undefined for what is not
     * forwarded.
     */
    readonly format: (parameters: Parameters) => string | undefined;
    /** Most wanted first, where there are several. */
    readonly formats?: readonly string[];
    /** Parameters that the answer repeats where their value has this form. */
    readonly kept: readonly (readonly [name: string, form: RegExp])[];
}
/**
 * Most wanted first, unless the owner of a track says otherwise: what every browser must decode (RFC 7742
 * s5), then what costs less for the same picture and more of the sender's processor.
 */
export declare const CODECS: readonly CodecRule[];
/** The parameters of an answer, those of the offer that are kept; '' for none. */
export declare function keptParameters({ kept }: CodecRule, offered: Parameters): string;
