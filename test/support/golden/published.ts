// The packets of a trace that somebody should get: media, once each, with what is said in them and around them.

import { DependencyDescriptor } from '../../../sfu/rtp/dependency-descriptor.ts';
import {
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY_DESCRIPTOR,
  EXTENSION_PLAYOUT_DELAY,
  EXTENSION_VIDEO_ORIENTATION,
  ExtensionIds,
} from '../../../sfu/rtp/extension-kinds.ts';
import { CODEC_VP8, CODEC_VP9, codecOf, isKeyFrameStart } from '../../../sfu/rtp/key-frame.ts';
import { RTP_OK, RtpReader } from '../../../sfu/rtp/rtp-reader.ts';
import { Vp8Descriptor } from '../../../sfu/rtp/vp8.ts';
import { Vp9Descriptor } from '../../../sfu/rtp/vp9.ts';
import { extensionUri } from '../../../sfu/sdp/header-extensions.ts';
import type { AgreedSection } from '../../../sfu/sdp/negotiation.ts';
import type { OfferedCodec } from '../../../sfu/sdp/payload-types.ts';
import { RTCP, type Trace, type TracePacket } from './trace.ts';

/** Numbers that a forwarder writes anew, -1 where they are not there. */
export interface InnerNumbers {
  pictureId: number;
  /** Of the picture ID: what it counts up to. */
  pictureIdMask: number;
  tl0PicIdx: number;
  keyIdx: number;
  frameNumber: number;
}

export interface PublishedPacket {
  readonly section: AgreedSection;
  readonly codec: OfferedCodec;
  readonly rtp: RtpReader;
  readonly packet: TracePacket;
  readonly ssrc: number;
  /** Among those of its SSRC, unwrapped and without padding. */
  readonly number: number;
  readonly payload: Buffer;
  readonly inner: InnerNumbers;
  /** The payload, and the dependency descriptor, without what is written anew. */
  readonly masked: string;
  readonly descriptor: string;
  readonly startsKeyFrame: boolean;
  readonly audioLevel: number;
  readonly orientation: number;
  readonly playoutDelay: number;
}

const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();
const dependencies = new DependencyDescriptor();

export function idsOf(section: AgreedSection): ExtensionIds {
  const ids = new ExtensionIds();
  for (const { id, name } of section.extensions) ids.set(extensionUri(name), id);
  return ids;
}

export function readRtp(bytes: Uint8Array): RtpReader {
  const rtp = new RtpReader();
  if (rtp.read(bytes, 0, bytes.length) !== RTP_OK) throw new Error('not RTP');
  return rtp;
}

export function payloadOf({ bytes, payloadOffset, payloadBytes }: RtpReader): Buffer {
  return Buffer.from(bytes.subarray(payloadOffset, payloadOffset + payloadBytes));
}

/** The numbers of a packet, and what it is without them. */
export function readInner(
  codec: OfferedCodec,
  rtp: RtpReader,
  ids: ExtensionIds,
): Pick<PublishedPacket, 'inner' | 'masked' | 'descriptor'> & { keyed: boolean } {
  const inner = { pictureId: -1, pictureIdMask: 0, tl0PicIdx: -1, keyIdx: -1, frameNumber: -1 };
  const payload = payloadOf(rtp);
  const kind = codecOf(codec.name);
  if (kind === CODEC_VP8 && vp8.read(payload, 0, payload.length)) {
    inner.pictureId = vp8.pictureId;
    inner.pictureIdMask = vp8.pictureIdMask;
    inner.tl0PicIdx = vp8.tl0PicIdx;
    inner.keyIdx = vp8.keyIdx;
    vp8.writePictureId(0);
    vp8.writeTl0PicIdx(0);
    vp8.writeKeyIdx(0);
  } else if (kind === CODEC_VP9 && vp9.read(payload, 0, payload.length)) {
    inner.pictureId = vp9.pictureId;
    inner.pictureIdMask = vp9.pictureIdMask;
    vp9.writePictureId(0);
  }
  const at = rtp.extension(ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR));
  const length = rtp.extensionBytes(ids.id(EXTENSION_DEPENDENCY_DESCRIPTOR));
  let descriptor = '';
  let keyed = isKeyFrameStart(kind, payload, 0, payload.length);
  if (at >= 0 && dependencies.read(rtp.bytes, at, length)) {
    inner.frameNumber = dependencies.frameNumber;
    const bytes = Buffer.from(rtp.bytes.subarray(at, at + length));
    bytes.fill(0, 1, 3);
    descriptor = bytes.toString('hex');
    keyed ||= dependencies.startsKeyFrame;
  }
  return { inner, masked: payload.toString('latin1'), descriptor, keyed };
}

/** In the order in which they were sent, by SSRC. */
export function publishedPackets(trace: Trace): Map<number, PublishedPacket[]> {
  const seen = new Map<number, { rtp: RtpReader; packet: TracePacket; sequence: number }[]>();
  for (const packet of trace.packets) {
    if (packet.kind === RTCP) continue;
    const rtp = readRtp(packet.bytes);
    if (codecIn(trace, rtp.payloadType) === undefined) continue;
    const before = seen.get(rtp.ssrc) ?? [];
    seen.set(rtp.ssrc, before);
    const last = before.at(-1)?.sequence ?? rtp.sequenceNumber + 0x1_0000;
    const ahead = (((rtp.sequenceNumber - last) % 0x1_0000) + 0x1_8000) % 0x1_0000;
    before.push({ rtp, packet, sequence: last + ahead - 0x8000 });
  }
  const published = new Map<number, PublishedPacket[]>();
  for (const [ssrc, packets] of seen) {
    const sorted = packets.toSorted((a, b) => a.sequence - b.sequence);
    let padding = 0;
    const media = sorted.flatMap(({ rtp, packet, sequence }) => {
      if (rtp.payloadBytes > 0) return [describe(trace, rtp, packet, sequence - padding)];
      padding++;
      return [];
    });
    published.set(ssrc, media);
  }
  return published;
}

function codecIn(
  { sections }: Trace,
  payloadType: number,
): { section: AgreedSection; codec: OfferedCodec } | undefined {
  for (const section of sections) {
    const codec = section.codecs.find((one) => one.payloadType === payloadType);
    if (codec !== undefined) return { section, codec };
  }
  return undefined;
}

function describe(
  trace: Trace,
  rtp: RtpReader,
  packet: TracePacket,
  number: number,
): PublishedPacket {
  const { section, codec } = codecIn(trace, rtp.payloadType)!;
  const ids = idsOf(section);
  const { keyed, ...inner } = readInner(codec, rtp, ids);
  return {
    section,
    codec,
    rtp,
    packet,
    ssrc: rtp.ssrc,
    number,
    payload: payloadOf(rtp),
    ...inner,
    startsKeyFrame: keyed,
    audioLevel: rtp.extensionU8(ids.id(EXTENSION_AUDIO_LEVEL)),
    orientation: rtp.extensionU8(ids.id(EXTENSION_VIDEO_ORIENTATION)),
    playoutDelay: rtp.extensionU24(ids.id(EXTENSION_PLAYOUT_DELAY)),
  };
}
