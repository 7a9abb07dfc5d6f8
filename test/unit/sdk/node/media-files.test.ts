// The readers of media files: what encoders write, and whatever else somebody hands them.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MediaFileError } from '../../../../sdk/node/files/media-file.ts';
import type { MediaFile } from '../../../../sdk/node/files/media-file.ts';
import { readMedia } from '../../../../sdk/node/files/open-media.ts';
import { ivfOf, oggOf } from '../../../support/media-files.ts';

const KEY = Uint8Array.of(0x10, 1, 2);
const INTER = Uint8Array.of(0x11, 3);
/** RFC 6716 s3.1: CELT of 20 ms, one frame; SILK of 60 ms, one frame; CELT of 2.5 ms, three frames. */
const OPUS_20 = Uint8Array.of(0xf8, 1, 2, 3);
const OPUS_60 = Uint8Array.of(0x18, 9);
const OPUS_3_TIMES_2 = Uint8Array.of(0x83, 3, 1, 2, 3);

const START = [0, 0, 0, 1];
const SPS = [0x67, 0x42, 0xe0, 0x1f];
const PPS = [0x68, 0xce];
const IDR = [0x65, 0x88, 1, 2];
/** first_mb_in_slice is 0 where the first bit is set. */
const SLICE = [0x41, 0x9a, 3];
const SECOND_SLICE = [0x41, 0x40, 4];
const DELIMITER = [0x09, 0xf0];

const annexB = (...units: number[][]): Buffer =>
  Buffer.from(units.flatMap((unit) => START.concat(unit)));

const times = ({ frames }: MediaFile): number[] => frames.map(({ timestamp }) => timestamp);
const keys = ({ frames }: MediaFile): boolean[] => frames.map(({ isKeyFrame }) => isKeyFrame);

describe('IVF', () => {
  test('frames, their times on the clock of RTP, and key frames', () => {
    const file = readMedia(ivfOf('VP80', [KEY, INTER, INTER, KEY], 30));
    expect(file.codec).toBe('vp8');
    expect(file.frames.map(({ data }) => Uint8Array.from(data))).toEqual([KEY, INTER, INTER, KEY]);
    expect(times(file)).toEqual([0, 3000, 6000, 9000]);
    expect(file.duration).toBe(12_000);
    expect(keys(file)).toEqual([true, false, false, true]);
  });

  test('what the file ends in is left out; a clock that jumps goes on by one frame', () => {
    const whole = ivfOf('VP90', [Uint8Array.of(0x82), Uint8Array.of(0x86), Uint8Array.of(0x86)]);
    whole.writeBigUInt64LE(2n ** 60n, 32 + 12 + 1 + 4);
    const file = readMedia(whole.subarray(0, whole.length - 1));
    expect(times(file)).toEqual([0, 3000]);
    expect(keys(file)).toEqual([true, false]);
  });

  test('other codecs, no rate and no frames are refused', () => {
    const noRate = ivfOf('VP80', [KEY]);
    noRate.writeUInt32LE(0, 16);
    for (const bad of [ivfOf('H264', [KEY]), noRate, ivfOf('VP80', [])]) {
      expect(() => readMedia(bad)).toThrow(MediaFileError);
    }
  });
});

describe('Ogg with Opus', () => {
  test('packets and their durations, without the headers', () => {
    const file = readMedia(oggOf([OPUS_20, OPUS_60, OPUS_3_TIMES_2, OPUS_20]));
    expect(file.codec).toBe('opus');
    expect(times(file)).toEqual([0, 960, 3840, 4200]);
    expect(file.duration).toBe(5160);
  });

  test('packets that go over pages are whole, and those of another stream are left out', () => {
    const large = new Uint8Array(40_000).fill(7).fill(0xf8, 0, 1);
    const packets = [OPUS_20, large, ...Array.from({ length: 300 }, () => OPUS_20), large];
    const stranger = oggOf([OPUS_60], 8).subarray(27 + 1 + 19);
    const file = readMedia(Buffer.concat([oggOf(packets), stranger]));
    expect(file.frames.length).toBe(packets.length);
    expect(file.frames.every(({ data }, i) => Buffer.compare(data, packets[i]!) === 0)).toBe(true);
  });
});

describe('H.264 with start codes', () => {
  test('pictures begin with their parameters, and may have several slices', () => {
    const first = annexB(SPS, PPS, IDR);
    const second = annexB(SLICE, SECOND_SLICE);
    const third = annexB(DELIMITER, SLICE);
    const bytes = Buffer.concat([first, second, third]);
    const file = readMedia(bytes, { framesPerSecond: 10 });
    expect(times(file)).toEqual([0, 9000, 18_000]);
    expect(keys(file)).toEqual([true, false, false]);
    const units = file.frames.map(({ data }) => data.length);
    // From the start code of three bytes on, in which one of four ends.
    expect(units).toEqual([first.length - 1, second.length - 1, third.length - 1]);
  });
});

/** What is refused has no frames; every other error is thrown. */
function readOrRefuse(bytes: Buffer): Omit<MediaFile, 'codec'> {
  try {
    return readMedia(bytes);
  } catch (error) {
    if (error instanceof MediaFileError) return { frames: [], duration: 0 };
    throw error;
  }
}

test('whatever a file is, it is read or refused: nothing else is thrown, and no frame is outside of it', () => {
  const real = fc.constantFrom(
    ivfOf('VP80', [KEY, INTER]),
    ivfOf('AV01', [Uint8Array.of(0x0a, 1, 0, 0x32, 1, 0)]),
    oggOf([OPUS_20, OPUS_60]),
    annexB(SPS, PPS, IDR, SLICE),
  );
  const damaged = fc
    .tuple(real, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }), fc.nat(200))
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes.subarray(0, bytes.length - (cut % bytes.length)));
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy;
    });
  const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const headed = fc
    .tuple(real, noise)
    .map(([bytes, rest]) => Buffer.concat([bytes.subarray(0, 60), rest]));
  fc.assert(
    fc.property(fc.oneof(damaged, headed, noise), (bytes) => {
      const file = readOrRefuse(bytes);
      let before = -1;
      for (const { data, timestamp } of file.frames) {
        expect(data.length).toBeGreaterThan(0);
        expect(timestamp).toBeGreaterThanOrEqual(before);
        expect(Number.isSafeInteger(timestamp)).toBe(true);
        before = timestamp;
      }
      const total = file.frames.reduce((sum, { data }) => sum + data.length, 0);
      expect(total).toBeLessThanOrEqual(bytes.length);
      expect(file.duration).toBeGreaterThanOrEqual(before);
    }),
    { numRuns: 2000 },
  );
});
