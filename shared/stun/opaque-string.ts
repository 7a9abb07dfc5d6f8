// OpaqueString (RFC 8265 s4.2): how user names, realms and passwords are prepared (RFC 8489 s9.2.2, s14.3,
// s14.9). Printable ASCII is returned as it is, so ordinary input equals what clients send that do no
// preparation at all. Called by: credentials, configuration. Allocates: a string for non-ASCII input.

const ASCII = /^[\x20-\x7e]+$/;

// RFC 8265 s4.2.2 step 2: every other space separator becomes U+0020.
const OTHER_SPACES = /[^\P{Zs} ]/gu;

// RFC 8264 s4.3.1, s9: the FreeformClass by general category. Controls, formats, surrogates, private use,
// line and paragraph separators and unassigned code points are in none of these. Which code points are
// assigned is what the Unicode version of this Node says.
const FREEFORM = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Join_Control} ]+$/u;

// RFC 8264 s9.6 (exceptions), s9.9 (old Hangul jamo) and s9.13 (default ignorables, but for the two joiners
// below).
const DISALLOWED = new RegExp(
  '[\\u0640\\u07fa\\u302e\\u302f\\u3031-\\u3035\\u303b]' +
    '|[\\u1100-\\u11ff\\ua960-\\ua97c\\ud7b0-\\ud7c6\\ud7cb-\\ud7fb]' +
    '|(?!\\p{Join_Control})\\p{Default_Ignorable_Code_Point}',
  'u',
);

// RFC 5892 appendix A: code points that need the right neighbours. Virama and joining type are not
// properties a regular expression can ask for: a combining mark stands for the virama, and two Arabic
// letters for joining ones.
const MISPLACED = [
  /(?<!l)\u00b7|\u00b7(?!l)/u,
  /\u0375(?!\p{Script=Greek})/u,
  /(?<!\p{Script=Hebrew})[\u05f3\u05f4]/u,
  /(?<!\p{M})\u200d/u,
  /(?<![\p{M}\p{Script=Arabic}])\u200c|(?<=\p{Script=Arabic})\u200c(?!\p{Script=Arabic})/u,
];
const ARABIC_DIGIT = /[\u0660-\u0669]/u;
const EXTENDED_ARABIC_DIGIT = /[\u06f0-\u06f9]/u;
const KATAKANA_MIDDLE_DOT = '\u30fb';
const KANA_OR_HAN = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;

/**
 * The text as OpaqueString enforces it, or undefined when it is empty or has a code point that is not
 * allowed.
 */
export function opaqueString(text: string): string | undefined {
  if (ASCII.test(text)) return text;
  const prepared = text.replace(OTHER_SPACES, ' ').normalize('NFC');
  if (!FREEFORM.test(prepared) || DISALLOWED.test(prepared)) return undefined;
  if (prepared.includes(KATAKANA_MIDDLE_DOT) && !KANA_OR_HAN.test(prepared)) return undefined;
  if (ARABIC_DIGIT.test(prepared) && EXTENDED_ARABIC_DIGIT.test(prepared)) return undefined;
  for (const misplaced of MISPLACED) if (misplaced.test(prepared)) return undefined;
  return prepared;
}
