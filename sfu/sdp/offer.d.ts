import { Refusal } from './refusal.ts';
import type { OfferedSection, RejectedSection } from './section.ts';
import type { OfferedTransport } from './transport.ts';
export interface Offer {
    /** Of the tagged section. */
    readonly transport: OfferedTransport;
    readonly iceOptions: readonly string[];
    /** At session level; a section may say so too. */
    readonly extmapAllowMixed: boolean;
    /** The m= sections in their order. */
    readonly sections: readonly (OfferedSection | RejectedSection)[];
    /**
     * The `mid` of each accepted section, that of the tagged one first: whose transport all use (RFC 9143
     * s7.3.1). It stays accepted.
     */
    readonly bundle: readonly string[];
}
/** Reads an offer. Bounded by `limits.ts`, whatever the text. */
export declare function parseOffer(text: string): Offer | Refusal;
