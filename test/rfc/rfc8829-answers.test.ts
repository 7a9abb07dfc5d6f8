// The answer as a whole (RFC 8829 s5.3, RFC 3264 s6), its directions, its transport (RFC 8839, RFC 8122,
// RFC 8842) and its slots (RFC 8830, RFC 5576).

import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { newSessionId } from '../../sfu/sdp/answer.ts';
import type { Decision } from '../../sfu/sdp/negotiation.ts';
import { parseOffer } from '../../sfu/sdp/offer.ts';
import { answeredSetup } from '../../sfu/sdp/transport.ts';
import {
  accepted,
  answerTo,
  AUDIO,
  changed,
  FINGERPRINT,
  fixture,
  LOCAL,
  offerOf,
  outgoing,
  refusalOf,
  sectionOf,
  VIDEO,
} from '../support/sdp.ts';

const TRANSPORT = [
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuv',
  `a=fingerprint:${FINGERPRINT}`,
  'a=setup:actpass',
];

/** How an offer is refused whose session has these lines for the transport; 'accepted' if it is not. */
const transportOf = (...changes: [string, string | undefined][]): string =>
  refusalOf(parseOffer(offerOf([AUDIO], changed(TRANSPORT, Object.fromEntries(changes)))));

describe('the session', () => {
  it('RFC 8829 s5.3.1: begins as every answer of this session does, with a version of its own', () => {
    const origin = { sessionId: '7', version: 12 };
    const { session } = answerTo(offerOf([AUDIO]), undefined, { ...LOCAL, origin });
    expect(session.slice(0, 4)).toEqual(['v=0', 'o=- 7 12 IN IP4 127.0.0.1', 's=-', 't=0 0']);
  });

  it('RFC 8829 s5.2.1: the session id is a number of 63 bits, drawn each time', () => {
    const ids = Array.from({ length: 100 }, newSessionId);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) {
      expect(id).toMatch(/^\d+$/);
      expect(BigInt(id)).toBeLessThan(2n ** 63n);
    }
    expect(ids.some((id) => BigInt(id) > 2n ** 53n)).toBe(true);
  });

  it('RFC 8829 s5.3.1: has one m= section for each of the offer, in its order', () => {
    const { media } = parse(answerTo(fixture('chromium-svc-data')).text);
    expect(media.map(({ type, port }) => [type, port === 0])).toEqual([
      ['video', false],
      ['audio', false],
      ['application', true],
    ]);
  });

  it('RFC 8829 s5.3.1: the protocol is that of the offer, under whatever name DTLS-SRTP goes', () => {
    const text = offerOf([
      AUDIO,
      changed(VIDEO, { 'm=video': 'm=video 9 RTP/AVP 96' }),
      changed(VIDEO, { 'm=video': 'm=video 9 RTP/OTHER 96', 'a=mid:': 'a=mid:2' }),
      changed(VIDEO, { 'm=video': 'm=text 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:': 'a=mid:3' }),
    ]);
    expect(answerTo(text).mLines()).toEqual([
      'm=audio 7882 UDP/TLS/RTP/SAVPF 111',
      'm=video 7882 RTP/AVP 96',
      'm=video 0 RTP/OTHER 96',
      'm=text 0 UDP/TLS/RTP/SAVPF 96',
    ]);
  });

  it('RFC 8829 s5.3.1: an m= section without a codec in common is rejected', () => {
    const g722 = changed(AUDIO, { 'a=rtpmap': 'a=rtpmap:111 G722/8000', 'a=mid:': 'a=mid:2' });
    expect(answerTo(offerOf([AUDIO, g722])).mLines()[1]).toBe('m=audio 0 UDP/TLS/RTP/SAVPF 111');
  });

  it('RFC 5506 s5: rtcp-rsize is answered where it is offered', () => {
    const answer = answerTo(offerOf([[...AUDIO, 'a=rtcp-rsize'], VIDEO]));
    expect(answer.section('0')).toContain('a=rtcp-rsize');
    expect(answer.section('1')).not.toContain('a=rtcp-rsize');
  });
});

