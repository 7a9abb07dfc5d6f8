// The RTP header extensions that are read or written here (RFC 8285), and what an offered m= section says
// of them. Called by: the reader of m= sections, makeAnswer. Allocates: the extensions.
import { integerOf } from './values.js';
const EXTENSIONS = [
    // RFC 9143 s15.
    { name: 'mid', uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' },
    // RFC 8852 s4.
    { name: 'rid', uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', kind: 'video' },
    {
        name: 'repaired-rid',
        uri: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
        kind: 'video',
    },
    // RFC 6464 s4.
    { name: 'audio-level', uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', kind: 'audio' },
    {
        name: 'transport-cc',
        uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    },
    { name: 'abs-send-time', uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time' },
    {
        name: 'abs-capture-time',
        uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
    },
    // 3GPP TS 26.114 s7.4.5.
    { name: 'video-orientation', uri: 'urn:3gpp:video-orientation', kind: 'video' },
    {
        name: 'playout-delay',
        uri: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
        kind: 'video',
    },
    // AV1 RTP payload format, appendix A.
    {
        name: 'dependency-descriptor',
        uri: 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
        kind: 'video',
    },
];
const BY_URI = new Map(EXTENSIONS.map((row) => [row.uri, row]));
const BY_NAME = new Map(EXTENSIONS.map((row) => [row.name, row]));
const DIRECTIONS = new Set([
    'sendrecv',
    'sendonly',
    'recvonly',
    'inactive',
]);
/** RFC 8285 s4.2: one byte has room for 14 identifiers; s4.3: two bytes for 255. */
const ONE_BYTE_ID_MAX = 14;
const TWO_BYTE_ID_MAX = 255;
export function extensionUri(name) {
    return BY_NAME.get(name).uri;
}
/**
 * What of it could be answered: known, with an identifier of one byte or, where the peer allows to mix
 * them, of two.
 *
 * @param meanings what identifiers mean in the m= sections before this one, and in this one afterwards. An
 *   identifier has one meaning in all of them (RFC 9143 s12); where a later one gives it another, as aiortc
 *   does, that extension is not answered there.
 */
export function readExtensions(listed, kind, mixed, meanings) {
    const found = new Map();
    for (const { value, uri, direction = 'sendrecv', 'encrypt-uri': encrypted } of listed ?? []) {
        const id = integerOf(value, 1, mixed ? TWO_BYTE_ID_MAX : ONE_BYTE_ID_MAX);
        const row = BY_URI.get(uri);
        // Encrypted ones (RFC 6904) cannot be read here before they are decrypted, which no browser asks for.
        if (id === undefined || row === undefined || encrypted !== undefined)
            continue;
        const { name } = row;
        if (!isDirection(direction) || (row.kind ?? kind) !== kind || found.has(name))
            continue;
        if ((meanings.get(id) ?? name) !== name)
            continue;
        meanings.set(id, name);
        found.set(name, { id, name, direction });
    }
    return [...found.values()];
}
function isDirection(text) {
    return DIRECTIONS.has(text);
}
//# sourceMappingURL=header-extensions.js.map