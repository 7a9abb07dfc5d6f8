// The codecs of the Node client, and the payload types and header extensions that it offers them with (RFC 3551 s3,
// RFC 8285). Called by: peer.ts, the tracks.

import { Audio, Video } from 'node-datachannel';

export type CodecName = 'opus' | 'vp8' | 'vp9' | 'av1' | 'h264';
export type VideoCodecName = Exclude<CodecName, 'opus'>;
export type Kind = 'audio' | 'video';

export interface Codec {
  readonly kind: Kind;
  /** Of its RTP timestamps. */
  readonly clockRate: number;
  readonly payloadType: number;
  /** Of its retransmissions (RFC 4588); what we receive alone has them. */
  readonly rtxPayloadType: number;
}

const video = (payloadType: number): Codec => ({
  kind: 'video',
  clockRate: 90_000,
  payloadType,
  rtxPayloadType: payloadType + 1,
});

export const CODECS: Readonly<Record<CodecName, Codec>> = {
  opus: { kind: 'audio', clockRate: 48_000, payloadType: 111, rtxPayloadType: -1 },
  vp8: video(96),
  vp9: video(98),
  h264: video(102),
  av1: video(104),
};

/** As `Object.keys` has no narrower type. */
export const CODEC_NAMES = ['opus', 'vp8', 'vp9', 'av1', 'h264'] as const satisfies CodecName[];

const BY_PAYLOAD_TYPE: ReadonlyMap<number, CodecName> = new Map(
  CODEC_NAMES.map((name) => [CODECS[name].payloadType, name]),
);
/** The payload type that a retransmission stands for. */
const ORIGINALS: ReadonlyMap<number, number> = new Map(
  CODEC_NAMES.map((name) => [CODECS[name].rtxPayloadType, CODECS[name].payloadType]),
);

export function codecOfPayloadType(payloadType: number): CodecName | undefined {
  return BY_PAYLOAD_TYPE.get(payloadType);
}

export function originalPayloadType(rtxPayloadType: number): number | undefined {
  return ORIGINALS.get(rtxPayloadType);
}

/** RFC 6464, and draft-holmer-rmcat-transport-wide-cc-extensions-01. */
export const AUDIO_LEVEL_ID = 1;
export const TRANSPORT_CC_ID = 2;
const AUDIO_LEVEL = `a=extmap:${AUDIO_LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level`;
const TRANSPORT_CC = `a=extmap:${TRANSPORT_CC_ID} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`;

export function sendingSection(mid: string, name: CodecName, ssrc: number): Audio | Video {
  const section = name === 'opus' ? new Audio(mid, 'SendOnly') : new Video(mid, 'SendOnly');
  addCodec(section, name);
  section.addSSRC(ssrc, 'bot', 'bot', mid);
  return section;
}

/** One that takes whatever the server points it at. */
export function receivingSection(mid: string, kind: Kind): Audio | Video {
  const section = kind === 'audio' ? new Audio(mid, 'RecvOnly') : new Video(mid, 'RecvOnly');
  for (const name of CODEC_NAMES) {
    const { kind: its, payloadType, rtxPayloadType, clockRate } = CODECS[name];
    if (its !== kind) continue;
    addCodec(section, name);
    if (kind === 'video') section.addRTXCodec(rtxPayloadType, payloadType, clockRate);
  }
  return section;
}

/** What a section says that libdatachannel does not: packets are ours whole, so is what their extensions are. */
export function extensionLines(kind: Kind, tellsArrivals: boolean): string[] {
  const lines = kind === 'audio' ? [AUDIO_LEVEL] : [];
  if (!tellsArrivals) return lines;
  const feedback = CODEC_NAMES.filter((name) => CODECS[name].kind === kind).map(
    (name) => `a=rtcp-fb:${CODECS[name].payloadType} transport-cc`,
  );
  return [...lines, TRANSPORT_CC, ...feedback];
}

function addCodec(section: Audio | Video, name: CodecName): void {
  const { payloadType } = CODECS[name];
  if (section instanceof Audio) {
    section.addOpusCodec(payloadType);
    return;
  }
  switch (name) {
    case 'vp8':
      section.addVP8Codec(payloadType);
      break;
    case 'vp9':
      section.addVP9Codec(payloadType);
      break;
    case 'av1':
      section.addAV1Codec(payloadType);
      break;
    case 'h264':
      section.addH264Codec(payloadType);
      break;
    case 'opus':
  }
}
