// Negotiated sections as the answering thread hands them over, of browsers that do all there is.

import type { MediaSetup } from '../../../sfu/control.ts';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import type { OfferedCodec } from '../../../sfu/sdp/payload-types.ts';

export const IDS = {
  mid: 1,
  rid: 2,
  repairedRid: 3,
  audioLevel: 4,
  transportCc: 5,
  absSendTime: 6,
  orientation: 7,
  playoutDelay: 8,
  dependencies: 9,
};

const EXTENSIONS = {
  audio: [
    { id: IDS.mid, name: 'mid' },
    { id: IDS.audioLevel, name: 'audio-level' },
    { id: IDS.transportCc, name: 'transport-cc' },
    { id: IDS.absSendTime, name: 'abs-send-time' },
  ],
  video: [
    { id: IDS.mid, name: 'mid' },
    { id: IDS.rid, name: 'rid' },
    { id: IDS.repairedRid, name: 'repaired-rid' },
    { id: IDS.transportCc, name: 'transport-cc' },
    { id: IDS.absSendTime, name: 'abs-send-time' },
    { id: IDS.orientation, name: 'video-orientation' },
    { id: IDS.playoutDelay, name: 'playout-delay' },
    { id: IDS.dependencies, name: 'dependency-descriptor' },
  ],
} as const;

const VIDEO_FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc'] as const;

function codec(
  name: OfferedCodec['name'],
  format: string,
  payloadType: number,
  rtxPayloadType?: number,
): OfferedCodec {
  const isAudio = name === 'opus' || name === 'red';
  return {
    name,
    format,
    payloadType,
    rtxPayloadType,
    clockRate: isAudio ? 48_000 : 90_000,
    channels: isAudio ? 2 : 1,
    parameters: '',
    feedback: isAudio ? ['nack', 'transport-cc'] : VIDEO_FEEDBACK,
  };
}

export const OPUS = codec('opus', 'opus', 111);
export const RED = codec('red', 'red/opus', 63);
export const VP8 = codec('VP8', 'VP8', 96, 97);
export const VP9 = codec('VP9', 'VP9/0', 98, 99);
export const H264 = codec('H264', 'H264/constrained-baseline', 102, 103);
export const AV1 = codec('AV1', 'AV1', 45, 46);

export interface SectionOptions {
  codecs?: readonly OfferedCodec[];
  rids?: readonly string[];
  streams?: AgreedSection['streams'];
  /** Of what the participant is sent. */
  ssrc?: number;
  rtcpRsize?: boolean;
  /** Of a slot: whether the participant tells of what arrives, so that it is adapted to. */
  tells?: boolean;
  /** Of what the participant sends: whether packets say how loud they are. */
  levels?: boolean;
  /** Added to the identifiers of extensions and to payload types: no two participants have the same. */
  shift?: number;
}

function shifted(codecs: readonly OfferedCodec[], shift: number): OfferedCodec[] {
  return codecs.map((one) => ({
    ...one,
    payloadType: one.payloadType + shift,
    rtxPayloadType: one.rtxPayloadType === undefined ? undefined : one.rtxPayloadType + shift,
  }));
}

/** What a participant sends. */
export function sends(
  mid: string,
  kind: 'audio' | 'video',
  options: SectionOptions = {},
): AgreedSection {
  const { rids = [], streams = [], rtcpRsize = true, shift = 0, levels = true } = options;
  const codecs = options.codecs ?? (kind === 'audio' ? [OPUS] : [VP8, VP9, H264, AV1]);
  return {
    accepted: true,
    mid,
    kind,
    protocol: 'UDP/TLS/RTP/SAVPF',
    direction: 'recvonly',
    rtcpRsize,
    extmapAllowMixed: true,
    codecs: shifted(codecs, shift),
    extensions: EXTENSIONS[kind]
      .filter(({ name }) => levels || name !== 'audio-level')
      .map(({ id, name }) => ({ id: id + shift, name, direction: undefined })),
    simulcast: rids.map((id) => ({ id, payloadTypes: undefined, restrictions: [] })),
    streams,
    outgoing: undefined,
  };
}

/** What a participant is sent: a slot. */
export function shows(
  mid: string,
  kind: 'audio' | 'video',
  options: SectionOptions = {},
): AgreedSection {
  const { ssrc = 0x9000_0000 + Number.parseInt(mid, 36), tells = false } = options;
  const section = sends(mid, kind, options);
  return {
    ...section,
    codecs: section.codecs.map((one) =>
      Object.assign({}, one, {
        feedback: one.feedback.filter((name) => tells || name !== 'transport-cc'),
      }),
    ),
    direction: 'sendonly',
    outgoing: {
      ssrc,
      rtxSsrc: ssrc + 0x1000_0000,
      cname: 'tern',
      msid: { stream: 's', track: mid },
    },
  };
}

export function publishes(
  sections: readonly AgreedSection[],
  publications: Readonly<Record<string, number>>,
): MediaSetup {
  return {
    sections,
    publications: Object.entries(publications).map(([mid, publication]) => ({
      mid,
      publication,
      muted: false,
    })),
  };
}
