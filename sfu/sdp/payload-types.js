// The payload types of an offered m= section that are forwarded: codec (RFC 8866 s6.6, s6.15),
// retransmission (RFC 4588 s8) and RTCP feedback (RFC 4585 s4.2). Called by: the reader of m= sections.
// Allocates: the codecs.
import { CODECS, keptParameters } from './codecs.js';
import { PARAMETERS_MAX } from './limits.js';
import { Refusal } from './refusal.js';
import { integerOf, textOf } from './values.js';
/** What the peer asks for and this server does (RFC 4585 s6, RFC 5104 s4.3.1); the last two are Google's. */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb'];
const PAYLOAD_TYPE_MAX = 127;
/** RFC 5761 s4: with RTP and RTCP on one port these look like RTCP. */
const RTCP_CONFLICT_MIN = 64;
const RTCP_CONFLICT_MAX = 95;
/**
 * @param meanings what payload types mean in the m= sections before this one, and in this one afterwards.
 *   All share one RTP session (RFC 9143 s9.1.1): a payload type that means something else here is not
 *   answered here.
 * @throws Refusal
 */
export function readCodecs(media, kind, line, meanings) {
    const payloadTypes = listed(textOf(media.payloads), line).filter((payloadType) => payloadType < RTCP_CONFLICT_MIN || payloadType > RTCP_CONFLICT_MAX);
    const listing = list(media);
    const repairs = retransmissions(payloadTypes, listing);
    const codecs = payloadTypes.flatMap((payloadType) => {
        const rule = ruleOf(listing.maps.get(payloadType), kind);
        if (rule === undefined)
            return [];
        const offered = parametersOf(listing.parameters.get(payloadType) ?? '');
        const format = rule.format(offered);
        if (format === undefined || !isFree(meanings, payloadType, format))
            return [];
        const rtx = repairs.get(payloadType);
        const { name, clockRate, channels } = rule;
        const codec = {
            name,
            format,
            payloadType,
            rtxPayloadType: rtx !== undefined && isFree(meanings, rtx, `rtx/${payloadType}`) ? rtx : undefined,
            clockRate,
            channels,
            parameters: name === 'red'
                ? (listing.parameters.get(payloadType) ?? '')
                : keptParameters(rule, offered),
            feedback: FEEDBACK.filter((one) => asksFor(listing, payloadType, one)),
        };
        return [codec];
    });
    const useful = codecs.filter((codec) => codec.name !== 'red' || repeatsOpus(codec, codecs));
    for (const { payloadType, rtxPayloadType, format } of useful) {
        meanings.set(payloadType, format);
        if (rtxPayloadType !== undefined)
            meanings.set(rtxPayloadType, `rtx/${payloadType}`);
    }
    return useful;
}
/** The formats of the m= line: numbers, each there once (RFC 3551 s3). */
function listed(payloads, line) {
    const payloadTypes = payloads.split(' ').map((text) => {
        const payloadType = integerOf(text, 0, PAYLOAD_TYPE_MAX);
        if (payloadType !== undefined)
            return payloadType;
        const what = `the m= section of line ${line} that is no number of 0 to ${PAYLOAD_TYPE_MAX}`;
        throw new Refusal('payload-type', `There is a payload type in ${what}.`);
    });
    if (new Set(payloadTypes).size < payloadTypes.length) {
        const where = `the m= section of line ${line}`;
        throw new Refusal('payload-type', `There is a payload type in ${where} that stands there twice.`);
    }
    return payloadTypes;
}
function list(media) {
    const maps = new Map();
    for (const map of media.rtp) {
        const payloadType = integerOf(map.payload, 0, PAYLOAD_TYPE_MAX);
        if (payloadType !== undefined && !maps.has(payloadType))
            maps.set(payloadType, map);
    }
    const parameters = new Map();
    for (const { payload, config } of media.fmtp) {
        const payloadType = integerOf(payload, 0, PAYLOAD_TYPE_MAX);
        if (payloadType !== undefined && !parameters.has(payloadType)) {
            parameters.set(payloadType, textOf(config));
        }
    }
    const feedback = new Map();
    for (const { payload, type, subtype } of media.rtcpFb ?? []) {
        // RFC 4585 s4.2: a wild card is for all payload types.
        const key = payload === '*' ? payload : integerOf(payload, 0, PAYLOAD_TYPE_MAX);
        if (key === undefined)
            continue;
        const texts = feedback.get(key) ?? new Set();
        texts.add(subtype === undefined ? textOf(type) : `${textOf(type)} ${textOf(subtype)}`);
        feedback.set(key, texts);
    }
    return { maps, parameters, feedback };
}
function asksFor({ feedback }, payloadType, one) {
    return feedback.get(payloadType)?.has(one) === true || feedback.get('*')?.has(one) === true;
}
function ruleOf(map, kind) {
    if (map === undefined)
        return undefined;
    // RFC 8866 s6.6: names of encodings know no case.
    const name = textOf(map.codec).toLowerCase();
    const channels = integerOf(map.encoding ?? 1, 1, 255);
    return CODECS.find((rule) => rule.kind === kind &&
        rule.name.toLowerCase() === name &&
        rule.clockRate === map.rate &&
        rule.channels === channels);
}
/** `name=value;name=value`; a parameter without a value has ''. */
function parametersOf(text) {
    const parameters = new Map();
    for (const part of text.split(';', PARAMETERS_MAX)) {
        const [name = '', ...value] = part.split('=');
        parameters.set(name.trim().toLowerCase(), value.join('=').trim());
    }
    return parameters;
}
/** RFC 4588 s8.1: by the payload type that is repeated, the one that repeats it. */
function retransmissions(payloadTypes, { maps, parameters }) {
    const found = new Map();
    for (const payloadType of payloadTypes) {
        if (textOf(maps.get(payloadType)?.codec).toLowerCase() !== 'rtx')
            continue;
        const apt = parametersOf(parameters.get(payloadType) ?? '').get('apt');
        const original = integerOf(apt, 0, PAYLOAD_TYPE_MAX);
        // RFC 4588 s8.1: at the clock rate of the original.
        const sameRate = original !== undefined && maps.get(original)?.rate === maps.get(payloadType)?.rate;
        if (sameRate && !found.has(original))
            found.set(original, payloadType);
    }
    return found;
}
function isFree(meanings, payloadType, meaning) {
    const before = meanings.get(payloadType);
    return before === undefined || before === meaning;
}
/** Whether redundancy has Opus inside, all of it with one payload type (RFC 2198 s5). */
function repeatsOpus({ parameters }, codecs) {
    const opus = redundantPayloadType(parameters);
    return codecs.some(({ name, payloadType }) => name === 'opus' && payloadType === opus);
}
/** The payload type inside: `111` of `111/111`. Undefined when there are several, or none. */
export function redundantPayloadType(parameters) {
    const [first = '', ...others] = parameters.split('/');
    const same = others.length > 0 && others.every((other) => other === first);
    return same ? integerOf(first, 0, PAYLOAD_TYPE_MAX) : undefined;
}
//# sourceMappingURL=payload-types.js.map