/**
 * - `too-large`: more bytes, lines, m= sections or characters in a line than are read
 * - `syntax`: not SDP, or a known line that cannot be read
 * - `bundle`: no BUNDLE group
 * - `mid`: a media identification that is missing, malformed or there twice
 * - `ice`: no usable ICE credentials, or the peer is lite as well
 * - `dtls`: no usable fingerprint or setup role, or a fingerprint that changes without an ICE restart
 * - `rtcp-mux`: RTP and RTCP are to have ports of their own
 * - `payload-type`: no payload type, listed twice, or one that changes its meaning
 * - `header-extension`: an identifier that changes its meaning
 * - `no-media`: nothing in the offer could be accepted
 * - `section-order`: a new offer lacks, moves or changes m= sections of the one before
 */
export type RefusalCode = 'too-large' | 'syntax' | 'bundle' | 'mid' | 'ice' | 'dtls' | 'rtcp-mux' | 'payload-type' | 'header-extension' | 'no-media' | 'section-order';
export declare class Refusal extends Error {
    readonly code: RefusalCode;
    constructor(code: RefusalCode, message: string);
}
/** What `read` returns, or the refusal it throws. Anything else that it throws is a bug and goes on. */
export declare function orRefusal<T>(read: () => T): T | Refusal;
