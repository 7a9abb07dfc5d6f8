// BUNDLE: which sections are in the group, whose transport it uses, and what its sections share (RFC 9143,
// RFC 8858).

import { describe, expect, it } from 'vitest';
import { parseOffer } from '../../sfu/sdp/offer.ts';
import {
  accepted,
  answerTo,
  AUDIO,
  changed,
  fixture,
  offerOf,
  outgoing,
  refusalOf,
  sectionOf,
  VIDEO,
} from '../support/sdp.ts';

const DATA = [
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:data',
  'a=sctp-port:5000',
];

const OWN = [
  'a=ice-ufrag:own1',
  'a=ice-pwd:own1234567890123456789',
  `a=fingerprint:sha-256 ${Array(32).fill('01').join(':')}`,
  'a=setup:active',
];

const video = (mid: string, changes: Record<string, string | undefined> = {}): string[] =>
  changed(VIDEO, { 'a=mid:': `a=mid:${mid}`, ...changes });

const groupOf = (text: string): string[] =>
  answerTo(text).session.filter((line) => line.startsWith('a=group:'));

describe('the group', () => {
  it('RFC 9143 s7.3: has the accepted sections in the order of the offer', () => {
    const text = offerOf([AUDIO, VIDEO, video('2')]).replace('BUNDLE 0 1 2', 'BUNDLE 2 0 1');
    expect(groupOf(text)).toEqual(['a=group:BUNDLE 2 0 1']);
  });

  it('RFC 9143 s7.3: an offer without one is refused, for there is one transport', () => {
    const text = offerOf([AUDIO, VIDEO]).replace('a=group:BUNDLE 0 1\r\n', '');
    expect(refusalOf(parseOffer(text))).toBe('bundle: The offer has no a=group:BUNDLE.');
  });

  it('RFC 9143 s7.3.2: a section outside of it is rejected', () => {
    const text = offerOf([AUDIO, VIDEO]).replace('BUNDLE 0 1', 'BUNDLE 0');
    expect(answerTo(text).mLines()).toEqual([
      'm=audio 7882 UDP/TLS/RTP/SAVPF 111',
      'm=video 0 UDP/TLS/RTP/SAVPF 96',
    ]);
    expect(groupOf(text)).toEqual(['a=group:BUNDLE 0']);
  });

  it('RFC 9143 s7.3.2: of several groups the first one is answered', () => {
    const text = offerOf([AUDIO, VIDEO]).replace(
      'a=group:BUNDLE 0 1',
      'a=group:BUNDLE 1\r\na=group:BUNDLE 0',
    );
    expect(groupOf(text)).toEqual(['a=group:BUNDLE 1']);
  });

  it('RFC 9143 s7.3.3: what is rejected is not in it', () => {
    const { session, sections } = answerTo(offerOf([AUDIO, DATA, VIDEO]));
    expect(session).toContain('a=group:BUNDLE 0 1');
    expect(sections[1]).toEqual([
      'm=application 0 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=inactive',
      'a=mid:data',
    ]);
  });

  it('RFC 9143 s6: port zero with bundle-only is an offer to use the port of another section', () => {
    const text = offerOf([
      AUDIO,
      [...video('1', { 'm=video 9': 'm=video 0 UDP/TLS/RTP/SAVPF 96' }), 'a=bundle-only'],
    ]);
    const answer = answerTo(text);
    expect(answer.mLines()[1]).toBe('m=video 7882 UDP/TLS/RTP/SAVPF 96');
    expect(answer.text).not.toContain('bundle-only');
  });

  it('RFC 9143 s7.5.3: port zero without bundle-only disables the section', () => {
    const text = offerOf([AUDIO, video('1', { 'm=video 9': 'm=video 0 UDP/TLS/RTP/SAVPF 96' })]);
    expect(answerTo(text).mLines()[1]).toBe('m=video 0 UDP/TLS/RTP/SAVPF 96');
    expect(groupOf(text)).toEqual(['a=group:BUNDLE 0']);
  });
});

