// Simulcast in SDP: rid lines (RFC 8851), their ids (RFC 8852) and the order of streams (RFC 8853).

import { describe, expect, it } from 'vitest';
import {
  agreedOf,
  accepted,
  answerTo,
  AUDIO,
  fixture,
  offerOf,
  outgoing,
  sectionOf,
  VIDEO,
} from '../support/sdp.ts';
import { negotiate } from '../../sfu/sdp/negotiation.ts';
import type { Decision } from '../../sfu/sdp/negotiation.ts';

const publish: Decision = { receive: true };

const offerWith = (lines: readonly string[]): string =>
  offerOf([AUDIO, [...VIDEO, ...lines.map((line) => `a=${line}`)]]);

/** The rid and simulcast lines of the answer to a video section with these. */
function answered(lines: readonly string[], decision: Decision = publish): string[] {
  const answer = answerTo(offerWith(lines), () => new Map([['1', decision]]));
  return answer.section('1').filter((line) => /^a=(?:rid|simulcast)/.test(line));
}

const THREE = ['rid:q send', 'rid:h send', 'rid:f send'];

describe('streams', () => {
  it('RFC 8853 s5.3.2: what is offered to be sent is answered as received, in the order offered', () => {
    expect(answered([...THREE, 'simulcast:send q;h;f'])).toEqual([
      'a=rid:q recv',
      'a=rid:h recv',
      'a=rid:f recv',
      'a=simulcast:recv q;h;f',
    ]);
    expect(answered([...THREE, 'simulcast:send f;q'])).toEqual([
      'a=rid:f recv',
      'a=rid:q recv',
      'a=simulcast:recv f;q',
    ]);
  });

  it('RFC 8853 s5.3.2: the number of streams may be reduced, and is to three', () => {
    const five = [...THREE, 'rid:x send', 'rid:y send', 'simulcast:send x;q;h;f;y'];
    expect(answered(five).at(-1)).toBe('a=simulcast:recv x;q;h');
  });

  it('RFC 8853 s5.1: both directions may be listed, either one first; what the peer would receive is not answered', () => {
    const lines = [...THREE, 'rid:r recv'];
    for (const list of ['send q;h recv r', 'recv r send q;h']) {
      expect(answered([...lines, `simulcast:${list}`]).at(-1)).toBe('a=simulcast:recv q;h');
    }
    expect(answered([...lines, 'simulcast:recv r'])).toEqual([]);
  });

  it('RFC 8853 s5.2: a direction that stands twice is none', () => {
    expect(answered([...THREE, 'simulcast:send q send h'])).toEqual([]);
  });

  it('RFC 8853 s5.3.2: of several simulcast lines none is answered', () => {
    expect(answered([...THREE, 'simulcast:send q;h', 'simulcast:send h;f'])).toEqual([]);
  });

  it('RFC 8853 s5.3.2: one at session level is not answered', () => {
    const text = offerWith(THREE).replace('t=0 0', 't=0 0\r\na=simulcast:send q;h');
    expect(answerTo(text).text).not.toContain('simulcast');
  });

  it('RFC 8853 s5.3.2: of alternatives the most wanted is answered', () => {
    expect(answered([...THREE, 'simulcast:send h,q;f']).at(-1)).toBe('a=simulcast:recv h;f');
  });

  it('RFC 8853 s5.3.2: no stream is answered as paused, for there is no RTCP to resume it', () => {
    expect(answered([...THREE, 'simulcast:send q;~h;~f']).at(-1)).toBe('a=simulcast:recv q;h;f');
  });

  it('RFC 8853 s5.2: a stream without a rid line is none, and counts once', () => {
    expect(answered([...THREE, 'simulcast:send q;z;q;f']).at(-1)).toBe('a=simulcast:recv q;f');
    expect(answered([...THREE, 'simulcast:send z'])).toEqual([]);
  });

  it('RFC 8853 s5.3.3: nothing is answered where nothing is received', () => {
    const lines = [...THREE, 'simulcast:send q;h;f'];
    expect(answered(lines, {})).toEqual([]);
    expect(answered(lines, { send: outgoing(0) })).toEqual([]);
  });

  it('RFC 8853 s6.2.2: a slot has one stream, whatever its source has', () => {
    const { sections } = answerTo(fixture('chromium-slots'));
    expect(sections.flat().filter((line) => /^a=(?:rid|simulcast)/.test(line))).toEqual([]);
  });
});

