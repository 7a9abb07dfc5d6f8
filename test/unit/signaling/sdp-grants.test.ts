import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkSdp, SDP_LINES_MAX, SDP_MEDIA_MAX } from '../../../signaling/sdp-grants.ts';
import type { SdpGrants } from '../../../signaling/sdp-grants.ts';

const ALL: SdpGrants = { canPublish: true, canSubscribe: true, canPublishData: true };
const NO_PUBLISH: SdpGrants = { ...ALL, canPublish: false };
const NO_SUBSCRIBE: SdpGrants = { ...ALL, canSubscribe: false };
const NO_DATA: SdpGrants = { ...ALL, canPublishData: false };
const NOTHING: SdpGrants = { canPublish: false, canSubscribe: false, canPublishData: false };

const HEAD = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1'];
const sdp = (...lines: string[]): string => [...HEAD, ...lines, ''].join('\r\n');
const audio = (...lines: string[]): string[] => ['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...lines];
const video = (...lines: string[]): string[] => ['m=video 9 UDP/TLS/RTP/SAVPF 96', ...lines];
const DATA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel';

describe('directions', () => {
  test.each<[string, SdpGrants]>([
    ['a=sendrecv', ALL],
    ['a=recvonly', NO_PUBLISH],
    ['a=inactive', NO_PUBLISH],
    ['a=sendonly', NO_SUBSCRIBE],
    ['a=inactive', NO_SUBSCRIBE],
    ['a=sendrecv', NO_DATA],
    ['a=inactive', NOTHING],
  ])('%s passes with %o', (direction, grants) => {
    expect(checkSdp(sdp(...audio(direction)), grants)).toBeNull();
  });

  test.each<[string, SdpGrants, string]>([
    ['a=sendrecv', NO_PUBLISH, 'sends, but the token does not grant canPublish'],
    ['a=sendonly', NO_PUBLISH, 'sends, but the token does not grant canPublish'],
    ['a=sendrecv', NO_SUBSCRIBE, 'receives, but the token does not grant canSubscribe'],
    ['a=recvonly', NO_SUBSCRIBE, 'receives, but the token does not grant canSubscribe'],
  ])('%s is refused with %o', (direction, grants, message) => {
    expect(checkSdp(sdp(...audio(direction)), grants)).toEqual({
      reason: 'NOT_ALLOWED',
      message: `description.sdp: m-line 1 ("audio") ${message}`,
    });
  });

  test('RFC 8866 s6.7: no direction means sendrecv', () => {
    expect(checkSdp(sdp(...audio()), NO_PUBLISH)?.message).toContain('canPublish');
    expect(checkSdp(sdp(...audio()), NO_SUBSCRIBE)?.message).toContain('canSubscribe');
  });

  test('a direction of the session is not inherited', () => {
    expect(checkSdp(sdp('a=recvonly', ...audio()), NO_PUBLISH)?.message).toContain('canPublish');
  });

  test('every m-line is looked at, the last one too', () => {
    const result = checkSdp(sdp(...audio('a=recvonly'), ...video('a=sendonly')), NO_PUBLISH);
    expect(result?.message).toContain('m-line 2 ("video")');
  });

  test('of several directions the most permissive counts, in any order', () => {
    for (const lines of [
      ['a=recvonly', 'a=sendrecv'],
      ['a=sendrecv', 'a=recvonly'],
    ]) {
      expect(checkSdp(sdp(...audio(...lines)), NO_PUBLISH)?.message).toContain('canPublish');
    }
  });

  test.each(['a=recvonly ', 'a=recvonly:x', ' a=recvonly', 'a=RECVONLY', 'a= recvonly'])(
    'what only looks like a direction, %o, restricts nothing',
    (line) => {
      expect(checkSdp(sdp(...audio(line)), NO_PUBLISH)).not.toBeNull();
    },
  );

  test('media of other kinds are held to the same rule', () => {
    const text = ['m=text 9 RTP/AVP 98', 'a=sendonly'];
    expect(checkSdp(sdp(...text), NO_PUBLISH)?.message).toContain('("text") sends');
  });
});

describe('refused and bundled media', () => {
  test('RFC 3264 s6: port 0 is no media', () => {
    expect(checkSdp(sdp('m=audio 0 UDP/TLS/RTP/SAVPF 0', 'a=sendrecv'), NO_PUBLISH)).toBeNull();
  });

  test('RFC 9143 s6: port 0 with bundle-only is media', () => {
    const lines = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'a=sendrecv', 'a=bundle-only'];
    expect(checkSdp(sdp(...lines), NO_PUBLISH)?.message).toContain('canPublish');
  });

  test.each(['00', '0/2', '-0', '', 'x', '65536'])('port %o is not 0', (port) => {
    expect(checkSdp(sdp(`m=audio ${port} X 0`), NO_PUBLISH)?.message).toContain('canPublish');
  });
});

