import { expect, test } from 'vitest';
import { midsOf, withoutCandidates, withoutStrayFeedback } from '../../../sdk/offer-sdp.ts';
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

test('feedback is of codecs that the section has', () => {
  const session = 'v=0\r\na=group:BUNDLE 0 1\r\n';
  const audio = 'm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtcp-fb:109 transport-cc\r\na=mid:0\r\n';
  const video = 'm=video 0 UDP/TLS/RTP/SAVPF 120 124\r\na=fmtp:124 apt=120\r\n';
  const ours = 'a=rtcp-fb:120 nack pli\r\na=rtcp-fb:* transport-cc\r\n';
  const stray = 'a=rtcp-fb:109 nack\r\na=rtcp-fb:12 ccm fir\r\n';
  const end = 'a=rtpmap:120 VP8/90000\r\n';
  const given = session + audio + video + stray + ours + stray + end;
  expect(withoutStrayFeedback(given)).toBe(session + audio + video + ours + end);
});

test.each(OFFER_FIXTURES)('%s has no feedback but of its codecs', (name) => {
  expect(withoutStrayFeedback(fixture(name))).toBe(fixture(name));
});
