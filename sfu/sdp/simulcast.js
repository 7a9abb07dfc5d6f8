// Simulcast as an offer describes it: the RTP streams of one track by their rid (RFC 8851) and their order
// (RFC 8853). Called by: the reader of m= sections. Allocates: the streams.
import { PARAMETERS_MAX, RID_CHARS_MAX, RIDS_MAX } from './limits.js';
import { integerOf, textOf } from './values.js';
/**
 * RFC 8852 s3: letters and digits alone. RFC 8851 s10 would let "-" and "_" in, which no packet can carry.
 */
const RID = /^[A-Za-z0-9]+$/;
/** RFC 8851 s10: rid-param. */
const RESTRICTION = /^[A-Za-z0-9-]+(?:=[ -:<-~]*)?$/;
/**
 * The streams that the peer wants to send, at most three, in its order; empty when it does not offer
 * simulcast, or not in a form that can be answered. Of alternatives the first one is taken; a stream that
 * starts paused ("~") is taken as any other, for there is no RTCP to resume it with (RFC 8853 s5.3.2).
 */
export function readSimulcast(media, scope) {
    const { simulcast } = media;
    // RFC 8853 s5.3.2: more than one line is none.
    if (simulcast === undefined || scope.simulcasts !== 1)
        return [];
    const { dir1, list1, dir2, list2 } = simulcast;
    // RFC 8853 s5.2: each direction once.
    if (dir1 === dir2)
        return [];
    const list = dir1 === 'send' ? list1 : list2;
    if (list === undefined)
        return [];
    const rids = readRids(media);
    const chosen = new Map();
    for (const stream of textOf(list).split(';')) {
        const [first = ''] = stream.split(',', 1);
        const rid = rids.get(first.startsWith('~') ? first.slice(1) : first);
        // RFC 8853 s5.2: a stream without a rid line of its own is none.
        if (rid !== undefined && chosen.size < RIDS_MAX)
            chosen.set(rid.id, rid);
    }
    return [...chosen.values()];
}
/** RFC 8851 s6.2.2: those to send, by id. */
function readRids(media) {
    const listed = new Set(textOf(media.payloads).split(' '));
    const rids = new Map();
    const repeated = new Set();
    for (const rid of media.rids ?? []) {
        const id = textOf(rid.id);
        // Steps 1 and 2: a line in another form is left out, and all lines of an id that stands there twice.
        if (id.length > RID_CHARS_MAX || !RID.test(id) || rid.direction !== 'send')
            continue;
        if (rids.has(id))
            repeated.add(id);
        const restrictions = textOf(rid.params).split(';', PARAMETERS_MAX);
        const formats = restrictions[0]?.startsWith('pt=') === true ? restrictions.shift() : undefined;
        const others = restrictions.filter((one) => one !== '');
        if (!others.every((one) => RESTRICTION.test(one)))
            continue;
        // Step 3: formats that the m= line lacks do not count.
        const payloadTypes = formats === undefined ? undefined : payloadTypesOf(formats.slice('pt='.length), listed);
        if (payloadTypes?.length === 0)
            continue;
        rids.set(id, { id, payloadTypes, restrictions: others });
    }
    for (const id of repeated)
        rids.delete(id);
    return rids;
}
function payloadTypesOf(formats, listed) {
    const known = formats.split(',').filter((format) => listed.has(format));
    return [...new Set(known)].flatMap((format) => integerOf(format, 0, 127) ?? []);
}
//# sourceMappingURL=simulcast.js.map