describe('data channels', () => {
  test('need canPublishData and nothing else', () => {
    expect(checkSdp(sdp(DATA), NO_DATA)?.message).toContain('("application") opens a data channel');
    expect(checkSdp(sdp(DATA), { ...NOTHING, canPublishData: true })).toBeNull();
    expect(checkSdp(sdp('m=application 0 UDP/DTLS/SCTP x'), NO_DATA)).toBeNull();
  });
});

describe('form and bounds', () => {
  test('line ends may be LF alone, and the last one may be missing', () => {
    expect(checkSdp('v=0\nm=audio 9 X 0\na=recvonly', NO_PUBLISH)).toBeNull();
    expect(checkSdp('v=0\nm=audio 9 X 0\na=sendonly', NO_PUBLISH)).not.toBeNull();
  });

  test.each([
    ['a bare CR', 'v=0\r\nm=audio 9 X 0\r\na=recvonly\ra=sendrecv\r\n', 'bare CR in line 3'],
    ['two CRs', 'v=0\r\r\n', 'bare CR in line 1'],
    ['an empty line', 'v=0\r\n\r\nm=audio 9 X 0\r\n', 'line 2 is not of the form'],
    ['no SDP', 'hello', 'line 1 is not of the form'],
    ['a NUL', 'v=0\r\n\0=x\0\r\nx\0', 'line 3 is not of the form'],
  ])('%s is BAD_MESSAGE', (_, text, message) => {
    for (const grants of [ALL, NO_PUBLISH]) {
      const result = checkSdp(text, grants);
      expect(result?.reason).toBe('BAD_MESSAGE');
      expect(result?.message).toContain(message);
    }
  });

  test('as many lines and m-lines as allowed, and not one more', () => {
    const [line, media] = ['a=x\r\n', 'm=audio 9 X 0\r\n'];
    expect(checkSdp(line.repeat(SDP_LINES_MAX), ALL)).toBeNull();
    expect(checkSdp(line.repeat(SDP_LINES_MAX + 1), ALL)?.message).toContain(
      'more than 4000 lines',
    );
    expect(checkSdp(media.repeat(SDP_MEDIA_MAX), ALL)).toBeNull();
    expect(checkSdp(media.repeat(SDP_MEDIA_MAX + 1), ALL)?.message).toContain(
      'more than 256 m-lines',
    );
  });

  test('without grants nothing passes that a lenient parser could read as media', () => {
    const line = fc.constantFrom(
      'm=audio 9 X 0',
      'm=video 0 X 0',
      'm=',
      'm=application 9 X',
      'a=sendrecv',
      'a=recvonly',
      'a=inactive',
      'a=bundle-only',
      'a=',
      'x=\r',
      '',
    );
    const end = fc.constantFrom('\n', '\r\n', '\r');
    const passed: string[] = [];
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), end, (lines, lineEnd) => {
        const text = lines.join(lineEnd);
        if (checkSdp(text, NOTHING) === null) passed.push(text);
      }),
      { numRuns: 3000 },
    );
    expect(passed.length).toBeGreaterThan(0);
    for (const text of passed) {
      for (const section of text.split(/^m=/m).slice(1)) {
        const active = !section.startsWith('video 0 ') || /^a=bundle-only\r?$/m.test(section);
        const open = /^a=(sendrecv|sendonly|recvonly)\r?$/m.test(section);
        expect(active && (open || !/^a=inactive\r?$/m.test(section))).toBe(false);
        expect(section).not.toMatch(/^application 9/);
      }
    }
  });

  test('no text makes it throw', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(checkSdp(text, NOTHING)).not.toBeUndefined();
    });
    fc.assert(property);
  });
});
