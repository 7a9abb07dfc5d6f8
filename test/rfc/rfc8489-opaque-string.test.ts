// RFC 8489 s9.2.2, s14.3, s14.9: names, realms and passwords are prepared by OpaqueString (RFC 8265 s4.2).

import { describe, expect, it } from 'vitest';
import { opaqueString } from '../../shared/stun/opaque-string.ts';
import { LONG_TERM } from '../unit/stun/vectors.ts';

describe('RFC 8265 s4.2: OpaqueString, as RFC 8489 s9.2.2, s14.3 and s14.9 want it', () => {
  it.each([
    ['printable ASCII stays', ' a~!"\\:', ' a~!"\\:'],
    ['case stays', 'AbÇ', 'AbÇ'],
    ['s4.2.2 step 2: other spaces become U+0020', 'a\u3000b\u00a0c\u1680', 'a b c '],
    ['s4.2.2 step 4: NFC composes', 'e\u0301', '\u00e9'],
    ['compatibility forms stay, unlike under SASLprep', '\u00aa\u2168\uff21', '\u00aa\u2168\uff21'],
    ['symbols and emoji stay', '\u2603\u{1f600}', '\u2603\u{1f600}'],
    ['the vectors', LONG_TERM.username, LONG_TERM.username],
    ['decomposed Hangul composes', '\u1112\u1161\u11ab', '\ud55c'],
    ['a middle dot between two l', 'l\u00b7l', 'l\u00b7l'],
    ['katakana middle dot beside kana', '\u30de\u30fb\u30c8', '\u30de\u30fb\u30c8'],
    ['joiner after a virama', '\u0915\u094d\u200d', '\u0915\u094d\u200d'],
    ['non-joiner between Arabic letters', '\u0645\u06cc\u200c\u062e', '\u0645\u06cc\u200c\u062e'],
  ])('RFC 8265 s4.2: %s', (_name, text, expected) => {
    expect(opaqueString(text)).toBe(expected);
  });

  it.each([
    ['the empty string', ''],
    ['an ASCII control', 'a\u0000'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u0085'],
    ['a soft hyphen', LONG_TERM.password],
    ['a zero width space', 'a\u200bb'],
    ['a direction mark', 'a\u202eb'],
    ['a variation selector', '\u2603\ufe0f'],
    ['a line separator', 'a\u2028b'],
    ['private use', '\ue000'],
    ['a lone surrogate', 'a\ud800'],
    ['a non-character', '\uffff'],
    ['an unassigned code point', '\u{2fe0}'],
    ['an old Hangul jamo', '\u1113'],
    ['a tatweel', '\u0640'],
    ['a middle dot elsewhere', 'a\u00b7b'],
    ['a katakana middle dot alone', 'a\u30fbb'],
    ['a joiner after a letter', 'a\u200db'],
    ['a non-joiner after a letter', 'a\u200cb'],
    ['two kinds of Arabic digits', '\u0661\u06f1'],
  ])('RFC 8265 s4.2: %s is refused', (_name, text) => {
    expect(opaqueString(text)).toBeUndefined();
  });
});
