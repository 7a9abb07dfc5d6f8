// The numbers that go on from one source to the next, and those of streams without their padding.

import { describe, expect, it } from 'vitest';
import { MediaPacket } from '../../../sfu/router/media-packet.ts';
import { Numbering } from '../../../sfu/router/numbering.ts';
import { NOT_MAPPED, RemovedSequences } from '../../../sfu/router/removed-sequences.ts';
import { Rewriter } from '../../../sfu/router/rewriter.ts';
import { NOT_AGAIN, SentPackets } from '../../../sfu/router/sent-packets.ts';
import { CODEC_AV1, CODEC_VP9 } from '../../../sfu/rtp/key-frame.ts';
import { Arena } from '../../../shared/native/arena.ts';
import { hex } from './build-rtp.ts';

describe('numbers without those that were removed', () => {
  it('are those that came, less the ones left out before', () => {
    const removed = new RemovedSequences(32);
    expect(removed.map(5)).toBe(5);
    removed.remove(10);
    removed.remove(11);
    removed.remove(20);
    const mapped = [9, 10, 11, 12, 19, 20, 21].map((number) => removed.map(number));
    expect(mapped).toEqual([9, NOT_MAPPED, NOT_MAPPED, 10, 17, NOT_MAPPED, 18]);
  });

  it('are one after the other whatever is removed, also where 32 bits wrap', () => {
    const removed = new RemovedSequences(32);
    const mapped: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const number = (0x7fff_ff00 + i) | 0;
      if (i % 7 < 3) removed.remove(number);
      else mapped.push(removed.map(number));
    }
    expect(mapped).toEqual(mapped.map((_, i) => (0x7fff_ff00 + i) | 0));
  });

  it('are not known before the oldest run that is remembered', () => {
    const removed = new RemovedSequences(32);
    for (let i = 1; i <= 40; i++) removed.remove(100 * i);
    expect(removed.map(50)).toBe(NOT_MAPPED);
    expect(removed.map(799)).toBe(NOT_MAPPED);
    expect(removed.map(850)).toBe(850 - 8);
    expect(removed.map(4001)).toBe(4001 - 40);
  });

  it('stay what they are when numbers have gone round', () => {
    const removed = new RemovedSequences(32);
    removed.remove(3);
    removed.remove(5);
    let number = 6;
    for (let i = 0; i < 2 ** 12; i++) {
      number = (number + 2 ** 20) | 0;
      expect(removed.map(number)).toBe((number - 2) | 0);
    }
  });
});

describe('a numbering', () => {
  it('keeps that of its first source, and goes on after it', () => {
    const numbers = new Numbering(0x7fff);
    expect([0x7ffe, 0x7fff, 0].map((one) => numbers.map(one, 0x7fff))).toEqual([0x7ffe, 0x7fff, 0]);
    numbers.restart();
    expect([500, 502, 501].map((one) => numbers.map(one, 0x7fff))).toEqual([1, 3, 2]);
    numbers.restart();
    expect(numbers.map(9, 0x7fff)).toBe(4);
  });

  it('goes on where there are fewer bits, and more again', () => {
    const numbers = new Numbering(0x7fff);
    expect(numbers.map(1000, 0x7fff)).toBe(1000);
    numbers.restart();
    const mapped = [126, 127, 0, 1].map((one) => numbers.map(one, 0x7f));
    expect(mapped).toEqual([1001, 1002, 1003, 1004]);
    numbers.restart();
    expect(numbers.map(3, 0x7fff)).toBe(1005);
  });
});

describe('a rewriter', () => {
  const arena = new Arena(64);

  function payload(text: string, facts: Partial<MediaPacket>): MediaPacket {
    const bytes = hex(text);
    arena.bytes.set(bytes);
    return Object.assign(new MediaPacket(), { arena, payloadBytes: bytes.length }, facts);
  }

  const written = (packet: MediaPacket): string =>
    Buffer.from(arena.bytes.subarray(0, packet.payloadBytes)).toString('hex');

  it('goes on with the picture IDs of VP9', () => {
    const rewriter = new Rewriter(0, 0, 90_000, 3000);
    const first = payload('88fffe0102', { pictureId: 0x7ffe });
    rewriter.begin(1, first, 0);
    rewriter.renumber(first, CODEC_VP9);
    expect(written(first)).toBe('88fffe0102');
    const second = payload('8881230102', { pictureId: 0x123 });
    rewriter.begin(9, second, 0);
    rewriter.renumber(second, CODEC_VP9);
    expect(written(second)).toBe('88ffff0102');
  });

  it('goes on with the frame numbers of dependency descriptors', () => {
    // A decoder drops a key frame that seems older than the last one.
    const rewriter = new Rewriter(0, 0, 90_000, 3000);
    const facts = { descriptorOffset: 0, descriptorBytes: 4 };
    const first = payload('c0ffff80', { ...facts, frameNumber: 0xffff });
    rewriter.begin(1, first, 0);
    rewriter.renumber(first, CODEC_AV1);
    expect(written(first)).toBe('c0ffff80');
    const second = payload('c0123480', { ...facts, frameNumber: 0x1234 });
    rewriter.begin(9, second, 0);
    rewriter.renumber(second, CODEC_AV1);
    expect(written(second)).toBe('c0000080');
  });

  it('does not go so far ahead in time that a receiver takes it for behind', () => {
    const rewriter = new Rewriter(0, 0x7000_0000, 90_000, 3000);
    const packet = payload('00', { timestamp: 5 });
    rewriter.begin(1, packet, 0);
    rewriter.advance(1, rewriter.timestampOf(5), 0);
    const before = rewriter.timestampOf(5);
    rewriter.begin(2, packet, 1e9);
    expect((rewriter.timestampOf(5) - before) | 0).toBe(2 ** 30);
  });
});

describe('what was sent', () => {
  it('is found by its 16 bits as long as nothing has its place', () => {
    const sent = new SentPackets(8);
    for (let i = 0; i < 8; i++) sent.add(0x1_fffc + i, 100 + i);
    expect([0xfffc, 0xffff, 0, 3].map((one) => sent.resend(one, 0, 10))).toEqual([
      100, 103, 104, 107,
    ]);
    sent.add(0x2_0004, 108);
    expect(sent.resend(0xfffc, 100, 10)).toBe(NOT_AGAIN);
    expect(sent.resend(4, 100, 10)).toBe(108);
    sent.clear();
    expect(sent.resend(4, 200, 10)).toBe(NOT_AGAIN);
    expect(sent.has(0x2_0004)).toBe(false);
  });
});
