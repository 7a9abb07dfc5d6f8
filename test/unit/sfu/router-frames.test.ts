// Packets of one frame leave together, when its last one has come or has been waited for long enough.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows, VP8 } from '../../support/sfu-router/sections.ts';

/** Longer than packets of a frame wait for its last one. */
const HELD_MS = 20;

let world: RouterWorld;
let publisher: TestTransport;
let one: TestTransport;
let other: TestTransport;

beforeEach(() => {
  world = new RouterWorld();
  publisher = world.join(1, publishes([sends('0', 'video'), sends('1', 'video')], { 0: 7, 1: 8 }));
  const shown = publishes([shows('0', 'video', { ssrc: 0xaaaa_0001 })], {});
  one = world.join(2, shown, { 0: 7 });
  other = world.join(3, shown, { 0: 7 });
});

afterEach(() => {
  world.close();
});

function packet(sequenceNumber: number, more: { marker?: boolean; mid?: string } = {}): Buffer {
  const { mid = '0', marker = false } = more;
  const start = sequenceNumber % 3 === 0;
  const frame = Math.floor(sequenceNumber / 3);
  return rtpPacket({
    ssrc: 0x2222 + Number(mid),
    sequenceNumber,
    timestamp: 3000 * frame,
    payloadType: VP8.payloadType,
    mid,
    marker,
    payload: vp8Payload({ key: frame === 0, start, pictureId: frame, tl0PicIdx: 9 }),
  });
}

const markers = (transport: TestTransport): boolean[] =>
  transport.take().map(({ rtp }) => rtp.marker);

test('turns that bring the first packets of a frame send nothing; the one with its last sends all', () => {
  publisher.send(packet(0));
  world.turn();
  publisher.send(packet(1));
  world.turn();
  expect([one.rtp, other.rtp]).toEqual([[], []]);
  publisher.send(packet(2, { marker: true }));
  expect(one.rtp).toEqual([]);
  world.turn();
  expect(markers(one)).toEqual([false, false, true]);
  expect(markers(other)).toEqual([false, false, true]);
  world.advance(HELD_MS);
  expect(one.rtp).toEqual([]);
});

test('packets whose last one does not come leave soon, and it leaves when it comes', () => {
  publisher.send(packet(0), packet(1));
  world.turn();
  expect(one.rtp).toEqual([]);
  world.advance(HELD_MS);
  expect(markers(one)).toEqual([false, false]);
  publisher.send(packet(2, { marker: true }));
  world.turn();
  expect(markers(one)).toEqual([true]);
});

test('a packet that comes late does not wait, and takes what waits along', () => {
  publisher.send(packet(0), packet(2, { marker: true }));
  world.turn();
  expect(one.take()).toHaveLength(2);
  publisher.send(packet(3));
  world.turn();
  expect(one.rtp).toEqual([]);
  publisher.send(packet(1));
  world.turn();
  expect(one.take()).toHaveLength(2);
});

test('more packets than are kept for a turn do not wait', () => {
  for (let i = 0; i < 64; i++) {
    expect(one.rtp).toEqual([]);
    publisher.send(packet(i));
  }
  expect(one.take()).toHaveLength(64);
});

test('who is shown something else gets what waited first; the other stays with it', () => {
  publisher.send(packet(0), packet(1));
  world.turn();
  world.bind(2, { 0: 8 });
  expect(one.take()).toHaveLength(2);
  expect(other.take()).toHaveLength(2);
  publisher.send(packet(2, { marker: true }));
  world.turn();
  expect(one.rtp).toEqual([]);
  expect(other.take()).toHaveLength(1);
});

test('what waits when its publisher mutes is not sent, then or later', () => {
  publisher.send(packet(0), packet(1));
  world.turn();
  world.command({ type: 'sfu.mute', publication: 7, muted: true });
  world.advance(HELD_MS);
  world.command({ type: 'sfu.mute', publication: 7, muted: false });
  world.advance(HELD_MS);
  expect(one.rtp).toEqual([]);
});

test('what waits when its publisher leaves is sent before, once', () => {
  publisher.send(packet(0), packet(1));
  world.turn();
  world.command({ type: 'sfu.close', id: 1 });
  world.advance(HELD_MS);
  expect(one.take()).toHaveLength(2);
});
