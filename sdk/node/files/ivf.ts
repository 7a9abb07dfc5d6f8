// IVF files: VP8, VP9 and AV1, a header of 32 bytes and frames with 12 bytes before each, in little-endian numbers.
// Called by: open-media.ts.

import { FRAMES_MAX } from '../limits.ts';
import type { VideoCodecName } from '../codecs.ts';
import { isKeyFrame } from '../payloads/key-frames.ts';
import { MediaFileError } from './media-file.ts';
import type { Frame, MediaFile } from './media-file.ts';

const SIGNATURE = 'DKIF';
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 12;
const CLOCK_RATE = 90_000;
/** A pause of more is a broken clock, or one in other units than the header says. */
const PAUSE_MAX = 10 * CLOCK_RATE;

const CODECS: Readonly<Record<string, VideoCodecName>> = { VP80: 'vp8', VP90: 'vp9', AV01: 'av1' };

export function isIvf(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes.toString('latin1', 0, 4) === SIGNATURE;
}

/** @throws MediaFileError. A frame that the file ends in is left out. */
export function readIvf(bytes: Buffer): MediaFile {
  if (!isIvf(bytes)) throw new MediaFileError('This is no IVF file');
  const fourcc = bytes.toString('latin1', 8, 12);
  const codec = Object.hasOwn(CODECS, fourcc) ? CODECS[fourcc] : undefined;
  if (!codec) throw new MediaFileError('The codec of this IVF file is not VP8, VP9 or AV1');
  const rate = bytes.readUInt32LE(16);
  const scale = bytes.readUInt32LE(20);
  if (rate === 0 || scale === 0) throw new MediaFileError('This IVF file has no frame rate');
  const perTick = (CLOCK_RATE * scale) / rate;
  const frames: Frame[] = [];
  let timestamp = 0;
  let before = -1n;
  /** Between the last two, and so after the last one. */
  let step = perTick;
  let at = Math.max(HEADER_BYTES, bytes.readUInt16LE(6));
  while (at + FRAME_HEADER_BYTES <= bytes.length) {
    const size = bytes.readUInt32LE(at);
    const ticks = bytes.readBigUInt64LE(at + 4);
    const start = at + FRAME_HEADER_BYTES;
    at = start + size;
    if (at > bytes.length) break;
    if (size === 0) continue;
    if (frames.length === FRAMES_MAX) throw new MediaFileError('This file has too many frames');
    if (before >= 0n) {
      const passed = Number(ticks - before) * perTick;
      step = passed > 0 && passed <= PAUSE_MAX ? passed : perTick;
      timestamp += step;
    }
    before = ticks;
    const data = bytes.subarray(start, at);
    const isKey = isKeyFrame(codec, data);
    frames.push({ data, timestamp: Math.round(timestamp), isKeyFrame: isKey });
  }
  if (frames.length === 0) throw new MediaFileError('This IVF file has no frames');
  return { codec, frames, duration: Math.round(timestamp + Math.min(step, PAUSE_MAX)) };
}
