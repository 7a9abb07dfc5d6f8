// RFC 4571 s2: packets on a stream, each after its length.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  Deframer,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  writeFrame,
} from '../../sfu/tcp-framing.ts';

/** A deframer and copies of what it delivered. */
function stream(limit = FRAME_BYTES_MAX): { deframer: Deframer; frames: string[] } {
  const frames: string[] = [];
  const deframer = new Deframer(
    {
      onFrame: (bytes, offset, length) =>
        frames.push(Buffer.from(bytes.subarray(offset, offset + length)).toString('hex')),
    },
    limit,
  );
  return { deframer, frames };
}

/** The packets framed by hand. */
function framed(packets: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    packets.flatMap((packet) => [Uint8Array.of(packet.length >> 8, packet.length & 0xff), packet]),
  );
}

const hexOf = (packets: readonly Uint8Array[]): string[] =>
  packets.filter(({ length }) => length > 0).map((packet) => Buffer.from(packet).toString('hex'));

const push = (deframer: Deframer, bytes: Uint8Array): boolean =>
  deframer.push(bytes, 0, bytes.length);

it('RFC 4571 s2: the length is 16 bits, big-endian, and counts the packet alone', () => {
  const { deframer, frames } = stream();
  const packet = randomBytes(0x0102);
  expect(push(deframer, Buffer.concat([Uint8Array.of(0x01, 0x02), packet]))).toBe(true);
  expect(frames).toEqual([packet.toString('hex')]);
  const written = new Uint8Array(packet.length + 5).fill(0xee);
  expect(writeFrame(written, 1, packet, 0, packet.length)).toBe(packet.length + FRAME_HEADER_BYTES);
  expect(Buffer.from(written)).toEqual(
    Buffer.concat([Uint8Array.of(0xee, 0x01, 0x02), packet, Uint8Array.of(0xee, 0xee)]),
  );
});

it('RFC 4571 s2: a length of zero codes the null packet, which is nothing to deliver', () => {
  const { deframer, frames } = stream();
  const packets = [[], [], [1, 2, 3], [], [4]].map((bytes) => Uint8Array.from(bytes));
  expect(push(deframer, framed(packets))).toBe(true);
  expect(frames).toEqual(['010203', '04']);
  const written = new Uint8Array(2).fill(0xee);
  expect([writeFrame(written, 0, packets[0]!, 0, 0), ...written]).toEqual([2, 0, 0]);
});

it('RFC 4571 s2: packets are the same wherever the stream is cut once', () => {
  const packets = [3, 0, 1, 300, 2].map((length) => randomBytes(length));
  const bytes = framed(packets);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { deframer, frames } = stream();
    expect(push(deframer, bytes.subarray(0, cut)) && push(deframer, bytes.subarray(cut))).toBe(
      true,
    );
    expect(frames).toEqual(hexOf(packets));
  }
});

it('RFC 4571 s2: packets are the same however the stream is cut, byte by byte or not', () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 250, max: 3000 }));
  fc.assert(
    fc.property(
      fc.array(lengths, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 0, max: 20 }),
      (sizes, cuts, lead) => {
        const packets = sizes.map((size) => randomBytes(size));
        const bytes = framed(packets);
        const { deframer, frames } = stream(3000);
        // Each piece lies somewhere in a buffer that is used again for the next one.
        const shared = new Uint8Array(1000);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const piece = bytes.subarray(at, at + (cuts[i % cuts.length] ?? 1));
          shared.fill(0xee);
          shared.set(piece, lead);
          expect(deframer.push(shared, lead, piece.length)).toBe(true);
          at += piece.length;
        }
        expect(frames).toEqual(hexOf(packets));
      },
    ),
  );
});

it('RFC 4571 s2: what is written is what is read', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 })), (packets) => {
      const bytes = new Uint8Array(packets.reduce((sum, { length }) => sum + length + 2, 0));
      let at = 0;
      for (const packet of packets) at += writeFrame(bytes, at, packet, 0, packet.length);
      expect(at).toBe(bytes.length);
      const { deframer, frames } = stream();
      push(deframer, bytes);
      expect(frames).toEqual(hexOf(packets));
    }),
  );
});

it('RFC 4571 s2: the longest packet has 65535 bytes', () => {
  const longest = randomBytes(FRAME_BYTES_MAX + 1);
  const room = new Uint8Array(FRAME_BYTES_MAX + 10).fill(0xee);
  expect(writeFrame(room, 0, longest, 0, FRAME_BYTES_MAX + 1)).toBe(0);
  expect(room.every((byte) => byte === 0xee)).toBe(true);
  expect(writeFrame(room, 0, longest, 0, FRAME_BYTES_MAX)).toBe(FRAME_BYTES_MAX + 2);
  const { deframer, frames } = stream();
  expect(deframer.push(room, 0, 40_000)).toBe(true);
  expect(deframer.push(room, 40_000, FRAME_BYTES_MAX + 2 - 40_000)).toBe(true);
  expect(frames).toEqual([longest.toString('hex', 0, FRAME_BYTES_MAX)]);
});

it('a frame that does not fit is not written', () => {
  const into = new Uint8Array(10).fill(0xee);
  expect(writeFrame(into, 3, Uint8Array.of(1, 2, 3, 4, 5, 6), 0, 6)).toBe(0);
  expect(into.every((byte) => byte === 0xee)).toBe(true);
  expect(writeFrame(into, 2, Uint8Array.of(1, 2, 3, 4, 5, 6), 0, 6)).toBe(8);
});

it('a packet over the limit ends the stream, before any of it is kept', () => {
  const { deframer, frames } = stream(1500);
  const bytes = framed([randomBytes(1500), randomBytes(1501), randomBytes(1)]);
  expect(deframer.push(bytes, 0, bytes.length)).toBe(false);
  expect(push(deframer, framed([randomBytes(1)]))).toBe(false);
  expect(frames.map(({ length }) => length / 2)).toEqual([1500]);
});

it('a sink that has enough hears no more, not even of what has arrived', () => {
  const lengths: number[] = [];
  const deframer: Deframer = new Deframer(
    {
      onFrame: (_bytes, _offset, length) => {
        lengths.push(length);
        deframer.stop();
      },
    },
    100,
  );
  expect(push(deframer, framed([randomBytes(3), randomBytes(4)]))).toBe(false);
  expect(push(deframer, framed([randomBytes(5)]))).toBe(false);
  expect(lengths).toEqual([3]);
});

it('a packet that came in one piece is delivered where it lies', () => {
  const bytes = framed([randomBytes(20), randomBytes(30), randomBytes(40)]);
  const places: [boolean, number, number][] = [];
  const deframer = new Deframer(
    { onFrame: (from, offset, length) => places.push([from === bytes, offset, length]) },
    100,
  );
  // The second one's header in two pieces, the third one's body.
  deframer.push(bytes, 0, 23);
  deframer.push(bytes, 23, 40);
  deframer.push(bytes, 63, bytes.length - 63);
  expect(places).toEqual([
    [true, 2, 20],
    [true, 24, 30],
    [false, 0, 40],
  ]);
});