describe('the tagged section', () => {
  it('RFC 9143 s7.3.1: is the first of the group, and its transport is used', () => {
    const text = offerOf([[...AUDIO, ...OWN], VIDEO]);
    const { transport, bundle } = accepted(text);
    expect(bundle).toEqual(['0', '1']);
    expect(transport.ice.ufrag).toBe('own1');
    expect(transport.setup).toBe('active');
  });

  it('RFC 9143 s7.3.1: the next one takes its place when it is rejected', () => {
    const text = offerOf([DATA, AUDIO, [...VIDEO, ...OWN]]);
    const { transport, bundle } = accepted(text);
    expect(bundle).toEqual(['0', '1']);
    expect(transport.ice.ufrag).toBe('abcd');
  });

  it('RFC 9143 s7.3.1: has a port of its own, and comes first in the group of the answer', () => {
    const first = changed(AUDIO, { 'm=audio 9': 'm=audio 0 UDP/TLS/RTP/SAVPF 111' });
    const text = offerOf([[...first, 'a=bundle-only'], [...VIDEO, ...OWN], video('2')]);
    expect(accepted(text).transport.ice.ufrag).toBe('own1');
    expect(groupOf(text)).toEqual(['a=group:BUNDLE 1 0 2']);
  });

  it('RFC 9143 s7.3.1: there is no answer without one', () => {
    const first = changed(AUDIO, { 'm=audio 9': 'm=audio 0 UDP/TLS/RTP/SAVPF 111' });
    const text = offerOf([DATA, [...first, 'a=bundle-only']]);
    expect(refusalOf(parseOffer(text))).toMatch(/^no-media: /);
  });

  it('RFC 9143 s7.3.3: is not rejected, but made inactive', () => {
    const answer = answerTo(
      offerOf([AUDIO, VIDEO]),
      () =>
        new Map([
          ['0', 'reject'],
          ['1', 'reject'],
        ]),
    );
    expect(answer.mLines()).toEqual([
      'm=audio 7882 UDP/TLS/RTP/SAVPF 111',
      'm=video 0 UDP/TLS/RTP/SAVPF 96',
    ]);
    expect(answer.direction('0')).toBe('inactive');
  });

  it('RFC 9143 s7.3: every section has its address and port', () => {
    for (const section of answerTo(offerOf([AUDIO, VIDEO])).sections) {
      expect(section[0]).toContain(' 7882 ');
      expect(section[1]).toBe('c=IN IP4 192.0.2.1');
    }
  });

  it('RFC 9143 s10: it alone has candidates', () => {
    const answer = answerTo(offerOf([AUDIO, VIDEO]));
    expect(answer.values('0', 'candidate')).toHaveLength(3);
    expect(answer.section('0').at(-1)).toBe('a=end-of-candidates');
    expect(answer.section('1').join()).not.toContain('candidate');
  });
});

describe('one RTP session', () => {
  it('RFC 9143 s9.1.1: a payload type with another codec in a later section is not answered there', () => {
    const h264 = video('2', {
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 96 98',
      'a=rtpmap:96': 'a=rtpmap:96 VP9/90000',
      'a=rtpmap:97': 'a=rtpmap:98 VP8/90000',
      'a=fmtp:97': undefined,
    });
    expect(answerTo(offerOf([AUDIO, VIDEO, h264])).mLines()[2]).toBe(
      'm=video 7882 UDP/TLS/RTP/SAVPF 98',
    );
  });

  it('RFC 9143 s9.1.1: nor one that repeats another payload type', () => {
    const other = video('2', {
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 98 97',
      'a=rtpmap:96': 'a=rtpmap:98 VP9/90000',
      'a=fmtp:97': 'a=fmtp:97 apt=98',
    });
    expect(answerTo(offerOf([AUDIO, VIDEO, other])).mLines()[2]).toBe(
      'm=video 7882 UDP/TLS/RTP/SAVPF 98',
    );
  });

  it('RFC 9143 s9.1.1: a section that is left without a codec is rejected', () => {
    const other = video('2', { 'a=rtpmap:96': 'a=rtpmap:96 VP9/90000' });
    expect(answerTo(offerOf([AUDIO, VIDEO, other])).mLines()[2]).toBe(
      'm=video 0 UDP/TLS/RTP/SAVPF 96',
    );
  });

  it('RFC 9143 s9.1.1: the same codec may have the same payload type', () => {
    expect(answerTo(offerOf([VIDEO, video('2')])).mLines()).toEqual([
      'm=video 7882 UDP/TLS/RTP/SAVPF 96 97',
      'm=video 7882 UDP/TLS/RTP/SAVPF 96 97',
    ]);
  });

  it('RFC 9143 s9.1: an SSRC that stands in two sections belongs to the first', () => {
    const offer = accepted(
      offerOf([
        [...AUDIO, 'a=ssrc:7 cname:x'],
        [...VIDEO, 'a=ssrc:7 cname:x', 'a=ssrc:8 cname:x'],
      ]),
    );
    expect(sectionOf(offer, '0').streams).toEqual([{ ssrc: 7, rtxSsrc: undefined }]);
    expect(sectionOf(offer, '1').streams).toEqual([{ ssrc: 8, rtxSsrc: undefined }]);
  });

  it('RFC 9143 s12: an identifier with two meanings has the first, as aiortc offers it', () => {
    const answer = answerTo(fixture('aiortc-collision'));
    expect(answer.values('0', 'extmap')).toEqual([
      '1 urn:ietf:params:rtp-hdrext:sdes:mid',
      '2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
    ]);
    expect(answer.values('1', 'extmap')).toEqual(['1 urn:ietf:params:rtp-hdrext:sdes:mid']);
  });

  it('RFC 9143 s12: an identifier means the same in all sections, and an extension may have several', () => {
    const uri = 'urn:ietf:params:rtp-hdrext:sdes:mid';
    const answer = answerTo(
      offerOf([
        [...AUDIO, `a=extmap:3 ${uri}`],
        [...VIDEO, `a=extmap:4 ${uri}`],
      ]),
    );
    expect(answer.values('0', 'extmap')).toEqual([`3 ${uri}`]);
    expect(answer.values('1', 'extmap')).toEqual([`4 ${uri}`]);
  });

  it('RFC 9143 s9.1: the MID extension is answered wherever it is offered', () => {
    for (const name of ['chromium-simulcast', 'chromium-slots', 'firefox-simulcast']) {
      const answer = answerTo(fixture(name));
      const mids = answer.sections.flat().filter((line) => line.endsWith('hdrext:sdes:mid'));
      expect(mids).toHaveLength(answer.sections.length);
    }
  });
});

