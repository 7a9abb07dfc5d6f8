// What sdp-transform returns, read again: it makes numbers of texts that look like numbers, and leaves out
// or empties what does not match, whatever its types say.
/** The text as it stood there. */
export function textOf(value) {
    if (typeof value === 'number')
        return String(value);
    return typeof value === 'string' ? value : '';
}
/** An integer in [min, max]; undefined for anything else. */
export function integerOf(value, min, max) {
    const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
    const fits = typeof number === 'number' && Number.isInteger(number);
    return fits && number >= min && number <= max ? number : undefined;
}
/** RFC 8866 s9: token-char. */
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
export function isToken(text, charsMax) {
    return text.length <= charsMax && TOKEN.test(text);
}
//# sourceMappingURL=values.js.map