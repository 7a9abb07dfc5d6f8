// The RTP streams that an m= section announces by SSRC (RFC 5576): what is not recognised by a MID header
// extension is recognised by them. Called by: the reader of m= sections. Allocates: the streams.
import { SSRCS_MAX } from './limits.js';
import { integerOf, textOf } from './values.js';
const SSRC_MAX = 0xffff_ffff;
/**
 * The streams in the order of a SIM group if there is one, else as listed; retransmissions and FEC are none
 * of their own.
 *
 * @param taken the SSRCs of the m= sections before this one, and of this one afterwards. All share one
 *   space (RFC 9143 s9.1): one that stands in two belongs to the first.
 */
export function readStreams(media, taken) {
    const listed = new Set();
    for (const { id } of media.ssrcs ?? []) {
        const ssrc = integerOf(id, 0, SSRC_MAX);
        if (ssrc === undefined || taken.has(ssrc))
            continue;
        if (listed.size < SSRCS_MAX)
            listed.add(ssrc);
    }
    for (const ssrc of listed)
        taken.add(ssrc);
    const repairs = new Map();
    const secondary = new Set();
    let layers = [];
    for (const { semantics, ssrcs } of media.ssrcGroups ?? []) {
        const group = ssrcsOf(ssrcs, listed);
        const [original, repair] = group;
        if (semantics === 'SIM')
            layers = group;
        else if (original !== undefined && repair !== undefined) {
            if (semantics === 'FID')
                repairs.set(original, repair);
            secondary.add(repair);
        }
    }
    const order = new Set([...layers, ...listed]);
    return [...order]
        .filter((ssrc) => !secondary.has(ssrc))
        .map((ssrc) => ({ ssrc, rtxSsrc: repairs.get(ssrc) }));
}
function ssrcsOf(text, listed) {
    return textOf(text)
        .split(' ', SSRCS_MAX)
        .flatMap((one) => {
        const ssrc = integerOf(one, 0, SSRC_MAX);
        return ssrc !== undefined && listed.has(ssrc) ? [ssrc] : [];
    });
}
//# sourceMappingURL=sources.js.map