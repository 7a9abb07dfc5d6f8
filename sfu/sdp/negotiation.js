// What an offer and this server's decisions about it come to: the answer says it to the peer, a media
// worker acts on it. Plain values, so that they can be sent to another thread. Called by: the thread that
// answers. Allocates: the agreement.
import { CODECS } from './codecs.js';
import { redundantPayloadType } from './payload-types.js';
export function negotiate(offer, decisions) {
    const [tagged] = offer.bundle;
    const sections = offer.sections.map((section) => {
        if (!section.accepted)
            return section;
        const decision = decisions.get(section.mid) ?? {};
        if (decision !== 'reject')
            return agree(section, decision);
        // RFC 9143 s7.3.3: the section whose transport is in use cannot be rejected.
        return section.mid === tagged ? agree(section, {}) : rejected(section);
    });
    const accepted = new Set(sections.flatMap((one) => (one.accepted ? [one.mid] : [])));
    return {
        trickle: offer.iceOptions.includes('trickle'),
        extmapAllowMixed: offer.extmapAllowMixed,
        sections,
        bundle: offer.bundle.filter((mid) => accepted.has(mid)),
    };
}
function rejected({ line, media, protocol, mid, codecs }) {
    const payload = String(codecs[0].payloadType);
    return { accepted: false, line, media, protocol, mid, reason: 'decided', payload };
}
function agree(section, decision) {
    const { mid, kind, protocol, rtcpRsize, extmapAllowMixed } = section;
    const chosen = choose(section.codecs, decision);
    // Port zero would end the section because of a wish that may change.
    const wished = chosen.length > 0 ? decision : {};
    const receives = wished.receive === true && sends(section.direction);
    const outgoing = sends(reversed(section.direction)) ? wished.send : undefined;
    const direction = directionOf(receives, outgoing !== undefined);
    const extensions = section.extensions.flatMap((one) => agreeExtension(one, direction));
    const transportCc = extensions.some(({ name }) => name === 'transport-cc');
    const codecs = (chosen.length > 0 ? chosen : section.codecs).map((codec) => agreeCodec(codec, decision, transportCc));
    return {
        accepted: true,
        mid,
        kind,
        protocol,
        direction,
        rtcpRsize,
        extmapAllowMixed,
        codecs,
        extensions,
        simulcast: receives ? agreeSimulcast(section.simulcast, codecs) : [],
        streams: receives ? section.streams : [],
        outgoing,
    };
}
const ALL_CODECS = CODECS.map(({ name }) => name);
const FORMATS = CODECS.flatMap(({ formats = [] }) => formats);
/** Those allowed, in the order wanted. */
function choose(codecs, { codecs: wanted = ALL_CODECS }) {
    const chosen = wanted.flatMap((name) => codecs
        .filter((codec) => codec.name === name)
        .toSorted((a, b) => FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format)));
    // What is inside redundancy must be answered as well.
    return chosen.filter(({ name, parameters }) => name !== 'red' ||
        chosen.some(({ payloadType }) => payloadType === redundantPayloadType(parameters)));
}
function agreeCodec(codec, { opus }, transportCc) {
    // Feedback for every packet names the transport-wide number that the extension carries; with it REMB is
    // idle.
    const congestion = transportCc && codec.feedback.includes('transport-cc') ? 'transport-cc' : 'goog-remb';
    const feedback = codec.feedback.filter((one) => (one !== 'transport-cc' && one !== 'goog-remb') || one === congestion);
    const parameters = codec.name === 'opus' && opus !== undefined
        ? withOpusWishes(codec.parameters, opus)
        : codec.parameters;
    return { ...codec, parameters, feedback };
}
/** RFC 7587 s6.1: what a receiver prefers, by which a sender goes. */
function withOpusWishes(parameters, { stereo, dtx }) {
    const wishes = [
        ['stereo', stereo],
        ['usedtx', dtx],
    ];
    const decided = wishes.filter(([, wish]) => wish !== undefined);
    const others = parameters
        .split(';')
        .filter((one) => one !== '' && !decided.some(([name]) => one.startsWith(`${name}=`)));
    return [...others, ...decided.map(([name, wish]) => `${name}=${wish === true ? 1 : 0}`)].join(';');
}
/**
 * RFC 8285 s7: the direction of the answer is the other side's of that of the offer, and fits that of the
 * stream.
 */
function agreeExtension({ id, name, direction: offered }, direction) {
    if (offered === 'sendrecv')
        return [{ id, name, direction: undefined }];
    if (offered === 'sendonly') {
        return sends(reversed(direction)) ? [{ id, name, direction: 'recvonly' }] : [];
    }
    return offered === 'recvonly' && sends(direction) ? [{ id, name, direction: 'sendonly' }] : [];
}
/** RFC 8851 s6.3 step 4: payload types that are not answered go, and a stream with none left. */
function agreeSimulcast(offered, codecs) {
    const answered = new Set(codecs.map(({ payloadType }) => payloadType));
    return offered.flatMap((rid) => {
        const payloadTypes = rid.payloadTypes?.filter((one) => answered.has(one));
        return payloadTypes?.length === 0 ? [] : [{ ...rid, payloadTypes }];
    });
}
function sends(direction) {
    return direction === 'sendrecv' || direction === 'sendonly';
}
/** RFC 3264 s6.1. */
function reversed(direction) {
    if (direction === 'sendonly')
        return 'recvonly';
    return direction === 'recvonly' ? 'sendonly' : direction;
}
function directionOf(receives, isSending) {
    if (receives)
        return isSending ? 'sendrecv' : 'recvonly';
    return isSending ? 'sendonly' : 'inactive';
}
//# sourceMappingURL=negotiation.js.map