describe('rid', () => {
  it('RFC 8851 s6.3 step 2: restrictions are repeated as they are', () => {
    const lines = [
      'rid:a send max-width=1280;max-fps=30',
      'rid:b send max-br=500',
      'simulcast:send a;b',
    ];
    expect(answered(lines)).toEqual([
      'a=rid:a recv max-width=1280;max-fps=30',
      'a=rid:b recv max-br=500',
      'a=simulcast:recv a;b',
    ]);
  });

  it('RFC 8851 s6.2.2: unknown restrictions of a stream to send are no obstacle', () => {
    expect(answered(['rid:a send new-thing=4;flag', 'simulcast:send a'])[0]).toBe(
      'a=rid:a recv new-thing=4;flag',
    );
  });

  it('RFC 8851 s6.2.2 step 2: an id that stands twice is none', () => {
    const lines = ['rid:a send', 'rid:b send', 'rid:a send', 'simulcast:send a;b'];
    expect(answered(lines)).toEqual(['a=rid:b recv', 'a=simulcast:recv b']);
  });

  it('RFC 8851 s6.2.2 step 3: payload types that the m= line lacks do not count', () => {
    const lines = ['rid:a send pt=96,55', 'rid:b send pt=55', 'simulcast:send a;b'];
    expect(answered(lines)).toEqual(['a=rid:a recv pt=96', 'a=simulcast:recv a']);
  });

  it('RFC 8851 s6.3 step 4: nor those of codecs that are not answered', () => {
    const text = offerOf([
      AUDIO,
      [
        'm=video 9 UDP/TLS/RTP/SAVPF 96 98',
        ...VIDEO.slice(1, 5),
        'a=rtpmap:96 VP8/90000',
        'a=rtpmap:98 VP9/90000',
        'a=rid:a send pt=96,98',
        'a=rid:b send pt=98;max-fps=10',
        'a=rid:c send',
        'a=simulcast:send a;b;c',
      ],
    ]);
    const decisions = new Map([['1', { receive: true, codecs: ['VP8' as const] }]]);
    const negotiation = negotiate(accepted(text), decisions);
    expect(agreedOf(negotiation, '1').simulcast).toEqual([
      { id: 'a', payloadTypes: [96], restrictions: [] },
      { id: 'c', payloadTypes: undefined, restrictions: [] },
    ]);
  });

  it('RFC 8851 s6.2.2 step 1: a line in another form does not count', () => {
    const wrong = ['rid:a sned', 'rid:b send max width', 'rid:c-d send', 'rid:e', 'rid:ä send'];
    expect(answered([...wrong, 'rid:g send', 'simulcast:send a;b;c-d;e;g'])).toEqual([
      'a=rid:g recv',
      'a=simulcast:recv g',
    ]);
  });

  it('RFC 8851 s5: the direction is that of the list', () => {
    expect(answered(['rid:a recv', 'rid:b send', 'simulcast:send a;b']).at(-1)).toBe(
      'a=simulcast:recv b',
    );
  });

  it('RFC 8852 s3: an id has room in a header extension of one byte', () => {
    const longest = 'r'.repeat(16);
    const lines = [`rid:${longest} send`, `rid:${longest}r send`];
    expect(answered([...lines, `simulcast:send ${longest};${longest}r`]).at(-1)).toBe(
      `a=simulcast:recv ${longest}`,
    );
  });

  it('RFC 8852 s3: an id that looks like a number is a text', () => {
    expect(answered(['rid:0 send', 'rid:01 send', 'simulcast:send 01;0'])).toEqual([
      'a=rid:01 recv',
      'a=rid:0 recv',
      'a=simulcast:recv 01;0',
    ]);
  });
});

const streamsOf = (lines: readonly string[]): unknown =>
  sectionOf(accepted(offerWith(lines)), '1').streams;

describe('SSRCs', () => {
  it('RFC 5576 s4.2: each stream has its retransmissions, as Firefox lists them', () => {
    expect(sectionOf(accepted(fixture('firefox-simulcast')), '1').streams).toEqual([
      { ssrc: 695_616_309, rtxSsrc: 1_210_538_662 },
      { ssrc: 4_076_172_449, rtxSsrc: 683_618_579 },
      { ssrc: 1_236_450_398, rtxSsrc: 1_361_538_565 },
    ]);
  });

  it('RFC 5576 s4.2: a SIM group tells the order, and FEC is no stream', () => {
    const ssrcs = [1, 2, 3, 4, 5].map((ssrc) => `ssrc:${ssrc} cname:x`);
    const groups = ['ssrc-group:SIM 3 1', 'ssrc-group:FID 1 4', 'ssrc-group:FEC-FR 3 5'];
    expect(streamsOf([...ssrcs, ...groups])).toEqual([
      { ssrc: 3, rtxSsrc: undefined },
      { ssrc: 1, rtxSsrc: 4 },
      { ssrc: 2, rtxSsrc: undefined },
    ]);
  });

  it('RFC 5576 s4.1: an SSRC has 32 bits, and a group names those that are listed', () => {
    const ssrcs = ['ssrc:4294967295 cname:x', 'ssrc:4294967296 cname:x', 'ssrc:-1 cname:x'];
    expect(streamsOf([...ssrcs, 'ssrc-group:FID 4294967295 9'])).toEqual([
      { ssrc: 4_294_967_295, rtxSsrc: undefined },
    ]);
  });
});
