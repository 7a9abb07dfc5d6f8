// An SDP offer (RFC 3264, RFC 8829 s5.8) as this server reads it: strictly, and no more of it than can be
// answered. One BUNDLE group (RFC 9143) over one transport. Called by: the thread that answers. Allocates:
// the offer.
import { parse } from 'sdp-transform';
import { readLines } from './lines.js';
import { OFFER_LIMITS } from './limits.js';
import { orRefusal, Refusal } from './refusal.js';
import { BundleMeanings, readSection } from './section.js';
import { readTransport } from './transport.js';
import { textOf } from './values.js';
/** Reads an offer. Bounded by `limits.ts`, whatever the text. */
export function parseOffer(text) {
    return orRefusal(() => readOffer(text));
}
function readOffer(text) {
    const lines = readLines(text, OFFER_LIMITS);
    if (!/^v=0[\r\n]/.test(text))
        throw new Refusal('syntax', 'Line 1 is not v=0.');
    const session = parse(text);
    // Both agents lite would wait for each other's checks for ever.
    if (session.icelite !== undefined) {
        throw new Refusal('ice', 'The offer has a=ice-lite, and so will the answer.');
    }
    const group = session.groups?.find(({ type }) => type === 'BUNDLE');
    if (group === undefined)
        throw new Refusal('bundle', 'The offer has no a=group:BUNDLE.');
    refuseRepeatedMids(lines);
    const bundled = new Set(textOf(group.mids).split(' '));
    const meanings = new BundleMeanings();
    const sections = lines.sections.map((section, i) => {
        const scopes = { session: lines.session, section };
        return readSection(session, session.media[i], scopes, bundled, meanings);
    });
    const bundle = taggedFirst(sections, bundled, session.media);
    const tagged = lines.sections.find(({ mid }) => mid === bundle[0]);
    return {
        transport: readTransport(lines.session, tagged),
        iceOptions: [...new Set([...lines.session.iceOptions, ...tagged.iceOptions])],
        extmapAllowMixed: session.extmapAllowMixed !== undefined,
        sections,
        bundle,
    };
}
/** RFC 5888 s4: an identification names one section. */
function refuseRepeatedMids({ sections }) {
    const mids = new Set();
    for (const { mid, line } of sections) {
        if (mid !== undefined && mids.has(mid)) {
            throw new Refusal('mid', `The m= section of line ${line} has the a=mid of another one.`);
        }
        if (mid !== undefined)
            mids.add(mid);
    }
}
/**
 * RFC 9143 s7.3.1: the tagged section is the first of the group that is accepted and has a port of its own.
 */
function taggedFirst(sections, bundled, media) {
    const accepted = new Map();
    for (const [i, section] of sections.entries()) {
        if (section.accepted)
            accepted.set(section.mid, media[i].port !== 0);
    }
    const mids = [...bundled].filter((mid) => accepted.has(mid));
    const tagged = mids.find((mid) => accepted.get(mid));
    if (tagged === undefined) {
        const what = 'audio or video with a port, in the BUNDLE group and with a codec that is forwarded';
        throw new Refusal('no-media', `The offer has no ${what}.`);
    }
    return [tagged, ...mids.filter((mid) => mid !== tagged)];
}
//# sourceMappingURL=offer.js.map