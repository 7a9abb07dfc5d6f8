// Payload formats of video: VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), H.265 (RFC 7798).

import { describe, expect, it } from 'vitest';
import { startsH264KeyFrame } from '../../sfu/rtp/h264.ts';
import { startsH265KeyFrame } from '../../sfu/rtp/h265.ts';
import { Vp8Descriptor } from '../../sfu/rtp/vp8.ts';
import { Vp9Descriptor } from '../../sfu/rtp/vp9.ts';
import { hex } from '../unit/sfu/build-rtp.ts';

/** Of 640 by 360, with scaling bits that are no part of it. */
const KEY_FRAME = '9001009d012a80426881';

function vp8(payload: string): Vp8Descriptor | undefined {
  const bytes = hex(`ffff${payload}ffff`);
  const descriptor = new Vp8Descriptor();
  return descriptor.read(bytes, 2, bytes.length - 4) ? descriptor : undefined;
}

describe('VP8', () => {
  it('RFC 7741 s4.2: without extensions the descriptor is one byte', () => {
    expect(vp8(`10${KEY_FRAME}`)).toMatchObject({
      startOfFrame: true,
      nonReference: false,
      pictureId: -1,
      tl0PicIdx: -1,
      temporalLayer: -1,
      keyIdx: -1,
      keyFrame: true,
      width: 640,
      height: 360,
      descriptorBytes: 1,
    });
  });

  it('RFC 7741 s4.2: picture ID, TL0PICIDX, TID, Y and KEYIDX stand where their bits say', () => {
    expect(vp8('b0f0fedcab75 01')).toMatchObject({
      startOfFrame: true,
      nonReference: true,
      pictureId: 0x7edc,
      tl0PicIdx: 0xab,
      temporalLayer: 1,
      layerSync: true,
      keyIdx: 0x15,
      keyFrame: false,
      descriptorBytes: 6,
    });
    const idOnly = { pictureId: 0x7e, tl0PicIdx: -1, temporalLayer: -1, descriptorBytes: 3 };
    expect(vp8('80807e 01')).toMatchObject(idOnly);
    expect(vp8('8020c0 01')).toMatchObject({ temporalLayer: 3, keyIdx: -1, descriptorBytes: 3 });
    expect(vp8('80101f 01')).toMatchObject({ temporalLayer: -1, keyIdx: 31, descriptorBytes: 3 });
  });

  it('RFC 7741 s4.2: a frame begins with the first packet of partition 0', () => {
    expect(vp8(`10${KEY_FRAME}`)?.keyFrame).toBe(true);
    expect(vp8(`00${KEY_FRAME}`)?.keyFrame).toBe(false);
    expect(vp8(`11${KEY_FRAME}`)?.keyFrame).toBe(false);
    expect(vp8('10')?.keyFrame).toBe(false);
  });

  it('RFC 7741 s4.3: P is zero in a key frame; the sizes follow a start code', () => {
    expect(vp8('10 01')?.keyFrame).toBe(false);
    expect(vp8('10 00')).toMatchObject({ keyFrame: true, width: 0, height: 0 });
    const cut = vp8(`10${KEY_FRAME.slice(0, -2)}`);
    expect(cut).toMatchObject({ keyFrame: true, width: 0, height: 0 });
    expect(vp8('109001009d012b80426881')).toMatchObject({ keyFrame: true, width: 0 });
  });

  it('RFC 7741 s4.2: a descriptor that is cut off is none', () => {
    for (const payload of ['', '80', '8080', '808080', '8040', '8020', '8010', '80f0fedcab']) {
      expect(vp8(payload)).toBeUndefined();
    }
    const descriptor = new Vp8Descriptor();
    const bytes = hex('90c0fedcab01');
    expect(descriptor.read(bytes, 0, 6)).toBe(true);
    expect(descriptor.read(bytes, 0, 3)).toBe(false);
    expect(descriptor).toMatchObject({ pictureId: -1, tl0PicIdx: -1, startOfFrame: false });
    expect(descriptor.read(bytes, 1, 6)).toBe(false);
    expect(descriptor.read(bytes, -1, 3)).toBe(false);
  });

  it('RFC 7741 s4.2: picture ID, TL0PICIDX and KEYIDX can be written over, in their lengths', () => {
    const descriptor = new Vp8Descriptor();
    const long = hex('90f0fedcab7501');
    expect(descriptor.read(long, 0, long.length)).toBe(true);
    expect(descriptor.pictureIdMask).toBe(0x7fff);
    descriptor.writePictureId(0x1_8123);
    descriptor.writeTl0PicIdx(0x1cd);
    descriptor.writeKeyIdx(0x2a);
    expect(long).toEqual(hex('90f08123cd6a01'));
    const short = hex('90807e01');
    expect(descriptor.read(short, 0, short.length)).toBe(true);
    expect(descriptor.pictureIdMask).toBe(0x7f);
    descriptor.writePictureId(0x81);
    descriptor.writeTl0PicIdx(5);
    descriptor.writeKeyIdx(5);
    expect(short).toEqual(hex('90800101'));
    const none = hex('1001');
    expect(descriptor.read(none, 0, 2)).toBe(true);
    expect(descriptor.pictureIdMask).toBe(0);
    descriptor.writePictureId(5);
    expect(none).toEqual(hex('1001'));
  });
});

