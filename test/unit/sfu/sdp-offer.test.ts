// What an offer is read as, its limits, and how each refusal names what is wrong.

import { describe, expect, it } from 'vitest';
import { LINE_CHARS_MAX, OFFER_LIMITS } from '../../../sfu/sdp/limits.ts';
import { parseOffer } from '../../../sfu/sdp/offer.ts';
import {
  accepted,
  AUDIO,
  changed,
  fixture,
  offerOf,
  refusalOf,
  sectionOf,
  VIDEO,
} from '../../support/sdp.ts';

const refusal = (text: string): string => refusalOf(parseOffer(text));

/** The text with more of something that means nothing, before its first section. */
const padded = (text: string, padding: string): string =>
  text.replace('t=0 0\r\n', `t=0 0\r\n${padding}`);

const small = offerOf([AUDIO, VIDEO]);

const other = (mid: string, line: string): string[] =>
  changed(VIDEO, { 'a=mid:': `a=mid:${mid}`, 'm=': line });

describe('what is read', () => {
  it('of a browser that publishes three encodings', () => {
    const offer = accepted(fixture('chromium-simulcast'));
    expect(offer.transport.setup).toBe('actpass');
    expect(offer.iceOptions).toEqual(['trickle']);
    expect(offer.extmapAllowMixed).toBe(true);
    const video = sectionOf(offer, '1');
    expect(video).toMatchObject({
      line: 39,
      media: 'video',
      kind: 'video',
      protocol: 'UDP/TLS/RTP/SAVPF',
      direction: 'sendonly',
      rtcpRsize: true,
      extmapAllowMixed: false,
      msid: {
        stream: '564bc96d-6f07-419a-ac1d-7fffa97bd6a9',
        track: 'cdac7b7d-ffc6-418a-a6f2-d10f38434675',
      },
      streams: [],
    });
    expect(video.simulcast.map(({ id }) => id)).toEqual(['q', 'h', 'f']);
    expect(
      video.codecs.map(({ format, payloadType, rtxPayloadType }) => [
        format,
        payloadType,
        rtxPayloadType,
      ]),
    ).toEqual([
      ['VP8', 96, 97],
      ['H264/baseline', 102, 103],
      ['H264/constrained-baseline', 108, 109],
      ['H264/main', 116, 117],
      ['AV1', 45, 46],
      ['VP9/0', 98, 99],
      ['VP9/2', 100, 101],
    ]);
    expect(video.extensions.map(({ id, name }) => `${id} ${name}`)).toEqual([
      '2 abs-send-time',
      '13 video-orientation',
      '3 transport-cc',
      '5 playout-delay',
      '4 mid',
      '10 rid',
      '11 repaired-rid',
      '12 dependency-descriptor',
    ]);
  });

  it('of Firefox: names in braces, directions of extensions, sections without a port', () => {
    const offer = accepted(fixture('firefox-simulcast'));
    expect(offer.bundle).toEqual(['0', '1']);
    const video = sectionOf(offer, '1');
    expect(video.msid?.track).toBe('{94ba43da-41cd-48f5-8177-cdb29e75afcb}');
    expect(video.extensions.find(({ name }) => name === 'rid')?.direction).toBe('sendonly');
    expect(video.streams).toHaveLength(3);
  });

  it('of libdatachannel: a transport that stands in the session, and options with a comma', () => {
    const offer = accepted(fixture('libdatachannel-publish'));
    expect(offer.iceOptions).toEqual(['ice2', 'trickle']);
    expect(offer.transport.fingerprints[0]).toMatch(/^sha-256 AF:E6:/);
    expect(sectionOf(offer, 'audio').streams).toEqual([{ ssrc: 1111, rtxSsrc: undefined }]);
  });

  it('of GStreamer: capital letters, and no msid of its own', () => {
    const offer = accepted(fixture('gstreamer-publish'));
    expect(sectionOf(offer, 'audio1').codecs).toMatchObject([{ name: 'opus', payloadType: 111 }]);
    expect(sectionOf(offer, 'video0').msid).toBe(undefined);
  });

  it('of a peer that receives: no streams, whatever SSRCs its reports come from', () => {
    expect(sectionOf(accepted(fixture('firefox-slots')), '2').streams).toEqual([]);
  });

  it('why a section is rejected', () => {
    const text = offerOf([
      AUDIO,
      other('a', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel'),
      other('b', 'm=message 9 TCP/MSRP *'),
      other('c', 'm=video 9 udp 96'),
      other('d', 'm=video 0 UDP/TLS/RTP/SAVPF 96'),
      other('e', 'm=video 9 UDP/TLS/RTP/SAVPF 35'),
    ]);
    const { sections } = accepted(text.replace(/BUNDLE.*/, 'BUNDLE 0 a b c d e'));
    expect(sections.map((section) => !section.accepted && section.reason)).toEqual([
      false,
      'data-channel',
      'media',
      'protocol',
      'disabled',
      'no-codec',
    ]);
    const outside = accepted(offerOf([AUDIO, VIDEO]).replace('BUNDLE 0 1', 'BUNDLE 0'));
    expect(outside.sections[1]).toMatchObject({ accepted: false, reason: 'not-bundled' });
  });

  it('with line ends of one character, and without the last one', () => {
    const expected = accepted(small);
    for (const end of ['\n', '\r']) {
      expect(accepted(small.replaceAll('\r\n', end))).toEqual(expected);
    }
    expect(accepted(small.trimEnd())).toEqual(expected);
    expect(accepted(`${small}\r\n\r\n`)).toEqual(expected);
  });

  it('as values that can be sent to another thread', () => {
    const offer = accepted(fixture('firefox-simulcast'));
    expect(structuredClone(offer)).toEqual(offer);
  });
});

// Of the size of the limit exactly, in lines of two bytes and of 1,000.
const fill = (character: string, bytes: number): string => {
  const lines = Math.floor(bytes / 1000);
  const line = `i=${character.repeat(996 / Buffer.byteLength(character))}\r\n`;
  const rest = bytes - lines * 1000;
  return line.repeat(lines) + (rest >= 4 ? `i=${'x'.repeat(rest - 4)}\r\n` : '');
};

const candidate = (length: number): string =>
  `a=candidate:1 1 udp 1 192.0.2.1 9 typ host x ${'y'.repeat(length)}`.slice(0, length + 12);

describe('limits', () => {
  it('of bytes: 64 KiB, of which a character may take several', () => {
    const room = OFFER_LIMITS.bytes - small.length;
    for (const character of ['x', 'é']) {
      const full = padded(small, fill(character, room));
      expect(Buffer.byteLength(full)).toBe(65_536);
      expect(refusal(full)).toBe('accepted');
      expect(refusal(`${full}\n`)).toBe('too-large: The SDP has more than 65536 bytes.');
    }
  });

  it('of bytes: 256 KiB where there are a hundred sections', () => {
    const gone = ['m=audio 0 UDP/TLS/RTP/SAVPF 0', `i=${'x'.repeat(1200)}`];
    const many = (count: number): string =>
      offerOf([AUDIO, ...Array.from({ length: count - 1 }, () => gone)]);
    expect(many(99).length).toBeGreaterThan(100_000);
    expect(refusal(many(99))).toMatch(/^too-large: .* 65536 bytes/);
    expect(refusal(many(100))).toBe('accepted');
    expect(refusal(many(230))).toMatch(/^too-large: .* 262144 bytes/);
  });

  it('of lines: 4000', () => {
    const lines = small.split('\r\n').length - 1;
    expect(refusal(padded(small, 'i=\n'.repeat(4000 - lines)))).toBe('accepted');
    expect(refusal(padded(small, 'i=\n'.repeat(4001 - lines)))).toBe(
      'too-large: The SDP has more than 4000 lines.',
    );
    expect(refusal('\n'.repeat(4001))).toMatch(/^too-large: .* 4000 lines/);
  });

  it('of sections: 256', () => {
    const gone = ['m=audio 0 RTP/AVP 0'];
    const many = (count: number): string =>
      offerOf([AUDIO, ...Array.from({ length: count - 1 }, () => gone)]);
    expect(refusal(many(256))).toBe('accepted');
    expect(refusal(many(257))).toBe('too-large: The SDP has more than 256 m= sections.');
  });

  it('of a line: 4096 characters', () => {
    const line = `i=${'x'.repeat(LINE_CHARS_MAX - 2)}`;
    expect(refusal(padded(small, `${line}\r\n`))).toBe('accepted');
    expect(refusal(padded(small, `${line}x\r\n`))).toBe(
      'too-large: Line 5 has more than 4096 characters.',
    );
  });

  it('of a candidate: 512 characters', () => {
    expect(refusal(offerOf([[...AUDIO, candidate(512)]]))).toBe('accepted');
    expect(refusal(offerOf([[...AUDIO, candidate(513)]]))).toBe(
      'too-large: Line 16 has a candidate of more than 512 characters.',
    );
  });

  it('of SSRCs: nine in a section, those after do not count', () => {
    const lines = Array.from({ length: 12 }, (_, i) => `a=ssrc:${i + 1} cname:x`);
    const { streams } = sectionOf(accepted(offerOf([[...AUDIO, ...lines]])), '0');
    expect(streams.map(({ ssrc }) => ssrc)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('syntax', () => {
  it.each([
    ['', 'Line 1 is not v=0.'],
    ['v=0', 'Line 1 is not v=0.'],
    ['v=1\r\n', 'Line 1 is not v=0.'],
    [`\r\n${small}`, 'Line 1 is not v=0.'],
    ['{"type":"offer"}', 'Line 1 does not begin with a small letter and "=".'],
    [padded(small, 'A=x\r\n'), 'Line 5 does not begin with a small letter and "=".'],
    [padded(small, ' a=x\r\n'), 'Line 5 does not begin with a small letter and "=".'],
    [padded(small, 'ab=x\r\n'), 'Line 5 does not begin with a small letter and "=".'],
    [padded(small, 'a\r\n'), 'Line 5 does not begin with a small letter and "=".'],
    [padded(small, 'i=\0\r\n'), 'Line 5 has a control character.'],
    [
      small.replace('m=video 9', 'm=video nine'),
      'Line 16 is not m=<media> <port> <protocol> <formats>.',
    ],
    [
      small.replace('m=video 9', 'm=video 65536'),
      'Line 16 is not m=<media> <port> <protocol> <formats>.',
    ],
    [
      small.replace('m=video 9', 'm=video 9/2'),
      'Line 16 is not m=<media> <port> <protocol> <formats>.',
    ],
    [
      small.replace('SAVPF 96 97', 'SAVPF'),
      'Line 16 is not m=<media> <port> <protocol> <formats>.',
    ],
    [small.replace('m=video 9', 'm= 9'), 'Line 16 is not m=<media> <port> <protocol> <formats>.'],
  ])('%j is no offer', (text, message) => {
    expect(refusal(text)).toBe(`syntax: ${message}`);
  });

  it.each([
    'mid:0',
    'ice-ufrag:abcd',
    'ice-pwd:abcdefghijklmnopqrstuv',
    'setup:active',
    'sendonly',
  ])('a=%s does not stand twice in a section', (attribute) => {
    const name = attribute.split(':')[0]!;
    const section = [...changed(AUDIO, { 'a=sendrecv': `a=${attribute}` }), `a=${attribute}`];
    const twice = attribute.startsWith('mid') ? [...AUDIO, 'a=mid:0'] : section;
    expect(refusal(offerOf([twice]).replace(/BUNDLE.*/, 'BUNDLE 0'))).toBe(
      `syntax: Line ${attribute.startsWith('mid') ? 16 : 16} has a=${name}, which stands there already.`,
    );
  });

  it('no refusal tells a password', () => {
    const secret = 'secret-with-a-wrong-character';
    const text = small.replace('abcdefghijklmnopqrstuv', secret);
    expect(refusal(text)).toMatch(/^ice: /);
    expect(refusal(text)).not.toContain(secret);
    const twice = text.replace(/(a=ice-pwd:.*\r\n)/, '$1$1');
    expect(refusal(twice)).toMatch(/^syntax: /);
    expect(refusal(twice)).not.toContain(secret);
  });

  it('nothing of an offer becomes a line of its own in the answer', () => {
    const text = offerOf(
      [AUDIO],
      [
        'a=ice-ufrag:abcd',
        'a=ice-pwd:abcdefghijklmnopqrstuv',
        'a=setup:actpass',
        'a=fingerprint:sha-256 \u2028a=evil',
      ],
    );
    expect(refusal(text)).toMatch(/^dtls: /);
    const payload = changed(VIDEO, { 'm=video': 'm=text 9 RTP/AVP 96\u2028a=evil' });
    const rejected = accepted(offerOf([AUDIO, payload])).sections[1]!;
    expect(rejected).toMatchObject({ accepted: false, payload: '96' });
  });
});