describe('directions', () => {
  const publish: Decision = { receive: true };
  const slot: Decision = { send: outgoing(0) };
  const both: Decision = { receive: true, send: outgoing(0) };

  it.each([
    ['sendrecv', both, 'sendrecv'],
    ['sendrecv', publish, 'recvonly'],
    ['sendrecv', slot, 'sendonly'],
    ['sendrecv', {}, 'inactive'],
    ['sendonly', both, 'recvonly'],
    ['sendonly', publish, 'recvonly'],
    ['sendonly', slot, 'inactive'],
    ['recvonly', both, 'sendonly'],
    ['recvonly', publish, 'inactive'],
    ['recvonly', slot, 'sendonly'],
    ['inactive', both, 'inactive'],
  ])(
    'RFC 3264 s6.1: what is offered as %s is answered by no more',
    (offered, decision, expected) => {
      const text = offerOf([changed(AUDIO, { 'a=sendrecv': `a=${offered}` })]);
      const answer = answerTo(text, () => new Map([['0', decision]]));
      expect(answer.direction('0')).toBe(expected);
      expect(answer.values('0', 'ssrc').length > 0).toBe(expected.startsWith('send'));
    },
  );

  it('RFC 8866 s6.7: a section without a direction has that of the session, or sendrecv', () => {
    const text = offerOf([changed(AUDIO, { 'a=sendrecv': undefined })]);
    expect(sectionOf(accepted(text), '0').direction).toBe('sendrecv');
    const session = text.replace('t=0 0', 't=0 0\r\na=sendonly');
    expect(sectionOf(accepted(session), '0').direction).toBe('sendonly');
  });

  it('RFC 3264 s6.1: a section that nothing is decided about is inactive, and can be used later', () => {
    const answer = answerTo(offerOf([AUDIO]), () => new Map());
    expect(answer.mLines()).toEqual(['m=audio 7882 UDP/TLS/RTP/SAVPF 111']);
    expect(answer.direction('0')).toBe('inactive');
  });
});

describe('slots', () => {
  const slots = answerTo(
    offerOf([AUDIO, VIDEO]),
    () =>
      new Map([
        ['0', { send: outgoing(3) }],
        ['1', { send: outgoing(4) }],
      ]),
  );

  it('RFC 8830 s2: names the stream and the track that are played', () => {
    expect(slots.values('0', 'msid')).toEqual(['stream3 track3']);
  });

  it('RFC 5576 s4: has its SSRC, and one for retransmissions where they are offered', () => {
    expect(slots.values('0', 'ssrc')).toEqual(['1003 cname:sterna']);
    expect(slots.values('0', 'ssrc-group')).toEqual([]);
    expect(slots.values('1', 'ssrc')).toEqual(['1004 cname:sterna', '2004 cname:sterna']);
    expect(slots.values('1', 'ssrc-group')).toEqual(['FID 1004 2004']);
  });

  it.each(['two words', 'line\r\na=sendrecv', ''])(
    'RFC 8830 s2: a name that is no token, "%s", is nothing to write',
    (track) => {
      const send = { ...outgoing(0), msid: { stream: 'stream', track } };
      expect(() => answerTo(offerOf([AUDIO]), () => new Map([['0', { send }]]))).toThrow('token');
    },
  );
});

describe('ICE', () => {
  it('RFC 8839 s4.2.1.4: the answer says that this agent is lite', () => {
    expect(answerTo(offerOf([AUDIO])).session).toContain('a=ice-lite');
  });

  it('RFC 8445 s6.1.1: an offer of a lite agent is refused, for nobody would check', () => {
    const text = offerOf([AUDIO], [...TRANSPORT, 'a=ice-lite']);
    expect(refusalOf(parseOffer(text))).toMatch(/^ice: The offer has a=ice-lite/);
  });

  it.each([
    [[], 'ice2'],
    [['a=ice-options:trickle'], 'ice2 trickle'],
    [['a=ice-options:ice2 trickle renomination'], 'ice2 trickle'],
    [['a=ice-options:ice2,trickle'], 'ice2 trickle'],
    [['a=ice-options:renomination'], 'ice2'],
  ])('RFC 8839 s4.2.1.5: always ice2, and trickle if offered: %j', (lines, expected) => {
    const { session } = answerTo(offerOf([AUDIO], [...TRANSPORT, ...lines]));
    expect(session).toContain(`a=ice-options:${expected}`);
  });

  it('RFC 8839 s4.2.1.2: the m= line has the first candidate of UDP', () => {
    const [, ipv6, tcp] = LOCAL.candidates;
    const six = answerTo(offerOf([AUDIO]), undefined, { ...LOCAL, candidates: [tcp!, ipv6!] });
    expect(six.sections[0]?.slice(0, 2)).toEqual([
      'm=audio 7882 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP6 2001:db8::1',
    ]);
    const none = answerTo(offerOf([AUDIO]), undefined, { ...LOCAL, candidates: [tcp!] });
    expect(none.sections[0]?.slice(0, 2)).toEqual([
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP4 0.0.0.0',
    ]);
    expect(none.values('0', 'candidate')).toEqual([
      '3 1 tcp 2124414975 192.0.2.1 7881 typ host tcptype passive',
    ]);
  });

  it('RFC 8840 s8.2: there are no more candidates to come', () => {
    const { text } = answerTo(offerOf([AUDIO, VIDEO]));
    expect(text.match(/a=end-of-candidates/g)).toHaveLength(1);
    expect(text).toMatch(/(?:a=candidate:.*\r\n){3}a=end-of-candidates\r\n/);
  });

  it('RFC 8839 s5.4: credentials of the section come before those of the session', () => {
    const own = [...AUDIO, 'a=ice-ufrag:mine', 'a=ice-pwd:mine567890123456789012'];
    expect(accepted(offerOf([own])).transport.ice).toEqual({
      ufrag: 'mine',
      password: 'mine567890123456789012',
    });
    expect(accepted(offerOf([AUDIO])).transport.ice.ufrag).toBe('abcd');
  });

  it.each([
    ['a=ice-ufrag', undefined],
    ['a=ice-pwd', undefined],
    ['a=ice-ufrag', 'a=ice-ufrag:abc'],
    ['a=ice-ufrag', 'a=ice-ufrag:ab d'],
    ['a=ice-pwd', 'a=ice-pwd:tooShort'],
    ['a=ice-pwd', `a=ice-pwd:${'p'.repeat(257)}`],
  ])('RFC 8839 s5.4: an offer without usable credentials is refused: %s %s', (start, line) => {
    const refusal = transportOf([start, line]);
    expect(refusal).toBe(
      'ice: The m= section of line 10 has no usable a=ice-ufrag and a=ice-pwd.'.replace(
        '10',
        line === undefined ? '9' : '10',
      ),
    );
  });

  it('RFC 8839 s5.4: credentials that look like numbers are texts', () => {
    const text = offerOf([AUDIO], changed(TRANSPORT, { 'a=ice-ufrag': 'a=ice-ufrag:0007' }));
    expect(accepted(text).transport.ice.ufrag).toBe('0007');
  });
});