function vp9(payload: string): Vp9Descriptor | undefined {
  const bytes = hex(`ffff${payload}ffff`);
  const descriptor = new Vp9Descriptor();
  return descriptor.read(bytes, 2, bytes.length - 4) ? descriptor : undefined;
}

function begins(payload: string): boolean | undefined {
  return vp9(payload)?.startsKeyFrame;
}

describe('VP9', () => {
  it('RFC 9628 s4.2: in non-flexible mode TL0PICIDX follows the layer indices', () => {
    expect(vp9('ad fedc 51 ab')).toMatchObject({
      pictureId: 0x7edc,
      temporalLayer: 2,
      switchingUp: true,
      spatialLayer: 0,
      interLayer: true,
      tl0PicIdx: 0xab,
      startOfFrame: true,
      endOfFrame: true,
      notReferenced: true,
      intra: true,
      flexible: false,
      descriptorBytes: 5,
    });
  });

  it('RFC 9628 s4.2: in flexible mode up to three reference differences follow', () => {
    expect(vp9('f0 7e 2a 03 05 06')).toMatchObject({
      pictureId: 0x7e,
      temporalLayer: 1,
      spatialLayer: 5,
      tl0PicIdx: -1,
      intra: false,
      flexible: true,
      descriptorBytes: 6,
    });
    expect(vp9('50 02')?.descriptorBytes).toBe(2);
    expect(vp9('50 03 03 03 02')).toBeUndefined();
    // A picture without references has no differences.
    expect(vp9('10 03')?.descriptorBytes).toBe(1);
  });

  it('RFC 9628 s4.2.1: the scalability structure has sizes and a group of pictures', () => {
    expect(vp9('0a 38 01400168 028001e0 02 04aa 080102 bb')).toMatchObject({
      spatialLayers: 2,
      width: 640,
      height: 480,
      descriptorBytes: 1 + 1 + 8 + 1 + 2 + 3,
    });
    expect(vp9('0a 00')).toMatchObject({ spatialLayers: 1, width: 0, descriptorBytes: 2 });
  });

  it('RFC 9628 s4.2: a key frame begins where nothing is referred to, in the lowest layer', () => {
    expect(begins('08')).toBe(true);
    expect(begins('28 00 00')).toBe(true);
    expect(begins('00')).toBe(false);
    expect(begins('48')).toBe(false);
    expect(begins('28 02 00')).toBe(false);
    expect(begins('28 01 00')).toBe(false);
  });

  it('RFC 9628 s4.2: a descriptor that is cut off is none', () => {
    const cut = ['', '80', '80fe', '20', '2000', '50', '5003', '02', '0210', '0210000000', '0208'];
    cut.push('020801', '02080104', '02080108aa', 'b0fe', 'd0fe', '82fe');
    for (const payload of cut) expect(vp9(payload)).toBeUndefined();
    const descriptor = new Vp9Descriptor();
    expect(descriptor.read(hex('8000'), 1, 2)).toBe(false);
    expect(descriptor.read(hex('8000'), -1, 2)).toBe(false);
    expect(descriptor.startsKeyFrame).toBe(false);
  });

  it('RFC 9628 s4.2: the picture ID can be written over, in its length', () => {
    const descriptor = new Vp9Descriptor();
    const long = hex('80fedc');
    expect(descriptor.read(long, 0, 3)).toBe(true);
    descriptor.writePictureId(0x1_8123);
    expect([descriptor.pictureIdMask, long]).toEqual([0x7fff, hex('808123')]);
    const short = hex('807e00');
    expect(descriptor.read(short, 0, 3)).toBe(true);
    descriptor.writePictureId(0x81);
    expect([descriptor.pictureIdMask, short]).toEqual([0x7f, hex('800100')]);
    const none = hex('00ff');
    expect(descriptor.read(none, 0, 2)).toBe(true);
    descriptor.writePictureId(1);
    expect([descriptor.pictureIdMask, none]).toEqual([0, hex('00ff')]);
  });
});

