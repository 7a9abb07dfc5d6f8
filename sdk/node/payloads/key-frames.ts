// Whether a decoder can begin with a picture, by the picture as it comes out of an encoder. Called by: the readers of
// files.

import type { VideoCodecName } from '../codecs.ts';
import { nalUnits } from './nal-units.ts';
import { obusOf } from './obus.ts';

const NAL_IDR = 5;
const OBU_SEQUENCE_HEADER = 1;

const IS_KEY_FRAME: Readonly<Record<VideoCodecName, (data: Uint8Array) => boolean>> = {
  // RFC 6386 s9.1: P.
  vp8: (data) => data.length > 0 && (data[0]! & 1) === 0,
  vp9: (data) => isVp9KeyFrame(data[0] ?? 0),
  av1: (data) => [...obusOf(data)].some(({ type }) => type === OBU_SEQUENCE_HEADER),
  h264: (data) => [...nalUnits(data)].some(({ start }) => (data[start]! & 0x1f) === NAL_IDR),
};

export function isKeyFrame(codec: VideoCodecName, data: Uint8Array): boolean {
  return IS_KEY_FRAME[codec](data);
}

/** VP9 s6.2: frame_marker 2, profile, show_existing_frame, frame_type 0 for a key frame. */
function isVp9KeyFrame(byte: number): boolean {
  if (byte >> 6 !== 2) return false;
  const isProfile3 = (byte & 0x30) === 0x30;
  return (isProfile3 ? byte & 0x06 : byte & 0x0c) === 0;
}
