// An offer as a browser's first one is, for rehearsals: who publishes a microphone and a camera, and has slots for six
// tracks of others. Its form is Chromium's (RFC 8829 s5.2), since most who come are.

const TRANSPORT = [
  'c=IN IP4 0.0.0.0',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
  'a=setup:actpass',
];

const EXTENSIONS = {
  audio: [
    '1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    '2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
    '3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    '4 urn:ietf:params:rtp-hdrext:sdes:mid',
  ],
  video: [
    '14 urn:ietf:params:rtp-hdrext:toffset',
    '2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
    '13 urn:3gpp:video-orientation',
    '3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    '5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
    '4 urn:ietf:params:rtp-hdrext:sdes:mid',
    '10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
    '11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  ],
};

const VIDEO_CODECS = [
  { type: 96, name: 'VP8', parameters: '' },
  {
    type: 108,
    name: 'H264',
    parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
  },
  { type: 98, name: 'VP9', parameters: 'profile-id=0' },
  { type: 45, name: 'AV1', parameters: 'level-idx=5;profile=0;tier=0' },
];

const FEEDBACK = ['goog-remb', 'transport-cc', 'ccm fir', 'nack', 'nack pli'];

const FORMATS = {
  audio: [
    'a=rtpmap:111 opus/48000/2',
    'a=rtcp-fb:111 transport-cc',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'a=rtpmap:63 red/48000/2',
    'a=fmtp:63 111/111',
  ],
  video: VIDEO_CODECS.flatMap(({ type, name, parameters }) => [
    `a=rtpmap:${type} ${name}/90000`,
    ...FEEDBACK.map((one) => `a=rtcp-fb:${type} ${one}`),
    ...(parameters === '' ? [] : [`a=fmtp:${type} ${parameters}`]),
    `a=rtpmap:${type + 1} rtx/90000`,
    `a=fmtp:${type + 1} apt=${type}`,
  ]),
};

const MEDIA_LINES = {
  audio: 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
  video: `m=video 9 UDP/TLS/RTP/SAVPF ${VIDEO_CODECS.map(({ type }) => `${type} ${type + 1}`).join(' ')}`,
};

/** What is published comes first: its sections, by `mid`, are 0 and 1. */
const SECTIONS = ['audio', 'video', 'audio', 'audio', 'video', 'video', 'video', 'video'] as const;
const PUBLISHED = 2;

function sectionLines(kind: 'audio' | 'video', mid: number): string[] {
  const sends = mid < PUBLISHED;
  const sources = kind === 'audio' ? [`${mid}1`] : [`${mid}1`, `${mid}2`];
  return [
    MEDIA_LINES[kind],
    ...TRANSPORT,
    `a=mid:${mid}`,
    ...EXTENSIONS[kind].map((one) => `a=extmap:${one}`),
    ...(sends ? ['a=sendonly', `a=msid:stream track-${mid}`] : ['a=recvonly']),
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...FORMATS[kind],
    ...(sends && kind === 'video' ? [`a=ssrc-group:FID ${sources.join(' ')}`] : []),
    ...(sends ? sources.map((ssrc) => `a=ssrc:${ssrc} cname:rehearsal`) : []),
  ];
}

export const REHEARSAL_OFFER = {
  offer: {
    id: 1,
    sdp: `${[
      'v=0',
      'o=- 1 2 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      `a=group:BUNDLE ${SECTIONS.map((_, mid) => mid).join(' ')}`,
      'a=extmap-allow-mixed',
      'a=msid-semantic: WMS stream',
      ...SECTIONS.flatMap((kind, mid) => sectionLines(kind, mid)),
    ].join('\r\n')}\r\n`,
  },
  tracks: [
    { mid: '0', source: 'microphone', muted: false },
    { mid: '1', source: 'camera', muted: false },
  ],
  want: { audio: 8, video: 12 },
};
