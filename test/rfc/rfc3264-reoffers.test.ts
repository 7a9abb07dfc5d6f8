// Further offers of a peer (RFC 3264 s8, RFC 8829 s5.2.2): what may change, what may not, and what a change
// means.

import { describe, expect, it } from 'vitest';
import { checkReoffer } from '../../sfu/sdp/reoffer.ts';
import {
  accepted,
  AUDIO,
  changed,
  FINGERPRINT,
  fixture,
  offerOf,
  refusalOf,
  VIDEO,
} from '../support/sdp.ts';

const video = (mid: string, changes: Record<string, string | undefined> = {}): string[] =>
  changed(VIDEO, { 'a=mid:': `a=mid:${mid}`, ...changes });

const stopped = (section: readonly string[]): string[] =>
  changed(section, { 'm=video 9': 'm=video 0 UDP/TLS/RTP/SAVPF 96' });

const compare = (before: string, after: string): ReturnType<typeof checkReoffer> =>
  checkReoffer(accepted(before), accepted(after));

const FIRST = offerOf([AUDIO, VIDEO]);
const UNCHANGED = { iceRestart: false, dtlsRestart: false, added: [], removed: [] };

describe('sections', () => {
  it('RFC 3264 s8: an offer may stay as it is', () => {
    expect(compare(FIRST, FIRST)).toEqual(UNCHANGED);
  });

  it('RFC 3264 s8.1: sections are added at the end', () => {
    expect(compare(FIRST, offerOf([AUDIO, VIDEO, video('2')]))).toEqual({
      ...UNCHANGED,
      added: ['2'],
    });
  });

  it('RFC 3264 s8.2: a section is removed by port zero, with its attributes or without', () => {
    const bare = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0'];
    for (const gone of [stopped(VIDEO), bare]) {
      expect(compare(FIRST, offerOf([AUDIO, gone]))).toEqual({ ...UNCHANGED, removed: ['1'] });
    }
  });

  it('RFC 3264 s8: no section is left out', () => {
    expect(refusalOf(compare(FIRST, offerOf([AUDIO])))).toBe(
      'section-order: The new offer has 1 m= sections, the one before had 2.',
    );
  });

  it.each([
    ['moved', offerOf([VIDEO, AUDIO])],
    ['called otherwise', offerOf([AUDIO, video('2')])],
    ['of another kind', offerOf([AUDIO, changed(AUDIO, { 'a=mid:': 'a=mid:1' })])],
    [
      'without a mid',
      offerOf([
        AUDIO,
        changed(VIDEO, { 'a=mid:': undefined, 'm=': 'm=audio 0 UDP/TLS/RTP/SAVPF 0' }),
      ]),
    ],
  ])('RFC 3264 s8: no section is %s', (_how, after) => {
    expect(refusalOf(compare(FIRST, after))).toMatch(
      /^section-order: .* was (?:audio|video) with mid/,
    );
  });

  it('RFC 3264 s8.1: the place of a removed section is used again, for any kind', () => {
    const before = offerOf([AUDIO, stopped(VIDEO)]);
    const again = changed(AUDIO, { 'a=mid:': 'a=mid:2' });
    expect(compare(before, offerOf([AUDIO, again]))).toEqual({ ...UNCHANGED, added: ['2'] });
  });
});

