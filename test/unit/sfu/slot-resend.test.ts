// Packets that a subscriber misses are sent again as RFC 4588 has it, within bounds.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import {
  RouterWorld,
  type SentPacket,
  type TestTransport,
} from '../../support/sfu-router/router-world.ts';
import { nackOf } from '../../support/sfu-router/rtcp.ts';
import { publishes, sends, shows, VP8 } from '../../support/sfu-router/sections.ts';

const SSRC = 0xaaaa_0001;
const CAMERA = publishes([sends('0', 'video')], { 0: 7 });

let world: RouterWorld;
let publisher: TestTransport;
let subscriber: TestTransport;

beforeEach(() => {
  world = new RouterWorld();
  publisher = world.join(1, CAMERA);
  subscriber = world.join(2, publishes([shows('0', 'video', { ssrc: SSRC })], {}), { 0: 7 });
});

afterEach(() => {
  world.close();
});

function frame(sequenceNumber: number, bytes = 20, key = sequenceNumber === 1): Buffer {
  return rtpPacket({
    ssrc: 0x2222,
    sequenceNumber,
    timestamp: 3000 * sequenceNumber,
    payloadType: VP8.payloadType,
    mid: '0',
    marker: true,
    payload: vp8Payload({
      key,
      start: true,
      pictureId: 5000 + sequenceNumber,
      body: Buffer.alloc(bytes, sequenceNumber),
    }),
  });
}

const nack = (...missing: readonly number[]): Buffer => nackOf(SSRC, ...missing);

/** What was sent of so many frames. */
function send(count: number, bytes?: number): SentPacket[] {
  for (let i = 1; i <= count; i++) publisher.send(frame(i, bytes));
  world.turn();
  return subscriber.take();
}

it('has an SSRC, a payload type and sequence numbers of its own, and the original number in front', () => {
  const sent = send(4);
  const missing = [sent[1]!, sent[3]!];
  subscriber.sendRtcpPacket(nack(...missing.map(({ rtp }) => rtp.sequenceNumber)));
  const again = subscriber.take();
  expect(again.map(({ rtp }) => rtp.ssrc)).toEqual([SSRC + 0x1000_0000, SSRC + 0x1000_0000]);
  expect(again.map(({ rtp }) => rtp.payloadType)).toEqual([97, 97]);
  expect(again[1]!.rtp.sequenceNumber - again[0]!.rtp.sequenceNumber).toBe(1);
  for (const [i, { rtp, payload }] of again.entries()) {
    expect(payload.readUInt16BE(0)).toBe(missing[i]!.rtp.sequenceNumber);
    expect(payload.subarray(2)).toEqual(missing[i]!.payload);
    expect(rtp.timestamp).toBe(missing[i]!.rtp.timestamp);
    expect(rtp.marker).toBe(true);
  }
  expect(world.sfu.stats()).toMatchObject({ nacksIn: 2, retransmissions: 2 });
});

it('has the numbers of this subscriber, whatever another one got since', () => {
  const elsewhere = world.join(3, publishes([sends('0', 'video')], { 0: 8 }));
  const other = world.join(4, publishes([shows('0', 'video')], {}), { 0: 8 });
  elsewhere.send(frame(1), frame(2), frame(3));
  world.turn();
  world.bind(4, { 0: 7 });
  const [first] = send(1);
  expect(other.take().at(-1)!.payload).not.toEqual(first!.payload);
  subscriber.sendRtcpPacket(nack(first!.rtp.sequenceNumber));
  expect(subscriber.take()[0]!.payload.subarray(2)).toEqual(first!.payload);
});

it('comes three times at most, and not again within a round trip', () => {
  const [first] = send(1);
  const ask = nack(first!.rtp.sequenceNumber);
  const counts: number[] = [];
  for (const wait of [0, 0, 50, 60, 99, 2, 200, 200]) {
    world.advance(wait);
    subscriber.take();
    subscriber.sendRtcpPacket(ask);
    counts.push(subscriber.take().length);
  }
  expect(counts).toEqual([1, 0, 0, 1, 0, 1, 0, 0]);
});

it('is bounded by what was sent at all', () => {
  const sent = send(400, 1100);
  const numbers = sent.map(({ rtp }) => rtp.sequenceNumber);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < numbers.length; i += 200) {
      subscriber.sendRtcpPacket(nack(...numbers.slice(i, i + 200)));
    }
    world.advance(150);
  }
  const again = subscriber.take().filter(({ rtp }) => rtp.payloadType === 97);
  const bytes = again.reduce((sum, { payload }) => sum + payload.length, 0);
  expect(again.length).toBeGreaterThan(100);
  expect(bytes).toBeLessThanOrEqual(131_072 + 2 * again.length);
});

it('does not come of what was never sent, is muted, or is shown no longer', () => {
  const sent = send(4);
  const numbers = sent.map(({ rtp }) => rtp.sequenceNumber);
  subscriber.sendRtcpPacket(nack(numbers[3]! + 1, (numbers[0]! - 1) & 0xffff));
  expect(subscriber.take()).toEqual([]);
  world.command({ type: 'sfu.mute', publication: 7, muted: true });
  subscriber.sendRtcpPacket(nack(numbers[1]!));
  expect(subscriber.take()).toEqual([]);
  world.command({ type: 'sfu.mute', publication: 7, muted: false });
  subscriber.sendRtcpPacket(nack(numbers[1]!));
  expect(subscriber.take()).toEqual([]);
  publisher.send(frame(5, 20, true));
  world.turn();
  world.bind(2, { 0: 0 });
  const last = subscriber.take().at(-1)!;
  subscriber.sendRtcpPacket(nack(last.rtp.sequenceNumber));
  expect(subscriber.take()).toEqual([]);
});

it('does not come where no retransmissions were negotiated', () => {
  const codecs = [{ ...VP8, rtxPayloadType: undefined }];
  const media = publishes([shows('0', 'video', { codecs, ssrc: 0xbbbb })], {});
  const plain = world.join(3, media, { 0: 7 });
  send(2);
  const [packet] = plain.take();
  const bytes = nack(packet!.rtp.sequenceNumber);
  bytes.writeUInt32BE(0xbbbb, 8);
  plain.sendRtcpPacket(bytes);
  expect(plain.take()).toEqual([]);
  expect(world.sfu.stats().nacksIn).toBe(1);
});

it('gives what was lost on the way here its number when it comes after all', () => {
  publisher.send(frame(1), frame(2), frame(4));
  world.turn();
  const before = subscriber.take();
  publisher.send(frame(3));
  world.turn();
  const [late] = subscriber.take();
  const numbers = [...before, late!].map(
    ({ rtp }) => rtp.sequenceNumber - before[0]!.rtp.sequenceNumber,
  );
  expect(numbers).toEqual([0, 1, 3, 2]);
});