function h264(payload: string): boolean {
  const bytes = hex(`67${payload}67`);
  return startsH264KeyFrame(bytes, 1, bytes.length - 2);
}

function h265(payload: string): boolean {
  const bytes = hex(`4201${payload}4201`);
  return startsH265KeyFrame(bytes, 2, bytes.length - 4);
}

describe('H.264', () => {
  it('RFC 6184 s5.6: a key frame begins with the sequence parameter set', () => {
    expect(h264('67')).toBe(true);
    expect(h264('07')).toBe(true);
    for (const other of ['', '65', '41', '68', '06', '61']) expect(h264(other)).toBe(false);
    expect(startsH264KeyFrame(hex('67'), 0, 2)).toBe(false);
    expect(startsH264KeyFrame(hex('67'), -1, 2)).toBe(false);
  });

  it('RFC 6184 s5.7.1: it may be one of an aggregate', () => {
    expect(h264('78 0002 6742 0001 68')).toBe(true);
    expect(h264('78 0001 09 0002 6742')).toBe(true);
    expect(h264('78 0001 68 0002 6588')).toBe(false);
    for (const cut of ['78', '7800', '780002', '78000267', '780000 67', '78ffff 67']) {
      expect(h264(cut)).toBe(false);
    }
  });

  it('RFC 6184 s5.8: it may begin in a fragment', () => {
    expect(h264('7c 87 42')).toBe(true);
    expect(h264('7c 07 42')).toBe(false);
    expect(h264('7c 85 42')).toBe(false);
    expect(h264('7c')).toBe(false);
  });
});

describe('H.265', () => {
  it('RFC 7798 s4.4.1: a key frame begins with the video or sequence parameter set', () => {
    expect([h265('4001'), h265('4201')]).toEqual([true, true]);
    for (const other of ['', '42', '4401', '2601', '0201']) expect(h265(other)).toBe(false);
    expect(startsH265KeyFrame(hex('4201'), 0, 3)).toBe(false);
    expect(startsH265KeyFrame(hex('4201'), -1, 2)).toBe(false);
  });

  it('RFC 7798 s4.4.2: it may be one of an aggregate', () => {
    expect(h265('6001 0003 440100 0002 4201')).toBe(true);
    expect(h265('6001 0002 4401 0002 2601')).toBe(false);
    for (const cut of ['6001', '600100', '60010002', '6001000242', '60010001 42', '6001ffff4201']) {
      expect(h265(cut)).toBe(false);
    }
  });

  it('RFC 7798 s4.4.3: it may begin in a fragment', () => {
    expect(h265('6201 a1 00')).toBe(true);
    expect(h265('6201 21 00')).toBe(false);
    expect(h265('6201 93 00')).toBe(false);
    expect(h265('6201')).toBe(false);
  });
});
