// SASLprep by the examples of RFC 4013 s3 and by its rules.

import { describe, expect, it } from 'vitest';
import { saslPrep } from '../../../shared/stun/saslprep.ts';

describe('saslPrep', () => {
  it.each([
    ['RFC 4013 s3 #1: a soft hyphen is mapped to nothing', 'I\u00adX', 'IX'],
    ['RFC 4013 s3 #2: no transformation', 'user', 'user'],
    ['RFC 4013 s3 #3: case is preserved', 'USER', 'USER'],
    ['RFC 4013 s3 #4: NFKC, from a feminine ordinal', '\u00aa', 'a'],
    ['RFC 4013 s3 #5: NFKC, from a Roman numeral', '\u2168', 'IX'],
    ['RFC 4013 s2.1: other spaces become U+0020', 'a\u00a0b\u3000', 'a b '],
    ['RFC 4013 s2.1: joiners and selectors are mapped to nothing', 'a\u200d\ufe0fb', 'ab'],
    ['RFC 3454 s6: right-to-left text', '\u0627\u0661\u0628', '\u0627\u0661\u0628'],
  ])('%s', (_name, text, expected) => {
    expect(saslPrep(text)).toBe(expected);
  });

  it.each([
    ['RFC 4013 s3 #6: a control', '\u0007'],
    ['RFC 4013 s3 #7: bidirectional check', '\u0627\u0031'],
    ['RFC 3454 s6: two directions in one text', '\u0627a\u0628'],
    ['RFC 4013 s2.3: private use', '\ue000'],
    ['RFC 4013 s2.3: a non-character', '\u{1fffe}'],
    ['RFC 4013 s2.3: a surrogate', '\udc00'],
    ['RFC 4013 s2.3: a direction mark', 'a\u200e'],
    ['RFC 4013 s2.3: a tag', 'a\u{e0041}'],
    ['RFC 4013 s2.3: a replacement character', '\ufffd'],
    ['nothing left', '\u00ad'],
    ['the empty string', ''],
  ])('%s is refused', (_name, text) => {
    expect(saslPrep(text)).toBeUndefined();
  });
});
