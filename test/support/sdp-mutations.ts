// Offers changed as fuzz tests change them: in their lines, in the numbers and words of a line, in their
// characters. Seeded.

import type { Chance } from './turn/fuzz.ts';

/** Lines that mean something, in forms that are wrong, or right in the wrong place. */
const HOSTILE: readonly string[] = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8',
  'm=video 0 UDP/TLS/RTP/SAVPF 96',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'm=video 9 UDP/TLS/RTP/SAVPF',
  'm=',
  'a=mid:0',
  'a=mid:__proto__',
  'a=mid:constructor',
  'a=mid:aaaaaaaaaaaaaaaaaaaaaaaa',
  'a=group:BUNDLE 0 1',
  'a=group:BUNDLE',
  'a=group:BUNDLE 1 0 __proto__ 0',
  'a=bundle-only',
  'a=rtcp-mux',
  'a=sendrecv',
  'a=inactive',
  'a=ice-lite',
  'a=ice-ufrag:NaN0',
  'a=ice-pwd:Infinity0000000000000000',
  'a=setup:active',
  'a=fingerprint:sha-1 00',
  'a=rtpmap:96 VP9/90000',
  'a=rtpmap:111 opus/48000/2',
  'a=rtpmap:0 ',
  'a=rtpmap: VP8/90000',
  'a=fmtp:97 apt=97',
  'a=fmtp:97 apt=96;apt=98',
  'a=fmtp:96 =;==;;;x=',
  'a=fmtp:63 111/111/111/111',
  'a=fmtp:102 packetization-mode=1;profile-level-id=zzzzzz',
  'a=rtcp-fb:* nack',
  'a=rtcp-fb: ',
  'a=rtcp-fb:96 goog-remb',
  'a=extmap:1 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:4096 urn:3gpp:video-orientation',
  'a=extmap-allow-mixed',
  'a=ssrc:1 cname:x',
  'a=ssrc:4294967296 cname:x',
  'a=ssrc-group:FID 1 1',
  'a=ssrc-group:SIM 1 2 3',
  'a=rid:q send',
  'a=rid:q send pt=96,200;max-width=1;=',
  'a=rid:q recv depend=q',
  'a=simulcast:send q;h;f',
  'a=simulcast:send ~q,h;;;,~ recv x',
  'a=simulcast:recv q send q',
  'a=msid:- -',
  'a=candidate:1 1 udp 1 0.0.0.0 0 typ host',
  'a=end-of-candidates',
  'a=__proto__:1',
  'a=',
  'a',
  '=',
  '\u2028a=mid:0',
  'a=mid:\u00e9',
];

const EDGES = [
  '0',
  '1',
  '-1',
  '14',
  '15',
  '63',
  '64',
  '95',
  '96',
  '127',
  '128',
  '255',
  '256',
  '65535',
  '65536',
  '4294967295',
  '4294967296',
  '99999999999999999999',
  '1e9',
  '0x10',
  '',
  ' ',
];

const ODD = [
  '\0',
  '\t',
  '\r',
  '\n',
  ' ',
  ';',
  '=',
  ':',
  '/',
  ',',
  '~',
  '*',
  '\u2028',
  '\ud800',
  'é',
  '9',
];

type Mutation = (lines: string[], chance: Chance, other: readonly string[]) => string[];

const MUTATIONS: readonly Mutation[] = [
  function drop(lines, chance) {
    return lines.toSpliced(chance.below(lines.length), 1 + chance.below(3));
  },
  function repeat(lines, chance) {
    const line = chance.pick(lines);
    const times = chance.below(20) === 0 ? chance.below(500) : 1 + chance.below(3);
    return lines.toSpliced(
      chance.below(lines.length),
      0,
      ...Array.from({ length: times }, () => line),
    );
  },
  function swap(lines, chance) {
    const [a, b] = [chance.below(lines.length), chance.below(lines.length)];
    return lines.with(a, lines[b]!).with(b, lines[a]!);
  },
  function insert(lines, chance) {
    return lines.toSpliced(chance.below(lines.length + 1), 0, chance.pick(HOSTILE));
  },
  function borrow(lines, chance, other) {
    const from = chance.below(other.length);
    const part = other.slice(from, from + 1 + chance.below(chance.below(4) === 0 ? 80 : 3));
    return lines.toSpliced(chance.below(lines.length + 1), chance.below(3), ...part);
  },
  function renumber(lines, chance) {
    return inLine(lines, chance, (line) => replaceOne(line, /\d+/g, chance.pick(EDGES), chance));
  },
  function reword(lines, chance) {
    const word = chance.pick(chance.pick(lines).split(/[ :;=/]/));
    return inLine(lines, chance, (line) => replaceOne(line, /[A-Za-z-]+/g, word, chance));
  },
  function respell(lines, chance) {
    return inLine(lines, chance, (line) => {
      const at = chance.below(line.length + 1);
      return line.slice(0, at) + chance.pick(ODD) + line.slice(at + chance.below(2));
    });
  },
  function lengthen(lines, chance) {
    return inLine(lines, chance, (line) => line + chance.pick(ODD).repeat(chance.below(5000)));
  },
  function cut(lines, chance) {
    return lines.slice(0, chance.below(lines.length + 1));
  },
];

function inLine(lines: string[], chance: Chance, change: (line: string) => string): string[] {
  const at = chance.below(lines.length);
  return lines.with(at, change(lines[at]!));
}

function replaceOne(line: string, pattern: RegExp, by: string, chance: Chance): string {
  const found = [...line.matchAll(pattern)];
  if (found.length === 0) return line;
  const one = chance.pick(found);
  return line.slice(0, one.index) + by + line.slice(one.index + one[0].length);
}

/** The text changed in one to three ways; `other` lends its lines. */
export function mutateSdp(text: string, chance: Chance, other: string): string {
  let lines = text.split('\r\n');
  const others = other.split('\r\n');
  for (let n = 1 + chance.below(3); n > 0 && lines.length > 0; n--) {
    lines = chance.pick(MUTATIONS)(lines, chance, others);
  }
  return lines.join(chance.below(10) === 0 ? '\n' : '\r\n');
}
