import type { SharedAttributes } from 'sdp-transform';
import type { MediaKind } from './codecs.ts';
import type { Direction } from './lines.ts';
export type ExtensionName = 'mid' | 'rid' | 'repaired-rid' | 'audio-level' | 'transport-cc' | 'abs-send-time' | 'abs-capture-time' | 'video-orientation' | 'playout-delay' | 'dependency-descriptor';
export interface OfferedExtension {
    readonly id: number;
    readonly name: ExtensionName;
    /** As the offer says, seen from the peer. */
    readonly direction: Direction;
}
export declare function extensionUri(name: ExtensionName): string;
/**
 * What of it could be answered: known, with an identifier of one byte or, where the peer allows to mix
 * them, of two.
 *
 * @param meanings what identifiers mean in the m= sections before this one, and in this one afterwards. An
 *   identifier has one meaning in all of them (RFC 9143 s12); where a later one gives it another, as aiortc
 *   does, that extension is not answered there.
 */
export declare function readExtensions(listed: SharedAttributes['ext'], kind: MediaKind, mixed: boolean, meanings: Map<number, ExtensionName>): OfferedExtension[];
