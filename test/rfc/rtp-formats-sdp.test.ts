// Which codecs of an offer are answered and how: H.264 (RFC 6184), Opus (RFC 7587), redundancy (RFC 2198),
// VP9 (RFC 9628), H.265 (RFC 7798), retransmission (RFC 4588), feedback (RFC 4585) and the payload types
// RTCP needs (RFC 5761).

import { describe, expect, it } from 'vitest';
import { h264Profile } from '../../sfu/sdp/h264-profile.ts';
import type { Decision } from '../../sfu/sdp/negotiation.ts';
import { parseOffer } from '../../sfu/sdp/offer.ts';
import { answerTo, AUDIO, offerOf, refusalOf, VIDEO } from '../support/sdp.ts';

/** The formats and the lines about them of the answer to a section with these. */
function answered(
  kind: 'audio' | 'video',
  formats: string,
  lines: readonly string[],
  decision: Decision = { receive: true },
): string[] {
  const head = (kind === 'audio' ? AUDIO : VIDEO).slice(1, 5);
  const section = [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${formats}`,
    ...head,
    ...lines.map((line) => `a=${line}`),
  ];
  const other = kind === 'audio' ? VIDEO : AUDIO;
  const mid = kind === 'audio' ? '0' : '1';
  const answer = answerTo(offerOf([other, section]), () => new Map([[mid, decision]]));
  const found = answer.section(mid);
  return [
    found[0]!.split(' ').slice(3).join(' '),
    ...found
      .filter((line) => /^a=(?:rtpmap|fmtp|rtcp-fb):/.test(line))
      .map((line) => line.slice(2)),
  ];
}

const h264 = (parameters: string): string[] =>
  answered('video', '96 102', [
    'rtpmap:96 VP8/90000',
    'rtpmap:102 H264/90000',
    `fmtp:102 ${parameters}`,
  ]);

const OPUS = ['rtpmap:111 opus/48000/2', 'fmtp:111 minptime=10;useinbandfec=1'];

describe('payload types', () => {
  it('RFC 5761 s4: those that would look like RTCP are not used', () => {
    const lines = [63, 64, 95, 96].map((type) => `rtpmap:${type} VP8/90000`);
    expect(answered('video', '63 64 95 96', lines)[0]).toBe('63 96');
  });

  it('RFC 5761 s4: nor for retransmissions', () => {
    const lines = ['rtpmap:96 VP8/90000', 'rtpmap:72 rtx/90000', 'fmtp:72 apt=96'];
    expect(answered('video', '96 72', lines)[0]).toBe('96');
  });

  it.each(['128', '-1', '1e1', 'VP8', '96 ', '96  97'])(
    'RFC 3551 s3: a payload type has seven bits, "%s" is refused',
    (formats) => {
      const section = [`m=video 9 UDP/TLS/RTP/SAVPF ${formats}`, ...VIDEO.slice(1)];
      expect(refusalOf(parseOffer(offerOf([section])))).toMatch(/^payload-type: .* of line 10 /);
    },
  );

  it('RFC 8866 s5.14: one that is listed twice is refused', () => {
    const section = ['m=video 9 UDP/TLS/RTP/SAVPF 96 97 96', ...VIDEO.slice(1)];
    expect(refusalOf(parseOffer(offerOf([section])))).toMatch(
      /^payload-type: .* stands there twice/,
    );
  });

  it('RFC 8866 s6.6: encodings know no case, but a clock rate and a number of channels', () => {
    expect(answered('audio', '100', ['rtpmap:100 OPUS/48000/2'])).toEqual([
      '100',
      'rtpmap:100 opus/48000/2',
    ]);
    const wrong = ['rtpmap:100 opus/48000', 'rtpmap:101 opus/16000/2', 'rtpmap:102 opus/48000/2'];
    expect(answered('audio', '100 101 102', wrong)[0]).toBe('102');
    expect(answered('video', '96 97', ['rtpmap:96 VP8/8000', 'rtpmap:97 vp8/90000'])[0]).toBe('97');
  });

  it('RFC 8866 s6.6: lines about payload types that are not listed do not count, nor second ones', () => {
    const lines = ['rtpmap:96 VP8/90000', 'rtpmap:98 VP9/90000', 'rtpmap:96 VP9/90000'];
    expect(answered('video', '96', lines)).toEqual(['96', 'rtpmap:96 VP8/90000']);
  });

  it('RFC 3264 s6.1: formats are answered with the payload types offered, most wanted first', () => {
    const lines = ['rtpmap:45 AV1/90000', 'rtpmap:98 VP9/90000', 'rtpmap:96 VP8/90000'];
    expect(answered('video', '45 98 96', lines)[0]).toBe('96 98 45');
    const decision: Decision = { receive: true, codecs: ['AV1', 'VP8'] };
    expect(answered('video', '45 98 96', lines, decision)[0]).toBe('45 96');
  });

  it('RFC 3264 s6.1: a wish that leaves no format makes the section inactive, and it keeps its formats', () => {
    const answer = answerTo(
      offerOf([VIDEO]),
      () => new Map([['1', { receive: true, codecs: ['H265' as const] }]]),
    );
    expect(answer.mLines()).toEqual(['m=video 7882 UDP/TLS/RTP/SAVPF 96 97']);
    expect(answer.direction('1')).toBe('inactive');
  });
});

describe('retransmission', () => {
  it('RFC 4588 s8.6: is answered for each codec that has one, and for no other', () => {
    const lines = [
      'rtpmap:96 VP8/90000',
      'rtpmap:98 VP9/90000',
      'rtpmap:99 rtx/90000',
      'fmtp:99 apt=98;rtx-time=3000',
      'rtpmap:118 red/90000',
      'rtpmap:119 rtx/90000',
      'fmtp:119 apt=118',
    ];
    expect(answered('video', '96 98 99 118 119', lines)).toEqual([
      '96 98 99',
      'rtpmap:96 VP8/90000',
      'rtpmap:98 VP9/90000',
      'rtpmap:99 rtx/90000',
      'fmtp:99 apt=98',
    ]);
  });

  it.each(['', 'fmtp:97 apt=', 'fmtp:97 apt=500', 'fmtp:97 apt=98', 'fmtp:97 rtx-time=100'])(
    'RFC 4588 s8.1: one of nothing is left out: %s',
    (line) => {
      expect(
        answered('video', '96 97', ['rtpmap:96 VP8/90000', 'rtpmap:97 rtx/90000', line])[0],
      ).toBe('96');
    },
  );

  it('RFC 4588 s8.1: it has the clock rate of what it repeats', () => {
    const lines = ['rtpmap:96 VP8/90000', 'rtpmap:97 rtx/48000', 'fmtp:97 apt=96'];
    expect(answered('video', '96 97', lines)[0]).toBe('96');
  });

  it('RFC 3264 s6.1: what is not forwarded is left out, such as forward error correction', () => {
    const lines = ['rtpmap:96 VP8/90000', 'rtpmap:120 ulpfec/90000', 'rtpmap:49 flexfec-03/90000'];
    expect(answered('video', '96 120 49', lines)[0]).toBe('96');
  });
});

const feedback = (...lines: string[]): string[] =>
  answered('video', '96', ['rtpmap:96 VP8/90000', ...lines])
    .filter((line) => line.startsWith('rtcp-fb:'))
    .map((line) => line.slice('rtcp-fb:96 '.length));

describe('feedback', () => {
  const EXTENSION =
    'extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';

  it('RFC 4585 s4.2: what is offered and known is answered', () => {
    expect(
      feedback(
        'rtcp-fb:96 ccm fir',
        'rtcp-fb:96 nack',
        'rtcp-fb:96 nack pli',
        'rtcp-fb:96 nack rpsi',
      ),
    ).toEqual(['nack', 'nack pli', 'ccm fir']);
    expect(feedback('rtcp-fb:96 trr-int 100', 'rtcp-fb:98 nack')).toEqual([]);
  });

  it('RFC 4585 s4.2: an asterisk is for all', () => {
    expect(feedback('rtcp-fb:* nack', 'rtcp-fb:96 nack pli')).toEqual(['nack', 'nack pli']);
  });

  it('RFC 4585 s4.2: one way to estimate bandwidth is enough: transport-wide numbers where they are carried, else REMB', () => {
    const both = ['rtcp-fb:96 goog-remb', 'rtcp-fb:96 transport-cc'];
    expect(feedback(...both, EXTENSION)).toEqual(['transport-cc']);
    expect(feedback(...both)).toEqual(['goog-remb']);
    expect(feedback('rtcp-fb:96 goog-remb', EXTENSION)).toEqual(['goog-remb']);
    expect(feedback('rtcp-fb:96 transport-cc')).toEqual([]);
  });
});

describe('H.264', () => {
  it.each([
    ['42e01f', 'constrained-baseline'],
    ['42c00d', 'constrained-baseline'],
    ['4d8015', 'constrained-baseline'],
    ['58c01f', 'constrained-baseline'],
    ['42001f', 'baseline'],
    ['42100b', 'baseline'],
    ['58801f', 'baseline'],
    ['4d001f', 'main'],
    ['4D0034', 'main'],
    ['640c34', 'constrained-high'],
    ['640034', 'high'],
  ])('RFC 6184 s8.1: %s is %s', (id, profile) => {
    expect(h264Profile(id)).toBe(profile);
  });

  it.each(['6e0034', '58001f', 'f40034', '420f1f', '42e0', '42e01f00', 'xyz', ''])(
    'RFC 6184 s8.1: "%s" is a profile that is not forwarded, or none',
    (id) => {
      expect(h264Profile(id)).toBe(undefined);
    },
  );

  it('RFC 6184 s8.1: without a profile-level-id it is Baseline', () => {
    expect(h264Profile()).toBe('baseline');
  });

  it('RFC 6184 s8.2.2: the configuration is answered as offered, level and all', () => {
    expect(
      h264('profile-level-id=42E01F;packetization-mode=1;level-asymmetry-allowed=1;max-fs=3600'),
    ).toEqual([
      '96 102',
      'rtpmap:96 VP8/90000',
      'rtpmap:102 H264/90000',
      'fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42E01F',
    ]);
  });

  it.each([
    'profile-level-id=42e01f',
    'packetization-mode=0;profile-level-id=42e01f',
    'packetization-mode=2',
  ])('RFC 6184 s8.2.2: a mode other than 1 is left out: %s', (parameters) => {
    expect(h264(parameters)[0]).toBe('96');
  });

  it('RFC 7742 s6.2: Constrained Baseline comes first', () => {
    const ids = ['64001f', '42001f', '4d001f', '42e01f', '640c1f'];
    const lines = ids.flatMap((id, i) => [
      `rtpmap:${100 + i} H264/90000`,
      `fmtp:${100 + i} packetization-mode=1;profile-level-id=${id}`,
    ]);
    expect(answered('video', '100 101 102 103 104', lines)[0]).toBe('103 104 100 102 101');
  });
});

describe('VP9, AV1 and H.265', () => {
  it('RFC 9628 s6: VP9 has profile 0 unless it says otherwise, and 0 and 2 are forwarded', () => {
    const lines = [
      ...[96, 97, 98, 99].map((type) => `rtpmap:${type} VP9/90000`),
      'fmtp:97 profile-id=2',
      'fmtp:98 profile-id=1',
      'fmtp:99 profile-id=3',
    ];
    expect(answered('video', '97 98 99 96', lines)).toEqual([
      '96 97',
      'rtpmap:96 VP9/90000',
      'rtpmap:97 VP9/90000',
      'fmtp:97 profile-id=2',
    ]);
  });

  it('RFC 7798 s7.2.2: H.265 is the Main profile on one transport, with its tier and level', () => {
    const lines = [
      ...[96, 97, 98].map((type) => `rtpmap:${type} H265/90000`),
      'fmtp:96 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST',
      'fmtp:97 profile-id=2',
      'fmtp:98 tx-mode=MRST',
    ];
    expect(answered('video', '96 97 98', lines)).toEqual([
      '96',
      'rtpmap:96 H265/90000',
      'fmtp:96 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST',
    ]);
  });

  it('RFC 8866 s6.15: parameters are what is known of them, in the form that is known', () => {
    const av1 = (parameters: string): string[] =>
      answered('video', '45', ['rtpmap:45 AV1/90000', `fmtp:45 ${parameters}`]);
    expect(av1('Level-Idx=5; profile=0; tier=0')).toContain('fmtp:45 level-idx=5;profile=0;tier=0');
    expect(av1('level-idx=high;tier=2;x=y')).toEqual(['45', 'rtpmap:45 AV1/90000']);
    expect(
      answered('video', '96 45', [
        'rtpmap:96 VP8/90000',
        'rtpmap:45 AV1/90000',
        'fmtp:45 profile=1',
      ])[0],
    ).toBe('96');
  });
});

describe('Opus', () => {
  it('RFC 7587 s7.1: unknown parameters are removed from the answer', () => {
    const line = 'fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=1;maxplaybackrate=48000;x=y';
    expect(answered('audio', '111', ['rtpmap:111 opus/48000/2', line])).toContain(
      'fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=1',
    );
  });

  it('RFC 7587 s6.1: what the encoder is to do is decided here', () => {
    const on: Decision = { receive: true, opus: { stereo: true, dtx: true } };
    const off: Decision = { receive: true, opus: { stereo: false } };
    const stereo = ['rtpmap:111 opus/48000/2', 'fmtp:111 stereo=1;usedtx=1'];
    expect(answered('audio', '111', OPUS, on)).toContain(
      'fmtp:111 minptime=10;useinbandfec=1;stereo=1;usedtx=1',
    );
    expect(answered('audio', '111', stereo, off)).toContain('fmtp:111 usedtx=1;stereo=0');
    expect(answered('audio', '111', ['rtpmap:111 opus/48000/2'], on)).toContain(
      'fmtp:111 stereo=1;usedtx=1',
    );
  });
});

describe('redundancy', () => {
  const RED = [...OPUS, 'rtpmap:63 red/48000/2', 'fmtp:63 111/111'];

  it('RFC 2198 s5: redundant Opus is answered after the plain one', () => {
    expect(answered('audio', '63 111', RED)).toEqual([
      '111 63',
      'rtpmap:111 opus/48000/2',
      'fmtp:111 minptime=10;useinbandfec=1',
      'rtpmap:63 red/48000/2',
      'fmtp:63 111/111',
    ]);
  });

  it('RFC 2198 s5: and before it where it is wanted', () => {
    expect(answered('audio', '111 63', RED, { receive: true, codecs: ['red', 'opus'] })[0]).toBe(
      '63 111',
    );
  });

  it('RFC 2198 s5: not without what is inside', () => {
    const answer = answered('audio', '111 63', RED, { receive: true, codecs: ['red'] });
    expect(answer[0]).toBe('111 63');
    expect(answered('audio', '111 63', RED, { receive: true, codecs: ['opus'] })[0]).toBe('111');
  });

  it.each(['', 'fmtp:63 111', 'fmtp:63 111/110', 'fmtp:63 110/110', 'fmtp:63 a/a'])(
    'RFC 2198 s5: redundancy of anything else is left out: %s',
    (line) => {
      expect(answered('audio', '111 63', [...OPUS, 'rtpmap:63 red/48000/2', line])[0]).toBe('111');
    },
  );
});
