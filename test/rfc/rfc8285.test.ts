// Header extensions in SDP (RFC 8285 s5-s7): which are answered, with which identifiers and directions.

import { describe, expect, it } from 'vitest';
import type { Decision } from '../../sfu/sdp/negotiation.ts';
import { answerTo, AUDIO, offerOf, outgoing, VIDEO } from '../support/sdp.ts';

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
const LEVEL = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';

/** The extensions of the answer to these, in an audio section that is decided about so. */
function answered(
  extensions: readonly string[],
  decision: Decision = { receive: true },
  session: readonly string[] = [],
): string[] {
  const text = offerOf([[...AUDIO, ...extensions.map((one) => `a=extmap:${one}`)], VIDEO]);
  const extended = text.replace('t=0 0\r\n', ['t=0 0', ...session, ''].join('\r\n'));
  return answerTo(extended, () => new Map([['0', decision]])).values('0', 'extmap');
}

describe('identifiers', () => {
  it('RFC 8285 s7: known extensions are answered with the identifiers offered', () => {
    expect(answered([`5 ${MID}`, `3 ${TIME}`, `1 ${LEVEL}`])).toEqual([
      `5 ${MID}`,
      `3 ${TIME}`,
      `1 ${LEVEL}`,
    ]);
  });

  it('RFC 8285 s7: unknown ones are left out', () => {
    expect(answered([`1 ${MID}`, '2 urn:example:other'])).toEqual([`1 ${MID}`]);
  });

  it.each([0, 15, 255, 4096])('RFC 8285 s4.2: %d is none of one byte', (id) => {
    expect(answered([`${id} ${MID}`])).toEqual([]);
  });

  it('RFC 8285 s4.2: 14 is the last one of one byte', () => {
    expect(answered([`14 ${MID}`])).toEqual([`14 ${MID}`]);
  });

  it.each([15, 16, 255])('RFC 8285 s6: %d is answered where forms may be mixed', (id) => {
    expect(answered([`${id} ${MID}`], { receive: true }, ['a=extmap-allow-mixed'])).toEqual([
      `${id} ${MID}`,
    ]);
  });

  it.each([0, 256, 4096, 4351])('RFC 8285 s4.3: %d is none of two bytes', (id) => {
    expect(answered([`${id} ${MID}`], { receive: true }, ['a=extmap-allow-mixed'])).toEqual([]);
  });

  it('RFC 8285 s7: an identifier that stands twice in a section has the first meaning', () => {
    expect(answered([`4 ${TIME}`, `4 ${MID}`])).toEqual([`4 ${TIME}`]);
  });

  it('RFC 8285 s7: an extension that stands twice has the first identifier', () => {
    expect(answered([`4 ${MID}`, `6 ${MID}`])).toEqual([`4 ${MID}`]);
  });

  it('RFC 8285 s7: extensions of the session are those of every section', () => {
    const text = offerOf([AUDIO, VIDEO]).replace('t=0 0\r\n', `t=0 0\r\na=extmap:4 ${MID}\r\n`);
    const answer = answerTo(text);
    expect(answer.values('0', 'extmap')).toEqual([`4 ${MID}`]);
    expect(answer.values('1', 'extmap')).toEqual([`4 ${MID}`]);
  });

  it('RFC 6904 s3: an extension that is to be encrypted is left out', () => {
    expect(answered([`4 urn:ietf:params:rtp-hdrext:encrypt ${MID}`])).toEqual([]);
  });

  it('RFC 6464 s4: the audio level is for audio, whatever its parameters', () => {
    expect(answered([`2 ${LEVEL} vad=on`])).toEqual([`2 ${LEVEL}`]);
    const text = offerOf([AUDIO, [...VIDEO, `a=extmap:2 ${LEVEL}`]]);
    expect(answerTo(text).values('1', 'extmap')).toEqual([]);
  });
});

describe('directions', () => {
  const publish: Decision = { receive: true };
  const slot: Decision = { send: outgoing(0) };
  const both: Decision = { receive: true, send: outgoing(0) };

  it.each([
    ['sendonly', publish, ['4/recvonly']],
    ['sendonly', both, ['4/recvonly']],
    ['sendonly', slot, []],
    ['recvonly', slot, ['4/sendonly']],
    ['recvonly', both, ['4/sendonly']],
    ['recvonly', publish, []],
    ['sendrecv', publish, ['4']],
    ['sendrecv', slot, ['4']],
    ['inactive', both, []],
    ['sendonly', {}, []],
    ['sideways', both, []],
  ])('RFC 8285 s7: an extension offered as %s is answered by the other side of it', (...row) => {
    const [direction, decision, expected] = row;
    expect(answered([`4/${direction} ${MID}`], decision)).toEqual(
      expected.map((id) => `${id} ${MID}`),
    );
  });
});

describe('forms', () => {
  it('RFC 8285 s6: extmap-allow-mixed of the session is answered there', () => {
    const text = offerOf([AUDIO]).replace('t=0 0\r\n', 't=0 0\r\na=extmap-allow-mixed\r\n');
    const { session, sections } = answerTo(text);
    expect(session).toContain('a=extmap-allow-mixed');
    expect(sections[0]).not.toContain('a=extmap-allow-mixed');
  });

  it('RFC 8285 s6: that of a section there, as Firefox offers it, and allows two bytes', () => {
    const text = offerOf([[...AUDIO, 'a=extmap-allow-mixed', `a=extmap:20 ${MID}`], VIDEO]);
    const answer = answerTo(text);
    expect(answer.session).not.toContain('a=extmap-allow-mixed');
    expect(answer.section('0')).toContain('a=extmap-allow-mixed');
    expect(answer.section('1')).not.toContain('a=extmap-allow-mixed');
    expect(answer.values('0', 'extmap')).toEqual([`20 ${MID}`]);
  });

  it('RFC 8285 s6: it is not answered where it is not offered', () => {
    expect(answerTo(offerOf([AUDIO])).text).not.toContain('extmap-allow-mixed');
  });
});
