import { type IceCredentials } from '../ice/credentials.ts';
import type { Scope } from './lines.ts';
/**
 * `holdconn` is for another time (RFC 4145 s4), and an offer that says it cannot be answered with a
 * connection.
 */
export type OfferedSetup = 'actpass' | 'active' | 'passive';
export type DtlsSetup = 'active' | 'passive';
export interface OfferedTransport {
    readonly ice: IceCredentials;
    /**
     * Each as `a=fingerprint` has it: `sha-256 AB:CD:...`, the hash in small letters and the digest in
     * capitals.
     */
    readonly fingerprints: readonly string[];
    readonly setup: OfferedSetup;
}
/** @throws Refusal */
export declare function readTransport(session: Scope, section: Scope): OfferedTransport;
/** Undefined when there are none, or not in the form of RFC 8839 s5.4. */
export declare function readIceCredentials(session: Scope, section: Scope): IceCredentials | undefined;
/** RFC 4145 s4.1: what an answer may say to that. `preferred` where the offer leaves the choice. */
export declare function answeredSetup(offered: OfferedSetup, preferred?: DtlsSetup): DtlsSetup;
