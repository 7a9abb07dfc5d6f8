import { describe, expect, it } from 'vitest';
import { DependencyDescriptor, startsAv1KeyFrame } from '../../../sfu/rtp/av1.ts';
import {
  CODEC_AV1,
  CODEC_H264,
  CODEC_H265,
  CODEC_OTHER,
  CODEC_VP8,
  CODEC_VP9,
  codecOf,
  isKeyFrameStart,
} from '../../../sfu/rtp/key-frame.ts';
import { hex } from './build-rtp.ts';

function av1(payload: string): boolean {
  const bytes = hex(`08${payload}0a`);
  return startsAv1KeyFrame(bytes, 1, bytes.length - 2);
}

describe('AV1', () => {
  it('a key frame begins with the first packet of a coded video sequence', () => {
    // W = 1: one element, a sequence header.
    expect(av1('18 0a 00')).toBe(true);
    expect(av1('10 0a 00')).toBe(false);
    expect(av1('98 0a 00')).toBe(false);
    // A frame alone is no beginning, whatever N says.
    expect(av1('18 32 00')).toBe(false);
  });

  it('elements have lengths, but for the last where they are counted', () => {
    expect(av1('08 02 0a00 03 320000')).toBe(true);
    expect(av1('28 02 0a00 320000')).toBe(true);
    expect(av1('38 8200 0a00 01 32 32')).toBe(true);
  });

  it('a temporal delimiter may come before', () => {
    expect(av1('28 02 1200 0a00')).toBe(true);
    expect(av1('08 02 1200 02 0a00')).toBe(true);
    expect(av1('18 1200')).toBe(false);
    expect(av1('38 01 12 01 12 0a')).toBe(false);
  });

  it('lengths that lie are no key frame', () => {
    for (const payload of [
      '',
      '18',
      '08',
      '0800',
      '08ff',
      '0805 0a00',
      '08 ffffffffffffffffff 0a',
    ]) {
      expect(av1(payload)).toBe(false);
    }
    expect(av1('08 808080808080808001 0a')).toBe(false);
    expect(startsAv1KeyFrame(hex('180a'), 0, 3)).toBe(false);
    expect(startsAv1KeyFrame(hex('180a'), -1, 2)).toBe(false);
  });
});

describe('DependencyDescriptor', () => {
  it('has the mandatory part, and flags where there is more', () => {
    const descriptor = new DependencyDescriptor();
    expect(descriptor.read(hex('ff 85fedc c0 00'), 1, 4)).toBe(true);
    expect(descriptor).toMatchObject({
      startOfFrame: true,
      endOfFrame: false,
      templateId: 5,
      frameNumber: 0xfedc,
      hasStructure: true,
      hasActiveDecodeTargets: true,
      startsKeyFrame: true,
    });
    expect(descriptor.read(hex('7f0001 80'), 0, 3)).toBe(true);
    expect(descriptor).toMatchObject({
      startOfFrame: false,
      endOfFrame: true,
      templateId: 63,
      frameNumber: 1,
      hasStructure: false,
      startsKeyFrame: false,
    });
    expect(descriptor.read(hex('7f0001 80'), 0, 4)).toBe(true);
    expect([descriptor.hasStructure, descriptor.startsKeyFrame]).toEqual([true, false]);
    expect(descriptor.read(hex('8000'), 0, 2)).toBe(false);
    expect(descriptor.read(hex('800000'), 1, 3)).toBe(false);
    expect(descriptor.read(hex('800000'), -1, 3)).toBe(false);
  });
});

describe('isKeyFrameStart', () => {
  const samples: readonly [string, number, string][] = [
    ['VP8', CODEC_VP8, '1000'],
    ['VP9', CODEC_VP9, '08'],
    ['H264', CODEC_H264, '67'],
    ['H265', CODEC_H265, '4201'],
    ['AV1', CODEC_AV1, '180a'],
  ];

  it.each(samples)('%s is known by its name, and asked in its own way', (name, codec, payload) => {
    expect(codecOf(name)).toBe(codec);
    expect(codecOf(name.toLowerCase())).toBe(codec);
    const bytes = hex(payload);
    expect(isKeyFrameStart(codec, bytes, 0, bytes.length)).toBe(true);
    expect(isKeyFrameStart(codec, bytes, 0, 0)).toBe(false);
    const others = samples.filter(([, other]) => other !== codec);
    expect(
      others.every(([, , other]) => isKeyFrameStart(codec, hex(other), 0, other.length / 2)),
    ).toBe(false);
  });

  it('nothing begins in another codec', () => {
    expect(codecOf('opus')).toBe(CODEC_OTHER);
    for (const [, , payload] of samples) {
      expect(isKeyFrameStart(CODEC_OTHER, hex(payload), 0, payload.length / 2)).toBe(false);
    }
  });
});
