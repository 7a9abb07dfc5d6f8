export interface IceCredentials {
    readonly ufrag: string;
    readonly password: string;
}
/**
 * Characters of a username fragment of ours: of a fixed number, so that one is found in a check without
 * searching.
 */
export declare const LOCAL_UFRAG_CHARS = 8;
/** RFC 8839 s5.4. */
export declare const UFRAG_CHARS_MIN = 4;
export declare const UFRAG_CHARS_MAX = 256;
/** New credentials of this agent. */
export declare function newIceCredentials(): IceCredentials;
/** A peer's `ice-ufrag` and `ice-pwd` as credentials; undefined when they are none (RFC 8839 s5.4). */
export declare function parseIceCredentials(ufrag: string, password: string): IceCredentials | undefined;
