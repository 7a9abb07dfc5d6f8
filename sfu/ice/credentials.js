// ICE credentials (RFC 8445 s5.3, RFC 8839 s5.4): username fragment and password, made here or read from SDP.
// Called by: who writes the answer, IceLite. Allocates: the texts.
import { randomBytes } from 'node:crypto';
/**
 * Random bytes in each: at least 24 and 128 bits (RFC 8445 s5.3). Multiples of 3, so that base64 needs no
 * padding.
 */
const UFRAG_RANDOM_BYTES = 6;
const PASSWORD_RANDOM_BYTES = 18;
/**
 * Characters of a username fragment of ours: of a fixed number, so that one is found in a check without
 * searching.
 */
export const LOCAL_UFRAG_CHARS = 8;
/** RFC 8839 s5.4. */
export const UFRAG_CHARS_MIN = 4;
export const UFRAG_CHARS_MAX = 256;
/** RFC 8839 s5.4: 4*256ice-char and 22*256ice-char, an ice-char being a character of base64. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;
/** New credentials of this agent. */
export function newIceCredentials() {
    return {
        ufrag: randomBytes(UFRAG_RANDOM_BYTES).toString('base64'),
        password: randomBytes(PASSWORD_RANDOM_BYTES).toString('base64'),
    };
}
/** A peer's `ice-ufrag` and `ice-pwd` as credentials; undefined when they are none (RFC 8839 s5.4). */
export function parseIceCredentials(ufrag, password) {
    return UFRAG.test(ufrag) && PASSWORD.test(password) ? { ufrag, password } : undefined;
}
//# sourceMappingURL=credentials.js.map