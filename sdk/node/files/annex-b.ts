// H.264 as a stream of bytes with start codes (ITU-T H.264 annex B), cut into pictures. It has no times: the caller
// says how many pictures a second. Called by: open-media.ts.

import { FRAMES_MAX } from '../limits.ts';
import { isKeyFrame } from '../payloads/key-frames.ts';
import { nalUnits } from '../payloads/nal-units.ts';
import { MediaFileError } from './media-file.ts';
import type { Frame, MediaFile } from './media-file.ts';

const CLOCK_RATE = 90_000;
/** ITU-T H.264 table 7-1. */
const NON_IDR = 1;
const IDR = 5;
const SEI = 6;
const DELIMITER = 9;

export function isAnnexB(bytes: Buffer): boolean {
  const start = bytes.subarray(0, 4).toString('hex');
  return start === '00000001' || start.startsWith('000001');
}

/** @throws MediaFileError */
export function readAnnexB(bytes: Buffer, framesPerSecond: number): MediaFile {
  const step = CLOCK_RATE / framesPerSecond;
  const frames: Frame[] = [];
  let start = -1;
  let end = 0;
  let hasSlice = false;
  const finish = (): void => {
    if (!hasSlice) return;
    if (frames.length === FRAMES_MAX) throw new MediaFileError('This file has too many frames');
    const data = bytes.subarray(start, end);
    const timestamp = Math.round(frames.length * step);
    frames.push({ data, timestamp, isKeyFrame: isKeyFrame('h264', data) });
    start = -1;
    hasSlice = false;
  };
  for (const unit of nalUnits(bytes)) {
    const type = bytes[unit.start]! & 0x1f;
    const isSlice = type >= NON_IDR && type <= IDR;
    // A slice with first_mb_in_slice 0, ue(v) of one bit, begins a picture (s7.4.1.2.4), and so does what may stand
    // before it.
    const begins = isSlice
      ? ((bytes[unit.start + 1] ?? 0) & 0x80) !== 0
      : type >= SEI && type <= DELIMITER;
    if (begins) finish();
    if (start === -1) start = unit.codeStart;
    end = unit.end;
    if (isSlice) hasSlice = true;
  }
  finish();
  if (frames.length === 0) throw new MediaFileError('There is no picture in this H.264 file');
  return { codec: 'h264', frames, duration: Math.round(frames.length * step) };
}
