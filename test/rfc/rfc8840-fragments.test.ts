// Trickle ICE fragments (RFC 8840 s9), as WHIP and WHEP send and get them (RFC 9725 s4.3).

import { describe, expect, it } from 'vitest';
import { makeFragment, parseFragment } from '../../sfu/sdp/fragment.ts';
import { fixture, LOCAL, refusalOf } from '../support/sdp.ts';

const CREDENTIALS = 'a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n';
const CANDIDATE = 'a=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host\r\n';
const ICE = { ufrag: 'EsAw', password: 'P2uYro0UCOQ4zxjKXaWCBui1' };
const PSEUDO = 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n';

describe('what is sent', () => {
  it('RFC 8840 s9.2: credentials, pseudo m= lines, candidates and their end', () => {
    const text = `${CREDENTIALS}${PSEUDO}${CANDIDATE}${CANDIDATE}a=end-of-candidates\r\n`;
    expect(parseFragment(text)).toEqual({ ice: ICE, candidates: 2, endOfCandidates: true });
  });

  it('RFC 8840 s9.2: credentials may stand in the sections', () => {
    const text = `a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\n${PSEUDO}${CREDENTIALS}${CANDIDATE}`;
    expect(parseFragment(text)).toEqual({ ice: ICE, candidates: 1, endOfCandidates: false });
  });

  it('RFC 8840 s9.2: as simple-whip-client sends it', () => {
    expect(parseFragment(fixture('whip-client.sdpfrag'))).toEqual({
      ice: {
        ufrag: 'QJ5Wm1vDLb0nqSdOzTt8TnQx1uVp2rKe',
        password: 'Zk2wqYV1ob7HrFtC3mJXcN8sLgD5eAiP',
      },
      candidates: 2,
      endOfCandidates: true,
    });
  });

  it('RFC 8840 s9.2: unknown attributes are ignored, and a fragment may say nothing', () => {
    const nothing = { ice: undefined, candidates: 0, endOfCandidates: false };
    expect(parseFragment('a=something:new\r\n')).toEqual(nothing);
    expect(parseFragment('')).toEqual(nothing);
  });

  it.each([
    'a=ice-ufrag:EsAw\r\n',
    'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n',
    'a=ice-ufrag:E\r\na=ice-pwd:P\r\n',
  ])('RFC 8839 s5.4: half a pair of credentials, or a malformed one, is refused: %j', (text) => {
    expect(refusalOf(parseFragment(text))).toMatch(/^ice: /);
  });

  it.each([
    ['bytes', `${'a=x\r\n'.repeat(200)}${`a=${'y'.repeat(4000)}\r\n`.repeat(4)}`],
    ['lines', 'a=x\r\n'.repeat(257)],
    ['sections', PSEUDO.repeat(65)],
    ['characters in a candidate', `a=candidate:${'1'.repeat(513)}\r\n`],
  ])('RFC 8840 s13: one of too many %s is refused', (_what, text) => {
    expect(refusalOf(parseFragment(text))).toMatch(/^too-large: /);
  });

  it('RFC 8840 s9.2: what is no SDP is refused', () => {
    expect(refusalOf(parseFragment('{"candidate": "none"}'))).toMatch(/^syntax: Line 1 /);
  });
});

describe('what is answered', () => {
  it('RFC 9725 s4.3.3: an ICE restart is answered with credentials and candidates', () => {
    expect(makeFragment('audio0', LOCAL.ice, LOCAL.candidates.slice(0, 1))).toBe(
      [
        'a=ice-lite',
        'a=ice-options:ice2 trickle',
        'a=group:BUNDLE audio0',
        'm=audio 9 UDP/TLS/RTP/SAVPF 0',
        'a=mid:audio0',
        'a=ice-ufrag:sternaU1',
        'a=ice-pwd:sternaPasswordOf24Chars+',
        'a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host',
        'a=end-of-candidates',
        '',
      ].join('\r\n'),
    );
  });

  it('RFC 8840 s9.2: it is a fragment itself', () => {
    expect(parseFragment(makeFragment('0', LOCAL.ice, LOCAL.candidates))).toEqual({
      ice: LOCAL.ice,
      candidates: 3,
      endOfCandidates: true,
    });
  });
});
