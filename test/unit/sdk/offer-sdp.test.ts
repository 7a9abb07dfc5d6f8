import { expect, test } from 'vitest';
import { midsOf, withoutCandidates } from '../../../sdk/offer-sdp.ts';
import { OFFER_FIXTURES, fixture } from '../../support/sdp.ts';

const lines = (text: string): string[] => text.split(/\r?\n/);

test('sections are named in their order', () => {
  expect(midsOf('v=0\r\nm=audio\r\na=mid:0\r\nm=video\r\na=mid:x1\r\n')).toEqual(['0', 'x1']);
  expect(midsOf('v=0\r\n')).toEqual([]);
});

test.each(OFFER_FIXTURES)('%s keeps all but its candidates', (name) => {
  const sdp = fixture(name);
  const rest = lines(sdp).filter((line) => !/^a=(candidate:|end-of-candidates)/.test(line));
  expect(lines(withoutCandidates(sdp))).toEqual(rest);
});