describe('meanings', () => {
  it('RFC 3264 s8.3.2: a payload type does not become another codec', () => {
    const other = video('1', { 'a=rtpmap:96': 'a=rtpmap:96 VP9/90000' });
    expect(refusalOf(compare(FIRST, offerOf([AUDIO, other])))).toBe(
      'payload-type: The new offer gives payload type 96 another meaning than the one before.',
    );
  });

  it('RFC 3264 s8.3.2: nor the retransmission of another one', () => {
    const other = video('1', {
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 98 97',
      'a=rtpmap:96': 'a=rtpmap:98 VP8/90000',
      'a=fmtp:97': 'a=fmtp:97 apt=98',
    });
    expect(refusalOf(compare(FIRST, offerOf([AUDIO, other])))).toMatch(/^payload-type: .* 97 /);
  });

  it('RFC 3264 s8.3.2: payload types are added and left out', () => {
    const other = video('1', {
      'm=video': 'm=video 9 UDP/TLS/RTP/SAVPF 98',
      'a=rtpmap:96': 'a=rtpmap:98 VP9/90000',
      'a=rtpmap:97': undefined,
      'a=fmtp:97': undefined,
    });
    expect(compare(FIRST, offerOf([AUDIO, other]))).toEqual(UNCHANGED);
  });

  it('RFC 8285 s7: an identifier does not become another extension, in no section', () => {
    const before = offerOf([[...AUDIO, 'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid'], VIDEO]);
    const orientation = [...VIDEO, 'a=extmap:4 urn:3gpp:video-orientation'];
    expect(refusalOf(compare(before, offerOf([AUDIO, orientation])))).toBe(
      'header-extension: The new offer gives a=extmap:4 another meaning than the one before.',
    );
    expect(compare(before, FIRST)).toEqual(UNCHANGED);
  });
});

describe('the transport', () => {
  const restarted = FIRST.replace('ufrag:abcd', 'ufrag:efgh').replace('pwd:abcd', 'pwd:efgh');
  const fingerprint = `sha-256 ${Array(32).fill('CD').join(':')}`;

  it('RFC 8839 s4.4.1.1.1: other credentials are an ICE restart', () => {
    expect(compare(FIRST, restarted)).toEqual({ ...UNCHANGED, iceRestart: true });
  });

  it('RFC 8839 s4.4.1.1.1: so is one of them alone', () => {
    for (const one of ['ufrag:abcd', 'pwd:abcd']) {
      expect(compare(FIRST, FIRST.replace(one, one.replace('abcd', 'efgh')))).toEqual({
        ...UNCHANGED,
        iceRestart: true,
      });
    }
  });

  it('RFC 8842 s3.1: another fingerprint with an ICE restart is a new DTLS association', () => {
    expect(compare(FIRST, restarted.replace(FINGERPRINT, fingerprint))).toEqual({
      ...UNCHANGED,
      iceRestart: true,
      dtlsRestart: true,
    });
  });

  it('RFC 8842 s3.1: without one it is refused, added or changed', () => {
    const changes = [fingerprint, `${FINGERPRINT}\r\na=fingerprint:${fingerprint}`];
    for (const change of changes) {
      expect(refusalOf(compare(FIRST, FIRST.replace(FINGERPRINT, change)))).toMatch(/^dtls: /);
    }
  });

  it('RFC 8122 s5.1: the order and the case of fingerprints say nothing', () => {
    const both = `${FINGERPRINT}\r\na=fingerprint:${fingerprint}`;
    const turned = `${fingerprint.toLowerCase()}\r\na=fingerprint:${FINGERPRINT}`;
    expect(compare(FIRST.replace(FINGERPRINT, both), FIRST.replace(FINGERPRINT, turned))).toEqual(
      UNCHANGED,
    );
  });
});

describe('recorded sessions', () => {
  it('RFC 8829 s5.2.2: Chromium stops a section, restarts ICE and uses the place for another kind', () => {
    const offers = ['1', '2-stopped', '3-restart', '4-recycled'].map((name) =>
      fixture(`chromium-session-${name}`),
    );
    const steps = offers.slice(1).map((after, i) => compare(offers[i]!, after));
    expect(steps).toEqual([
      { ...UNCHANGED, removed: ['1'] },
      { ...UNCHANGED, iceRestart: true },
      { ...UNCHANGED, added: ['2', '3'] },
    ]);
  });

  it('RFC 8829 s5.2.2: Firefox stops a section, restarts ICE and adds one', () => {
    const offers = ['1', '2-stopped', '3-restart'].map((name) =>
      fixture(`firefox-session-${name}`),
    );
    const steps = offers.slice(1).map((after, i) => compare(offers[i]!, after));
    expect(steps).toEqual([
      { ...UNCHANGED, removed: ['1'] },
      { ...UNCHANGED, iceRestart: true, added: ['2'] },
    ]);
  });
});
