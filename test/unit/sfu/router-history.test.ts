// Packets of a stream are kept once, for as long as they are of use, in memory that is bounded and given back.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaPacket } from '../../../sfu/router/media-packet.ts';
import { PacketHistory } from '../../../sfu/router/packet-history.ts';
import { BLOCK_BYTES, PayloadPool } from '../../../sfu/router/payload-pool.ts';
import { Arena } from '../../../shared/native/arena.ts';

const CAPACITY = 64;
const SLAB_BYTES = 64 * BLOCK_BYTES;
/** As many as packets of that history may take that have 1500 bytes each, and what is begun. */
const BLOCKS_MAX = 16;

const source = new Arena(4096);
let pool: PayloadPool;
let history: PacketHistory;

beforeEach(() => {
  pool = new PayloadPool();
  history = new PacketHistory(pool, CAPACITY);
});

afterEach(() => {
  pool.close();
});

/** A packet whose payload repeats one byte. */
function packet(fill: number, bytes: number, descriptor = ''): MediaPacket {
  const made = new MediaPacket();
  made.arena = source;
  made.payloadOffset = 100;
  made.payloadBytes = bytes;
  source.bytes.fill(fill, 100, 100 + bytes);
  made.descriptorOffset = 2000;
  made.descriptorBytes = descriptor.length / 2;
  source.bytes.set(Buffer.from(descriptor, 'hex'), 2000);
  made.timestamp = -fill;
  made.payloadType = fill & 0x7f;
  return made;
}

function read(sequence: number): { payload: Buffer; packet: MediaPacket } | undefined {
  const found = new MediaPacket();
  if (!history.read(sequence, found)) return undefined;
  const { payloadOffset: at, payloadBytes } = found;
  return {
    packet: found,
    payload: Buffer.from(found.arena!.bytes.subarray(at, at + payloadBytes)),
  };
}

