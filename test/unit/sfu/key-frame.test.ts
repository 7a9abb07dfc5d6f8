import { describe, expect, it } from 'vitest';
import { startsAv1KeyFrame } from '../../../sfu/rtp/av1.ts';
import { DependencyDescriptor } from '../../../sfu/rtp/dependency-descriptor.ts';
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

function h265(payload: string): boolean {
  const bytes = hex(payload);
  return isKeyFrameStart(CODEC_H265, bytes, 0, bytes.length);
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

  it('what an encoder made: the frame header tells, whatever N says of it', () => {
    // libaom's sequence header, and the beginnings of a key frame and of the one after it, without their sizes.
    const sequence = '08 00000004 3cffbf81b5f20080';
    const key = '30 1080010000c1b4ca69c8808ddf3c';
    const inter = '30 3840440408000000000000000000';
    for (const n of ['20', '28', '60', '68']) {
      expect(av1(`${n} 0d ${sequence} ${key}`)).toBe(true);
      expect(av1(`${n} 0d ${sequence} ${inter}`)).toBe(false);
    }
    expect(av1(`10 ${key}`)).toBe(false);
    expect(av1(`10 ${sequence}`)).toBe(false);
    expect(av1(`18 ${sequence}`)).toBe(true);
    // With metadata between, sizes in the OBU headers and an extension, as nobody should send it and some do.
    expect(av1(`30 0d ${sequence} 03 28 0102 ${key}`)).toBe(true);
    expect(av1(`00 02 1200 0e 0a0c ${sequence.slice(3)} 04 36 00 01 10`)).toBe(true);
    expect(av1(`08 02 1200 0e 0a0c ${sequence.slice(3)} 04 36 00 01 38`)).toBe(false);
    // The frame header is in the next packet.
    expect(av1(`20 0d ${sequence} 34`)).toBe(false);
    expect(av1(`28 0d ${sequence} 34`)).toBe(true);
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

describe('H265', () => {
  // x265's, as rtph265pay sends them.
  const PARAMETER_SETS =
    '6001 0018 40010c01ffff01600000030090000003000003003cba0240 ' +
    '002f 42010101600000030090000003000003003ca00a080f165ba4a4c2fff000100016a0c0c0c080000003008000000f04 ' +
    '0006 4401c0718312';

  it('what an encoder made: a key frame begins with its parameter sets', () => {
    expect(h265(PARAMETER_SETS)).toBe(true);
    expect(h265(`${PARAMETER_SETS} 0345 2801ac2710241c`)).toBe(true);
    // Their sizes hold: the last one alone is none that a decoder begins with.
    expect(h265(PARAMETER_SETS.replace('4001', '2801').replace('4201', '2801'))).toBe(false);
    // Enhancement information before it, a picture after it, a fragment of one.
    expect(h265('6201a705ffffffffffffffffff112ca2de09b51747dbbb55a4fe7fc2fc4e')).toBe(false);
    expect(h265('0201d009788158810060405b18e040508e8032e00004f4000d780789c8')).toBe(false);
    expect(h265('620181d029fe202f08140200801a775394a01cfba22861c1e9f0773120')).toBe(false);
    // Nobody who has no parameter sets can begin with a CRA picture alone.
    expect(h265('2a01ac38f50bc40a03809020070ee2e3d6ebecbfff0dfceddf12336ac2')).toBe(false);
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
