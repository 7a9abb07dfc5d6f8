// One m= section of an offer (RFC 8866 s5.14): what it is about, or why it is answered with port zero.
// Called by: parseOffer. Allocates: the section.
import { readExtensions } from './header-extensions.js';
import { MID_CHARS_MAX } from './limits.js';
import { readCodecs } from './payload-types.js';
import { Refusal } from './refusal.js';
import { readSimulcast } from './simulcast.js';
import { readStreams } from './sources.js';
import { integerOf, isToken, textOf } from './values.js';
/** What the sections of one BUNDLE group share, filled by one after the other. */
export class BundleMeanings {
    payloadTypes = new Map();
    extensions = new Map();
    ssrcs = new Set();
}
/** RFC 8829 s5.1.2: whatever the name says, it is DTLS-SRTP with feedback. The answer says the same. */
const PROTOCOLS = new Set([
    'UDP/TLS/RTP/SAVPF',
    'UDP/TLS/RTP/SAVP',
    'TCP/DTLS/RTP/SAVPF',
    'TCP/DTLS/RTP/SAVP',
    'RTP/SAVPF',
    'RTP/SAVP',
    'RTP/AVPF',
    'RTP/AVP',
]);
const WORD_CHARS_MAX = 32;
const PORT_MAX = 65_535;
/** RFC 8830 s2. */
const MSID_CHARS_MAX = 64;
/** @throws Refusal */
export function readSection(session, media, scopes, bundle, meanings) {
    const scope = scopes.section;
    const { line } = scope;
    const port = integerOf(media.port, 0, PORT_MAX);
    const name = textOf(media.type);
    const protocol = textOf(media.protocol);
    const payloads = textOf(media.payloads);
    const readable = isToken(name, WORD_CHARS_MAX) && isWord(protocol) && payloads !== '';
    if (port === undefined || !readable) {
        throw new Refusal('syntax', `Line ${line} is not m=<media> <port> <protocol> <formats>.`);
    }
    const { mid } = scope;
    if (mid !== undefined && !isToken(mid, MID_CHARS_MAX)) {
        const what = `no a=mid of at most ${MID_CHARS_MAX} token characters`;
        throw new Refusal('mid', `The m= section of line ${line} has ${what}.`);
    }
    const head = { line, media: name, protocol };
    const rejected = (reason) => {
        const [payload = ''] = payloads.split(' ', 1);
        return {
            accepted: false,
            ...head,
            mid,
            reason,
            payload: isToken(payload, WORD_CHARS_MAX) ? payload : '0',
        };
    };
    // RFC 9143 s6: port zero with bundle-only asks for the transport of another section.
    if (port === 0 && media.bundleOnly === undefined)
        return rejected('disabled');
    if (name === 'application')
        return rejected('data-channel');
    if (name !== 'audio' && name !== 'video')
        return rejected('media');
    if (!PROTOCOLS.has(protocol))
        return rejected('protocol');
    if (mid === undefined || !bundle.has(mid))
        return rejected('not-bundled');
    // RFC 9143 s9.3: RTP and RTCP share the port of a BUNDLE group.
    if (media.rtcpMux === undefined) {
        throw new Refusal('rtcp-mux', `The m= section of line ${line} (mid ${mid}) lacks a=rtcp-mux.`);
    }
    const codecs = readCodecs(media, name, line, meanings.payloadTypes);
    if (codecs.length === 0)
        return rejected('no-codec');
    const mixed = media.extmapAllowMixed !== undefined || session.extmapAllowMixed !== undefined;
    const direction = scope.direction ?? scopes.session.direction ?? 'sendrecv';
    const sends = direction === 'sendrecv' || direction === 'sendonly';
    return {
        accepted: true,
        ...head,
        mid,
        kind: name,
        direction,
        msid: readMsid(scope),
        rtcpRsize: media.rtcpRsize !== undefined,
        extmapAllowMixed: media.extmapAllowMixed !== undefined,
        codecs,
        // RFC 8285 s7: they stand at one level or the other.
        extensions: readExtensions(media.ext ?? session.ext, name, mixed, meanings.extensions),
        simulcast: sends ? readSimulcast(media, scope) : [],
        // What a peer lists that sends nothing is the source of its receiver reports.
        streams: sends ? readStreams(media, meanings.ssrcs) : [],
    };
}
/** A protocol: tokens with "/" between them. */
function isWord(protocol) {
    return protocol.split('/').every((part) => isToken(part, WORD_CHARS_MAX));
}
/** RFC 8830 s2: of several streams with one track the first. */
function readMsid({ msids }) {
    const [stream = '', track = ''] = (msids[0] ?? '').split(' ');
    const fits = isToken(stream, MSID_CHARS_MAX) && (track === '' || isToken(track, MSID_CHARS_MAX));
    return fits ? { stream, track } : undefined;
}
//# sourceMappingURL=section.js.map