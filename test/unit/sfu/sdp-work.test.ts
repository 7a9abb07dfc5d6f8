// Reading an offer, deciding about it and answering take work in proportion to its length, whatever it
// repeats: twice the lines, not more than twice the work.

import { describe, expect, it } from 'vitest';
import { parseFragment } from '../../../sfu/sdp/fragment.ts';
import { OFFER_LIMITS } from '../../../sfu/sdp/limits.ts';
import { makeAnswer } from '../../../sfu/sdp/answer.ts';
import { negotiate } from '../../../sfu/sdp/negotiation.ts';
import { parseOffer } from '../../../sfu/sdp/offer.ts';
import { Refusal } from '../../../sfu/sdp/refusal.ts';
import { checkReoffer } from '../../../sfu/sdp/reoffer.ts';
import { AUDIO, changed, decideAll, fixture, LOCAL, offerOf, VIDEO } from '../../support/sdp.ts';
import { workOf } from '../../support/sdp-work.ts';

type Repeated = (i: number) => string;

const inVideo = (count: number, line: Repeated): string =>
  offerOf([AUDIO, [...VIDEO, ...Array.from({ length: count }, (_, i) => line(i))]]);

const lines: Readonly<Record<string, Repeated>> = {
  candidates: (i) => `a=candidate:${i} 1 udp 1 192.0.2.1 ${i} typ host`,
  'unknown attributes': () => 'a=x',
  rtpmaps: (i) => `a=rtpmap:${i % 128} VP8/90000`,
  'formats with many parameters': (i) => `a=fmtp:${i % 128} ${'a=b;'.repeat(12)}`,
  'feedback for all': (i) => `a=rtcp-fb:* x${i}`,
  extensions: (i) => `a=extmap:${(i % 14) + 1} urn:x:${i}`,
  'known extensions': (i) => `a=extmap:${(i % 14) + 1} urn:ietf:params:rtp-hdrext:sdes:mid`,
  SSRCs: (i) => `a=ssrc:${i} cname:x`,
  'SSRC groups': () => 'a=ssrc-group:FID 1 2 3 4 5 6 7 8 9',
  rids: (i) => `a=rid:r${i} send pt=96;max-fps=30`,
  msids: (i) => `a=msid:s${i} t`,
  'ICE options': () => 'a=ice-options:a,b,c,d,e,f,g,h',
  groups: (i) => `a=group:LS ${i}`,
  imageattr: () => 'a=imageattr:96 send [x=1,y=2] [x=3,y=4] recv [x=1,y=2]',
  'almost imageattr': () => `a=imageattr:96 send [x=1]${' [x=3]'.repeat(8)} recv [x`,
  'almost simulcast': () => 'a=simulcast: send rid=1;2;3 recv',
  'almost source filters': () => `a=source-filter:${' '.repeat(40)}x`,
  'almost clocks': () => `a=mediaclk:${'='.repeat(40)} rate=`,
  'almost floors': () => `a=floorid:1${' m-stream'.repeat(6)}`,
  'almost packet times': () => `a=ptime:${'1.'.repeat(20)}x`,
};

const texts: Readonly<Record<string, (count: number) => string>> = {
  ...Object.fromEntries(
    Object.entries(lines).map(([name, line]) => [name, (count: number) => inVideo(count, line)]),
  ),
  sections: (count) =>
    offerOf(
      Array.from({ length: Math.min(count / 8, 250) }, (_, i) =>
        changed(VIDEO, { 'a=mid:': `a=mid:${i}`, 'a=sendrecv': 'a=sendonly' }),
      ),
    ),
  'a long group': (count) => offerOf([AUDIO]).replace('BUNDLE 0', `BUNDLE 0${' x'.repeat(count)}`),
  'streams of simulcast': (count) => inVideo(1, () => `a=simulcast:send ${'a;'.repeat(count)}b`),
  'formats of a rid': (count) => inVideo(1, () => `a=rid:a send pt=${'96,'.repeat(count)}96`),
};

/** Everything that is done with an offer. */
function answer(text: string): void {
  const offer = parseOffer(text);
  if (offer instanceof Refusal) return;
  makeAnswer(negotiate(offer, decideAll(offer)), LOCAL);
  checkReoffer(offer, offer);
}

describe('twice as many', () => {
  it.each(Object.keys(texts))('%s', (name) => {
    const [few, many] = [400, 800].map((count) => texts[name]!(count));
    answer(few!);
    const [less, more] = [few!, many!].map((text) => workOf(() => answer(text)));
    expect(less!.executed).toBeGreaterThan(few!.length);
    expect(less!.characters).toBeGreaterThan(few!.length);
    expect(more!.executed / less!.executed).toBeLessThan(2.4);
    expect(more!.characters / less!.characters).toBeLessThan(2.4);
  });
});

it('no text takes more than so much work for each of its characters', () => {
  const all = [
    ...Object.values(texts).map((make) => make(800)),
    ...['chromium-slots', 'firefox-slots', 'chromium-simulcast'].map((name) => fixture(name)),
  ];
  for (const text of all) {
    const { executed, characters } = workOf(() => answer(text));
    expect(executed / text.length).toBeLessThan(1000);
    expect(characters / text.length).toBeLessThan(60);
  }
});

it('what is too large is not searched at all', () => {
  for (const text of [
    `v=0\r\n${'a=x\r\n'.repeat(60_000)}`,
    `v=0\r\na=${'x'.repeat(60_000)}\r\n`,
    `v=0\r\n${'m=audio 9 RTP/AVP 0\r\n'.repeat(3000)}`,
    'x'.repeat(1_000_000),
  ]) {
    for (const read of [parseOffer, parseFragment]) {
      const { executed, characters } = workOf(() => expect(read(text)).toBeInstanceOf(Refusal));
      expect(characters).toBe(0);
      expect(executed).toBeLessThan(20 * OFFER_LIMITS.bytes);
    }
  }
});

it('the counters see what they are for', () => {
  const text = 'a'.repeat(1000);
  expect(workOf(() => /b/.test(text)).characters).toBe(1000);
  const before = workOf(() => parseOffer('v=0\r\n')).executed;
  expect(
    workOf(() => parseOffer(`v=0\r\n${'i=x\r\n'.repeat(500)}`)).executed - before,
  ).toBeGreaterThan(2000);
});