describe('RTP and RTCP on one port', () => {
  it('RFC 9143 s9.3.1.2: rtcp-mux is answered, and no rtcp', () => {
    const text = offerOf([[...AUDIO, 'a=rtcp:9 IN IP4 0.0.0.0'], VIDEO]);
    const answer = answerTo(text);
    for (const mid of ['0', '1']) expect(answer.section(mid)).toContain('a=rtcp-mux');
    expect(answer.text).not.toContain('a=rtcp:');
  });

  it('RFC 9143 s9.3: an offer without rtcp-mux is refused', () => {
    const text = offerOf([AUDIO, changed(VIDEO, { 'a=rtcp-mux': undefined })]);
    expect(refusalOf(parseOffer(text))).toBe(
      'rtcp-mux: The m= section of line 16 (mid 1) lacks a=rtcp-mux.',
    );
  });

  it('RFC 8858 s4.3: rtcp-mux-only is answered with rtcp-mux alone', () => {
    const { text } = answerTo(fixture('gstreamer-publish'));
    expect(text).toContain('a=rtcp-mux\r\n');
    expect(text).not.toContain('rtcp-mux-only');
  });
});

describe('identifications', () => {
  it('RFC 9143 s15: a mid has room in a header extension of one byte', () => {
    const longest = 'm'.repeat(16);
    expect(accepted(offerOf([changed(AUDIO, { 'a=mid:': `a=mid:${longest}` })])).bundle).toEqual([
      longest,
    ]);
    const longer = offerOf([changed(AUDIO, { 'a=mid:': `a=mid:${longest}m` })]);
    expect(refusalOf(parseOffer(longer))).toMatch(/^mid: The m= section of line 10 has no a=mid/);
  });

  it.each(['a b', 'a"b', 'ä', ''])('RFC 5888 s4: a mid is a token, and "%s" is none', (mid) => {
    const text = offerOf([changed(AUDIO, { 'a=mid:': `a=mid:${mid}` }), VIDEO]);
    expect(refusalOf(parseOffer(text))).toMatch(/^mid: /);
  });

  it('RFC 5888 s4: two sections do not have the same mid', () => {
    expect(refusalOf(parseOffer(offerOf([AUDIO, video('0')])))).toBe(
      'mid: The m= section of line 16 has the a=mid of another one.',
    );
  });

  it('RFC 5888 s9.1: a section without a mid is in no group, and is rejected', () => {
    const text = offerOf([AUDIO, changed(VIDEO, { 'a=mid:': undefined })]);
    expect(answerTo(text).sections[1]).toEqual([
      'm=video 0 UDP/TLS/RTP/SAVPF 96',
      'c=IN IP4 0.0.0.0',
      'a=inactive',
    ]);
  });

  it('RFC 5888 s9.1: the answer has the mids of the offer, and none is a number because it looks like one', () => {
    const text = offerOf([
      changed(AUDIO, { 'a=mid:': 'a=mid:007' }),
      changed(VIDEO, { 'a=mid:': 'a=mid:1e3' }),
    ]);
    const answer = answerTo(
      text,
      () =>
        new Map([
          ['007', { send: outgoing(0) }],
          ['1e3', { receive: true }],
        ]),
    );
    expect(answer.session).toContain('a=group:BUNDLE 007 1e3');
    expect(answer.direction('007')).toBe('sendonly');
    expect(answer.direction('1e3')).toBe('recvonly');
  });
});
