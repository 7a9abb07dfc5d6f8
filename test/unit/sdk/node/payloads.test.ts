// From frames to RTP payloads and back, as the SFU's own readers see them.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CodecName } from '../../../../sdk/node/codecs.ts';
import { PAYLOAD_BYTES_MAX } from '../../../../sdk/node/limits.ts';
import { packetizerOf } from '../../../../sdk/node/payloads/packetizer.ts';
import { codecOf, isKeyFrameStart } from '../../../../sfu/rtp/key-frame.ts';
import { Vp8Descriptor } from '../../../../sfu/rtp/vp8.ts';

function payloadsOf(codec: CodecName, data: Uint8Array, isKeyFrame: boolean): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const markers: boolean[] = [];
  packetizerOf(codec)({ data, isKeyFrame }, (payload, marker) => {
    payloads.push(payload);
    markers.push(marker);
  });
  expect(markers.lastIndexOf(true)).toBe(codec === 'opus' ? -1 : markers.length - 1);
  expect(markers.filter(Boolean).length).toBe(codec === 'opus' ? 0 : 1);
  for (const { length } of payloads) expect(length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
  return payloads;
}

const beginsKeyFrame = (codec: CodecName, payload: Uint8Array): boolean =>
  isKeyFrameStart(codecOf(codec), payload, 0, payload.length);

/** Bytes in which no start code can be. */
const plain = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => 1 + ((i * 31 + seed) % 250));

const leb128 = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >> 7)];
const obu = (type: number, payload: Uint8Array): Uint8Array =>
  Uint8Array.from([(type << 3) | 2, ...leb128(payload.length), ...payload]);

describe.each(['vp8', 'vp9'] as const)('%s', (codec) => {
  const descriptorBytes = codec === 'vp8' ? 4 : 3;

  test('pieces make the frame again; the first one of a key frame is seen as such', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9000 }), fc.boolean(), (length, isKeyFrame) => {
        const data = plain(length);
        // RFC 6386 s9.1: P; VP9 s6.2: frame_type.
        data[0] = codec === 'vp8' ? (isKeyFrame ? 0x10 : 0x11) : isKeyFrame ? 0x82 : 0x86;
        const payloads = payloadsOf(codec, data, isKeyFrame);
        const whole = Buffer.concat(payloads.map((one) => one.subarray(descriptorBytes)));
        expect(Buffer.compare(whole, data)).toBe(0);
        // RFC 7741 s4.2: S; RFC 9628 s4.2: B.
        const start = codec === 'vp8' ? 0x10 : 0x08;
        const starts = payloads.map((one) => (one[0]! & start) !== 0);
        expect(starts).toEqual(payloads.map((_, i) => i === 0));
        // Of VP8 it is seen with more of the frame, below.
        const isSeen = codec === 'vp8' ? isKeyFrame : beginsKeyFrame(codec, payloads[0]!);
        expect(isSeen).toBe(isKeyFrame);
      }),
      { numRuns: 200 },
    );
  });
});

test('pictures of VP8 are numbered', () => {
  const descriptor = new Vp8Descriptor();
  const send = packetizerOf('vp8');
  const seen: [number, boolean][] = [];
  for (const isKeyFrame of [true, false, false]) {
    const data = Uint8Array.of(isKeyFrame ? 0x10 : 0x11, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1);
    send({ data, isKeyFrame }, (payload) => {
      expect(descriptor.read(payload, 0, payload.length)).toBe(true);
      seen.push([descriptor.pictureId, descriptor.keyFrame]);
    });
  }
  expect(seen).toEqual([
    [0, true],
    [1, false],
    [2, false],
  ]);
});

test('H.264: small units go as they are, large ones in fragments, delimiters not at all', () => {
  const idr = Uint8Array.from([0x65, ...plain(5000)]);
  const units = [Uint8Array.of(9, 0xf0), Uint8Array.of(0x67, 1), Uint8Array.of(0x68, 2), idr];
  const data = Buffer.concat(units.flatMap((unit) => [Uint8Array.of(0, 0, 0, 1), unit]));
  const payloads = payloadsOf('h264', data, true);
  expect(payloads.slice(0, 2)).toEqual([Buffer.from(units[1]!), Buffer.from(units[2]!)]);
  const fragments = payloads.slice(2);
  expect(fragments.map((one) => one[0])).toEqual(fragments.map(() => 0x7c));
  expect(fragments.map((one) => one[1]! & 0xc0)).toEqual([
    0x80,
    ...fragments.slice(2).map(() => 0),
    0x40,
  ]);
  const body = Buffer.concat(fragments.map((one) => one.subarray(2)));
  expect(Buffer.compare(Buffer.concat([Uint8Array.of(0x65), body]), idr)).toBe(0);
  expect(payloads.some((payload) => beginsKeyFrame('h264', payload))).toBe(true);
});

test('AV1: OBUs without sizes and delimiters, cut where a packet is full', () => {
  const sequence = plain(10);
  const frame = plain(4000, 7);
  // AV1 s5.9.2: show_existing_frame 0, frame_type KEY_FRAME.
  frame[0] = 0x10;
  const unit = Buffer.concat([obu(2, new Uint8Array()), obu(1, sequence), obu(6, frame)]);
  const payloads = payloadsOf('av1', unit, true);
  expect(payloads.length).toBe(4);
  expect(beginsKeyFrame('av1', payloads[0]!)).toBe(true);
  expect(payloads.map((one) => one[0]! >> 6)).toEqual([1, 3, 3, 2]);
  // As a receiver puts it together again (AV1 RTP specification s4.4).
  const elements: number[][] = [];
  for (const payload of payloads) {
    let at = 1;
    let continues = (payload[0]! & 0x80) !== 0;
    while (at < payload.length) {
      let size = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = payload[at++]!;
        size |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      const piece = payload.subarray(at, at + size);
      at += size;
      if (continues) elements.at(-1)!.push(...piece);
      else elements.push([...piece]);
      continues = false;
    }
  }
  expect(elements).toEqual([
    [1 << 3, ...sequence],
    [6 << 3, ...frame],
  ]);
});

test('whatever a frame is, it is cut into packets that fit', () => {
  const codec = fc.constantFrom('vp8', 'vp9', 'av1', 'h264');
  fc.assert(
    fc.property(codec, fc.uint8Array({ maxLength: 5000 }), fc.boolean(), (name, data, isKey) => {
      packetizerOf(name)({ data, isKeyFrame: isKey }, (payload) => {
        expect(payload.length).toBeGreaterThan(0);
        expect(payload.length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
      });
    }),
    { numRuns: 500 },
  );
});
