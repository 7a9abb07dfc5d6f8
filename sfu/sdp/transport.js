// The transport of a BUNDLE group as an offer describes it: ICE credentials (RFC 8839 s5.4), certificate
// fingerprints (RFC 8122 s5) and the DTLS role (RFC 4145 s4, RFC 8842 s5), each of the m= section or else
// of the session. Called by: parseOffer, parseFragment. Allocates: the description.
import { parseIceCredentials } from '../ice/credentials.js';
import { FINGERPRINTS_MAX } from './limits.js';
import { Refusal } from './refusal.js';
/** RFC 8122 s5: of the hash functions that are still strong, the length of a digest in bytes. */
const DIGEST_BYTES = new Map([
    ['sha-256', 32],
    ['sha-384', 48],
    ['sha-512', 64],
]);
/** @throws Refusal */
export function readTransport(session, section) {
    const where = `The m= section of line ${section.line}`;
    const ice = readIceCredentials(session, section);
    if (ice === undefined) {
        throw new Refusal('ice', `${where} has no usable a=ice-ufrag and a=ice-pwd.`);
    }
    const texts = section.fingerprints.length > 0 ? section.fingerprints : session.fingerprints;
    if (texts.length > FINGERPRINTS_MAX) {
        throw new Refusal('dtls', `${where} has more than ${FINGERPRINTS_MAX} fingerprints.`);
    }
    const fingerprints = texts.flatMap((text) => readFingerprint(text) ?? []);
    if (fingerprints.length === 0) {
        throw new Refusal('dtls', `${where} has no a=fingerprint of SHA-256, SHA-384 or SHA-512.`);
    }
    const setup = section.setup ?? session.setup;
    if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') {
        throw new Refusal('dtls', `${where} has no a=setup of actpass, active or passive.`);
    }
    return { ice, fingerprints, setup };
}
/** Undefined when there are none, or not in the form of RFC 8839 s5.4. */
export function readIceCredentials(session, section) {
    const ufrag = section.iceUfrag ?? session.iceUfrag;
    const password = section.icePwd ?? session.icePwd;
    if (ufrag === undefined || password === undefined)
        return undefined;
    return parseIceCredentials(ufrag, password);
}
/** RFC 4145 s4.1: what an answer may say to that. `preferred` where the offer leaves the choice. */
export function answeredSetup(offered, preferred = 'passive') {
    if (offered === 'actpass')
        return preferred;
    return offered === 'active' ? 'passive' : 'active';
}
/** Undefined for another syntax, another length, or a hash function not used here. */
function readFingerprint(text) {
    const space = text.indexOf(' ');
    const hash = text.slice(0, Math.max(space, 0)).toLowerCase();
    const bytes = DIGEST_BYTES.get(hash);
    const digest = text.slice(space + 1);
    if (bytes === undefined || digest.length !== 3 * bytes - 1)
        return undefined;
    if (!/^[\dA-Fa-f]{2}(?::[\dA-Fa-f]{2})*$/.test(digest))
        return undefined;
    return `${hash} ${digest.toUpperCase()}`;
}
//# sourceMappingURL=transport.js.map