// Whether a packet is one that a decoder can begin with, whatever its codec.
// Called by: publications, subscriptions that wait for a key frame. Allocates: nothing.

import { startsAv1KeyFrame } from './av1.ts';
import { startsH264KeyFrame } from './h264.ts';
import { startsH265KeyFrame } from './h265.ts';
import { Vp8Descriptor } from './vp8.ts';
import { Vp9Descriptor } from './vp9.ts';

export const CODEC_OTHER = 0;
export const CODEC_VP8 = 1;
export const CODEC_VP9 = 2;
export const CODEC_H264 = 3;
export const CODEC_H265 = 4;
export const CODEC_AV1 = 5;

const CODECS: ReadonlyMap<string, number> = new Map([
  ['vp8', CODEC_VP8],
  ['vp9', CODEC_VP9],
  ['h264', CODEC_H264],
  ['h265', CODEC_H265],
  ['av1', CODEC_AV1],
]);

/** One of CODEC_* for the encoding name of an rtpmap (RFC 8866 s6.6), in any case. */
export function codecOf(encodingName: string): number {
  return CODECS.get(encodingName.toLowerCase()) ?? CODEC_OTHER;
}

const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();

/** False for what is cut off, and for any other codec: audio needs no beginning. */
export function isKeyFrameStart(
  codec: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  switch (codec) {
    case CODEC_VP8:
      return vp8.read(bytes, offset, length) && vp8.keyFrame;
    case CODEC_VP9:
      return vp9.read(bytes, offset, length) && vp9.startsKeyFrame;
    case CODEC_H264:
      return startsH264KeyFrame(bytes, offset, length);
    case CODEC_H265:
      return startsH265KeyFrame(bytes, offset, length);
    case CODEC_AV1:
      return startsAv1KeyFrame(bytes, offset, length);
    default:
      return false;
  }
}
