// The lines of an SDP text (RFC 8866 s5): its bounds, checked before any expression runs on it, and of its
// attributes those that sdp-transform would lose: repeated ones, of which it keeps the last, and the lines
// they stand in. Called by: parseOffer, parseFragment. Allocates: a scope for the session and one for each
// m= section.
import { CANDIDATE_CHARS_MAX, LINE_CHARS_MAX, MANY_SECTIONS } from './limits.js';
import { Refusal } from './refusal.js';
/** The session level, or one m= section, of a text. */
export class Scope {
    /** Number of its first line, from 1. */
    line;
    mid = undefined;
    iceUfrag = undefined;
    icePwd = undefined;
    setup = undefined;
    direction = undefined;
    fingerprints = [];
    iceOptions = [];
    msids = [];
    candidates = [];
    endOfCandidates = false;
    /** How many `simulcast` lines there are. */
    simulcasts = 0;
    constructor(line) {
        this.line = line;
    }
}
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const EQUALS = 0x3d;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
/** @throws Refusal */
export function readLines(text, limits) {
    // No character has less than a byte.
    if (text.length > limits.bytesOfMany)
        throw tooLarge(limits.bytesOfMany);
    const session = new Scope(1);
    const sections = [];
    let scope = session;
    let number = 0;
    for (let start = 0; start < text.length;) {
        const end = endOfLine(text, start, ++number);
        if (number > limits.lines) {
            throw new Refusal('too-large', `The SDP has more than ${limits.lines} lines.`);
        }
        if (end > start) {
            const type = typeOf(text, start, number);
            if (type === 'm') {
                scope = new Scope(number);
                if (sections.push(scope) > limits.sections) {
                    throw new Refusal('too-large', `The SDP has more than ${limits.sections} m= sections.`);
                }
            }
            else if (type === 'a') {
                readAttribute(scope, text.slice(start + 2, end), number);
            }
        }
        start = text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end + 2 : end + 1;
    }
    const bytes = sections.length >= MANY_SECTIONS ? limits.bytesOfMany : limits.bytes;
    if (Buffer.byteLength(text) > bytes)
        throw tooLarge(bytes);
    return { session, sections };
}
function tooLarge(bytes) {
    return new Refusal('too-large', `The SDP has more than ${bytes} bytes.`);
}
/** Where the line ends: at CR LF, LF, or CR alone, which sdp-transform takes for an end as well. */
function endOfLine(text, start, number) {
    for (let i = start;; i++) {
        // NaN after the last character, and no comparison holds.
        const code = text.charCodeAt(i);
        if (code === LF || code === CR || i === text.length)
            return i;
        if (code < SPACE && code !== TAB) {
            throw new Refusal('syntax', `Line ${number} has a control character.`);
        }
        if (i - start >= LINE_CHARS_MAX) {
            throw new Refusal('too-large', `Line ${number} has more than ${LINE_CHARS_MAX} characters.`);
        }
    }
}
/** RFC 8866 s5: a line is a letter, "=" and a value, without blanks around the sign. */
function typeOf(text, start, number) {
    const letter = text.charCodeAt(start);
    if (letter < LETTER_A || letter > LETTER_Z || text.charCodeAt(start + 1) !== EQUALS) {
        throw new Refusal('syntax', `Line ${number} does not begin with a small letter and "=".`);
    }
    return text[start];
}
function readAttribute(scope, attribute, number) {
    const colon = attribute.indexOf(':');
    const name = colon < 0 ? attribute : attribute.slice(0, colon);
    const value = colon < 0 ? '' : attribute.slice(colon + 1);
    const once = (before, now) => {
        if (before === undefined)
            return now;
        throw new Refusal('syntax', `Line ${number} has a=${name}, which stands there already.`);
    };
    switch (name) {
        case 'mid':
            scope.mid = once(scope.mid, value);
            break;
        case 'ice-ufrag':
            scope.iceUfrag = once(scope.iceUfrag, value);
            break;
        case 'ice-pwd':
            scope.icePwd = once(scope.icePwd, value);
            break;
        case 'setup':
            scope.setup = once(scope.setup, value);
            break;
        case 'sendrecv':
        case 'sendonly':
        case 'recvonly':
        case 'inactive':
            scope.direction = once(scope.direction, name);
            break;
        case 'fingerprint':
            scope.fingerprints.push(value);
            break;
        case 'ice-options':
            // RFC 8839 s5.6 separates them by blanks; libdatachannel by commas.
            scope.iceOptions.push(...value.split(/[ ,]/).filter((option) => option !== ''));
            break;
        case 'msid':
            scope.msids.push(value);
            break;
        case 'candidate':
            if (value.length > CANDIDATE_CHARS_MAX) {
                const limit = `more than ${CANDIDATE_CHARS_MAX} characters`;
                throw new Refusal('too-large', `Line ${number} has a candidate of ${limit}.`);
            }
            scope.candidates.push(value);
            break;
        case 'end-of-candidates':
            scope.endOfCandidates = true;
            break;
        case 'simulcast':
            scope.simulcasts++;
            break;
        default:
    }
}
//# sourceMappingURL=lines.js.map