describe('DTLS', () => {
  it.each([
    ['actpass', 'passive', 'passive'],
    ['actpass', 'active', 'active'],
    ['active', 'active', 'passive'],
    ['passive', 'passive', 'active'],
  ] as const)(
    'RFC 4145 s4.1: %s with %s preferred is answered by %s',
    (offered, preferred, expected) => {
      expect(answeredSetup(offered, preferred)).toBe(expected);
    },
  );

  it('RFC 5763 s5: this side waits unless told otherwise', () => {
    expect(answeredSetup('actpass')).toBe('passive');
    const answer = answerTo(offerOf([AUDIO]), undefined, { ...LOCAL, setup: 'active' });
    expect(answer.values('0', 'setup')).toEqual(['active']);
  });

  it.each([undefined, 'a=setup:holdconn', 'a=setup:actpassive', 'a=setup:'])(
    'RFC 8842 s5.3: an offer without a role to answer is refused: %s',
    (line) => {
      expect(transportOf(['a=setup', line])).toMatch(/^dtls: .* has no a=setup of actpass/);
    },
  );

  it('RFC 8122 s5: fingerprints of the section come before those of the session, all of them', () => {
    const one = `sha-256 ${Array(32).fill('0a').join(':')}`;
    const two = `SHA-512 ${Array(64).fill('0B').join(':')}`;
    const own = [...AUDIO, `a=fingerprint:${one}`, `a=fingerprint:${two}`];
    expect(accepted(offerOf([own])).transport.fingerprints).toEqual([
      one.replaceAll('0a', '0A'),
      two.replace('SHA', 'sha'),
    ]);
    expect(accepted(offerOf([AUDIO])).transport.fingerprints).toEqual([FINGERPRINT]);
  });

  it('RFC 8122 s5: one of a weak hash function does not count beside a strong one', () => {
    const weak = `a=fingerprint:sha-1 ${Array(20).fill('AB').join(':')}`;
    expect(accepted(offerOf([AUDIO], [...TRANSPORT, weak])).transport.fingerprints).toEqual([
      FINGERPRINT,
    ]);
    expect(transportOf(['a=fingerprint', weak])).toMatch(/^dtls: .* has no a=fingerprint of/);
  });

  it.each([
    undefined,
    'a=fingerprint:sha-256',
    'a=fingerprint:sha-256 AB:CD',
    `a=fingerprint:sha-256 ${Array(32).fill('XY').join(':')}`,
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(' ')}`,
    `a=fingerprint:sha-512 ${Array(32).fill('AB').join(':')}`,
  ])('RFC 8122 s5: an offer without a usable fingerprint is refused: %s', (line) => {
    expect(transportOf(['a=fingerprint', line])).toMatch(/^dtls: .* has no a=fingerprint of/);
  });

  it('RFC 8122 s5.1: more than sixteen fingerprints are refused', () => {
    const many = Array.from({ length: 17 }, () => `a=fingerprint:${FINGERPRINT}`);
    const text = offerOf([AUDIO], [...changed(TRANSPORT, { 'a=fingerprint': undefined }), ...many]);
    expect(refusalOf(parseOffer(text))).toMatch(/^dtls: .* has more than 16 fingerprints\.$/);
  });
});
