// Offers of VP8 alone, sections that send and sections that receive, and what an answer says to them.

import type { IceCredentials } from '../../../sfu/ice/credentials.ts';
import { Answer, offerOf } from '../sdp.ts';
import { IDS, VP8 } from '../sfu-router/sections.ts';

export interface Wanted {
  readonly sends: number;
  readonly receives: number;
}

/** The tracks of an offer, as `join` and `offer` name them. */
export function tracksOf({ sends }: Wanted): object[] {
  return Array.from({ length: sends }, (_, i) => ({ mid: String(i), source: 'camera' }));
}

export function offerText(
  wanted: Wanted,
  ice: IceCredentials,
  fingerprint: string,
  setup = 'active',
): string {
  const count = wanted.sends + wanted.receives;
  const sections = Array.from({ length: count }, (_, i) => section(i, i < wanted.sends));
  return offerOf(sections, [
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:${fingerprint}`,
    `a=setup:${setup}`,
  ]);
}

function section(mid: number, sends: boolean): string[] {
  const { payloadType, rtxPayloadType } = VP8;
  return [
    `m=video 9 UDP/TLS/RTP/SAVPF ${payloadType} ${rtxPayloadType}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=${sends ? 'sendonly' : 'recvonly'}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=extmap:${IDS.mid} urn:ietf:params:rtp-hdrext:sdes:mid`,
    `a=rtpmap:${payloadType} VP8/90000`,
    `a=rtcp-fb:${payloadType} nack`,
    `a=rtcp-fb:${payloadType} nack pli`,
    `a=rtcp-fb:${payloadType} ccm fir`,
    `a=rtpmap:${rtxPayloadType} rtx/90000`,
    `a=fmtp:${rtxPayloadType} apt=${payloadType}`,
  ];
}

export interface Answered {
  readonly ice: IceCredentials;
  readonly fingerprint: string;
  readonly udp: { readonly host: string; readonly port: number };
  readonly tcp: { readonly host: string; readonly port: number };
  /** Of the sections in which we are sent something. */
  readonly slots: readonly { readonly ssrc: number; readonly rtxSsrc: number }[];
}

export function readAnswer(text: string): Answered {
  const answer = new Answer(text);
  const all = text.split('\r\n');
  const value = (name: string): string =>
    all.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3) ?? '';
  const candidate = (transport: string): Answered['udp'] => {
    const line = all.find(
      (one) => one.startsWith('a=candidate:') && one.includes(` ${transport} `),
    );
    const [, , , , host = '', port = '0'] = (line ?? '').split(' ');
    return { host, port: Number(port) };
  };
  const slots = answer.sections.flatMap((lines) => {
    const group = lines.find((line) => line.startsWith('a=ssrc-group:FID '));
    if (group === undefined) return [];
    const [ssrc = 0, rtxSsrc = 0] = group.split(' ').slice(1).map(Number);
    return [{ ssrc, rtxSsrc }];
  });
  return {
    ice: { ufrag: value('ice-ufrag'), password: value('ice-pwd') },
    fingerprint: value('fingerprint'),
    udp: candidate('udp'),
    tcp: candidate('tcp'),
    slots,
  };
}
