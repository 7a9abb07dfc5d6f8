// What a guest of the soak offers: a microphone, a camera of three encodings, a screen, and slots enough for all that
// the others of its room publish; and where the answer says that slots are sent.

import type { IceCredentials } from '../../../sfu/ice/credentials.ts';
import { Answer, offerOf } from '../sdp.ts';
import { IDS, OPUS, VP8 } from '../sfu-router/sections.ts';

/** The sections that send, as the server calls their sources. */
export const SOURCES = ['microphone', 'camera', 'screen'] as const;
export type SourceName = (typeof SOURCES)[number];

export const RIDS = ['q', 'h', 'f'] as const;
export const VIDEO_SLOTS = 12;
export const AUDIO_SLOTS = 6;
const URNS: Readonly<Record<string, string>> = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
};

export function guestOffer(ice: IceCredentials, fingerprint: string): string {
  const sections = [
    section('audio', 'microphone', 'sendonly'),
    section('video', 'camera', 'sendonly', [
      ...RIDS.map((rid) => `a=rid:${rid} send`),
      `a=simulcast:send ${RIDS.join(';')}`,
    ]),
    section('video', 'screen', 'sendonly'),
  ];
  for (let i = 0; i < AUDIO_SLOTS; i++) sections.push(section('audio', `a${i}`, 'recvonly'));
  for (let i = 0; i < VIDEO_SLOTS; i++) sections.push(section('video', `v${i}`, 'recvonly'));
  return offerOf(sections, [
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:${fingerprint}`,
    'a=setup:active',
  ]);
}

function section(
  kind: 'audio' | 'video',
  mid: string,
  direction: string,
  more: readonly string[] = [],
): string[] {
  const common = [
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...Object.entries(URNS).map(
      ([name, urn]) => `a=extmap:${IDS[name as keyof typeof IDS]} ${urn}`,
    ),
  ];
  if (kind === 'audio') {
    const { payloadType } = OPUS;
    return [
      `m=audio 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
      ...common,
      `a=rtpmap:${payloadType} opus/48000/2`,
      `a=rtcp-fb:${payloadType} transport-cc`,
    ];
  }
  const { payloadType, rtxPayloadType } = VP8;
  const feedback = ['nack', 'nack pli', 'ccm fir', 'transport-cc'];
  return [
    `m=video 9 UDP/TLS/RTP/SAVPF ${payloadType} ${rtxPayloadType}`,
    ...common,
    `a=rtpmap:${payloadType} VP8/90000`,
    ...feedback.map((name) => `a=rtcp-fb:${payloadType} ${name}`),
    `a=rtpmap:${rtxPayloadType} rtx/90000`,
    `a=fmtp:${rtxPayloadType} apt=${payloadType}`,
    ...more,
  ];
}

export interface SlotStreams {
  readonly mid: string;
  readonly ssrc: number;
  /** 0 where nothing is sent again. */
  readonly rtxSsrc: number;
}

export function slotsOf(answer: string): SlotStreams[] {
  return new Answer(answer).sections.flatMap((lines) => {
    const after = (start: string): string =>
      lines.find((line) => line.startsWith(start))?.slice(start.length) ?? '';
    const mid = after('a=mid:');
    if (!/^[av]\d+$/.test(mid)) return [];
    const [first = 0, rtxSsrc = 0] = after('a=ssrc-group:FID ').split(' ').map(Number);
    const ssrc = first === 0 ? Number.parseInt(after('a=ssrc:'), 10) : first;
    return Number.isNaN(ssrc) ? [] : [{ mid, ssrc, rtxSsrc }];
  });
}
