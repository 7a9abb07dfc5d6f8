import type { TextLimits } from './limits.ts';
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
/** The session level, or one m= section, of a text. */
export declare class Scope {
    /** Number of its first line, from 1. */
    readonly line: number;
    mid: string | undefined;
    iceUfrag: string | undefined;
    icePwd: string | undefined;
    setup: string | undefined;
    direction: Direction | undefined;
    readonly fingerprints: string[];
    readonly iceOptions: string[];
    readonly msids: string[];
    readonly candidates: string[];
    endOfCandidates: boolean;
    /** How many `simulcast` lines there are. */
    simulcasts: number;
    constructor(line: number);
}
export interface SdpLines {
    readonly session: Scope;
    readonly sections: readonly Scope[];
}
/** @throws Refusal */
export declare function readLines(text: string, limits: TextLimits): SdpLines;
