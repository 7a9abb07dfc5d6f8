// SASLprep (RFC 4013), the preparation of RFC 5389, which OpaqueString replaced in RFC 8489 s14.3:
// compatibility forms are folded here and kept there. For passwords whose owner still uses an RFC 5389
// client, and for the test vectors, whose password is printed before this preparation. Allocates: a string
// for non-ASCII input.

const ASCII = /^[\x20-\x7e]+$/;

// RFC 3454 B.1: mapped to nothing (variation selectors are those of this Node's Unicode version).
const NOTHING = /[\u00ad\u1806\u200b-\u200d\u2060\ufeff]|\u034f|\p{Variation_Selector}/gu;
// RFC 3454 C.1.2: mapped to a space.
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;

// RFC 3454 C.2 to C.9: controls, private use, non-characters, surrogates, and what is inappropriate for
// plain text, canonical representation or display; tags. Unassigned code points are those of this Node's
// Unicode version.
const PROHIBITED = new RegExp(
  '[\\p{Cc}\\p{Co}\\p{Cs}\\p{Cn}\\p{Zl}\\p{Zp}\\ufff9-\\ufffd\\u2ff0-\\u2ffb]' +
    '|[\\u0340\\u0341\\u200e\\u200f\\u202a-\\u202e\\u2061-\\u2063\\u206a-\\u206f]' +
    '|[\\u06dd\\u070f\\u180e\\u{1d173}-\\u{1d17a}\\u{e0001}\\u{e0020}-\\u{e007f}]',
  'u',
);

// RFC 3454 s6, by script: text with a right-to-left letter begins and ends with one and has no letter of
// another script.
const RIGHT_TO_LEFT =
  '(?:(?=\\p{L})[\\p{Script=Arabic}\\p{Script=Hebrew}\\p{Script=Syriac}\\p{Script=Thaana}])';
const HAS_RIGHT_TO_LEFT = new RegExp(RIGHT_TO_LEFT, 'u');
const ONLY_RIGHT_TO_LEFT = new RegExp(
  `^${RIGHT_TO_LEFT}(?:(?:\\P{L}|${RIGHT_TO_LEFT})*${RIGHT_TO_LEFT})?$`,
  'u',
);

/**
 * The text as SASLprep prepares a stored string, or undefined when it is empty or has a prohibited code
 * point.
 */
export function saslPrep(text: string): string | undefined {
  if (ASCII.test(text)) return text;
  const prepared = text.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
  if (prepared === '' || PROHIBITED.test(prepared)) return undefined;
  if (HAS_RIGHT_TO_LEFT.test(prepared) && !ONLY_RIGHT_TO_LEFT.test(prepared)) return undefined;
  return prepared;
}