describe('a history', () => {
  it('gives back what it took, and what is known of it', () => {
    const one = packet(7, 300, 'c0beef');
    Object.assign(one, {
      marker: true,
      keyFrame: true,
      audioLevel: 200,
      videoOrientation: 3,
      playoutDelay: 0xabcdef,
      pictureId: 0x7fff,
      tl0PicIdx: 255,
      keyIdx: 31,
      frameNumber: 0xbeef,
    });
    expect(history.add(-5, one, 0)).toBe(true);
    source.bytes.fill(0);
    const found = read(-5)!;
    expect(found.payload).toEqual(Buffer.alloc(300, 7));
    const { arena, descriptorOffset: at } = found.packet;
    expect(Buffer.from(arena!.bytes.subarray(at, at + 3)).toString('hex')).toBe('c0beef');
    const { payloadOffset: _1, descriptorOffset: _2, arena: _3, ...facts } = found.packet;
    const { payloadOffset: _4, descriptorOffset: _5, arena: _6, ...given } = one;
    expect(facts).toEqual(given);
  });

  it('says that what did not come does not', () => {
    const absent = packet(1, 10);
    history.add(1, absent, 0);
    expect(read(1)!.packet).toMatchObject({
      marker: false,
      keyFrame: false,
      audioLevel: -1,
      videoOrientation: -1,
      playoutDelay: -1,
      pictureId: -1,
      frameNumber: -1,
      descriptorBytes: 0,
    });
  });

  it('keeps the last packets, in whatever order they come, past the end of 32 bits', () => {
    const first = 0x7fff_ffff - 100;
    for (let i = 0; i < 300; i += 2) {
      history.add((first + i + 1) | 0, packet(i + 1, 1000), 0);
      history.add((first + i) | 0, packet(i, 1000), 0);
    }
    for (let i = 0; i < 300 - CAPACITY; i++) expect(history.has((first + i) | 0)).toBe(false);
    for (let i = 300 - CAPACITY; i < 300; i++) {
      expect(read((first + i) | 0)?.payload).toEqual(Buffer.alloc(1000, i));
    }
    expect(pool.leased).toBeLessThanOrEqual(BLOCKS_MAX);
  });

  it('does not take what is too long, or older than all that it keeps', () => {
    expect(history.add(1000, packet(1, 1501), 0)).toBe(false);
    expect(history.add(1000, packet(1, 1500, 'ff'.repeat(255)), 0)).toBe(true);
    expect(history.add(1000 - CAPACITY, packet(1, 10), 0)).toBe(false);
    expect(history.add(1001 - CAPACITY, packet(2, 10), 0)).toBe(true);
  });

  it('takes no more memory, whatever numbers packets have', () => {
    let number = 0;
    for (let i = 0; i < 20_000; i++) {
      // Most push out the one before, so that blocks would stay for the sake of one packet.
      number = (number + (i % 10 === 0 ? 1 : CAPACITY)) | 0;
      history.add(number, packet(i, 1500), 0);
      expect(pool.leased).toBeLessThanOrEqual(BLOCKS_MAX);
    }
    expect(read(number)!.payload).toEqual(Buffer.alloc(1500, 19_999));
  });

  it('gives its memory back as its packets are of no use any more', () => {
    for (let i = 0; i < CAPACITY; i++) history.add(i, packet(i, 1500), 0);
    expect(pool.leased).toBeGreaterThan(5);
    for (let i = CAPACITY; i < CAPACITY + 500; i++) history.add(i, packet(i, 50), 0);
    expect(pool.leased).toBeLessThanOrEqual(2);
  });

  it('gives back what is too old to be asked for, however slow the stream is, and keeps the newest', () => {
    // A block has 16 of them.
    for (let i = 0; i < 48; i++) history.add(i, packet(i, 1000), i * 100);
    expect(pool.leased).toBe(3);
    expect(history.has(0)).toBe(true);
    history.add(48, packet(48, 1000), 4800);
    expect(pool.leased).toBe(3);
    expect([15, 16, 48].map((number) => history.has(number))).toEqual([false, true, true]);
    history.forget(5200);
    expect(pool.leased).toBe(3);
    history.forget(5201);
    expect([31, 32, 48].map((number) => history.has(number))).toEqual([false, true, true]);
    history.forget(1e9);
    expect([47, 48].map((number) => history.has(number))).toEqual([false, true]);
    expect(pool.leased).toBe(1);
    history.add(49, packet(49, 1000), 1e9);
    expect(read(48)!.payload).toEqual(Buffer.alloc(1000, 48));
    expect(pool.leased).toBe(1);
  });

  it('forgets all of it at once', () => {
    history.add(1, packet(1, 100), 0);
    history.clear();
    expect(history.has(1)).toBe(false);
    expect(pool.leased).toBe(0);
    history.add(1, packet(2, 100), 0);
    expect(read(1)!.payload).toEqual(Buffer.alloc(100, 2));
  });
});

describe('the memory of all', () => {
  it('is taken as it is used, and given back but for one slab to spare', () => {
    expect(pool.bytes).toBe(0);
    const blocks = Array.from({ length: 300 }, () => pool.lease());
    expect(new Set(blocks).size).toBe(300);
    expect(pool.bytes).toBe(5 * SLAB_BYTES);
    for (const block of blocks) pool.release(block);
    expect(pool.bytes).toBe(SLAB_BYTES);
    expect(pool.lease()).toBeGreaterThanOrEqual(0);
    expect(pool.bytes).toBe(SLAB_BYTES);
    pool.release(blocks[0]!);
  });

  it('has a bound: a stream then loses its oldest packets, and one that has none takes none', () => {
    const small = new PayloadPool(SLAB_BYTES);
    const others = Array.from({ length: 63 }, () => small.lease());
    const one = new PacketHistory(small, CAPACITY);
    for (let i = 0; i < 30; i++) expect(one.add(i, packet(i, 1500), 0)).toBe(true);
    expect(one.has(29)).toBe(true);
    expect(one.has(0)).toBe(false);
    const none = new PacketHistory(small, CAPACITY);
    expect(none.add(1, packet(1, 100), 0)).toBe(false);
    for (const block of others) small.release(block);
    expect(none.add(1, packet(1, 100), 0)).toBe(true);
    small.close();
  });
});
