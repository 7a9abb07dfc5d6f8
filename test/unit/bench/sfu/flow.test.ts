// The SFU bench's publishers: their packets are RTP, their key frames can be found, their rates are those of the shape.

import { expect, test } from 'vitest';
import { Flow, PAYLOAD_TYPES } from '../../../../bench/sfu/flow.ts';
import { Stamp } from '../../../../bench/sfu/stamp.ts';
import { RTP_OK, RtpReader } from '../../../../sfu/rtp/rtp-reader.ts';
import { Vp8Descriptor } from '../../../../sfu/rtp/vp8.ts';

const FRAMES_PER_SECOND = 30;

interface Seen {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payloadBytes: number;
  readonly startOfFrame: boolean;
  readonly keyFrame: boolean;
  readonly pictureId: number;
  readonly stamp: Stamp;
}

function nextFrame(flow: Flow): Seen[] {
  const frame: Seen[] = [];
  flow.frame((packet) => {
    const rtp = new RtpReader();
    expect(rtp.read(packet, 0, packet.length)).toBe(RTP_OK);
    const { marker, payloadType, sequenceNumber, timestamp, ssrc, payloadBytes } = rtp;
    const vp8 = new Vp8Descriptor();
    const readable = flow.kind === 'audio' || vp8.read(packet, rtp.payloadOffset, payloadBytes);
    expect(readable).toBe(true);
    const { startOfFrame, keyFrame, pictureId } = vp8;
    const stamp = new Stamp();
    expect(stamp.read(packet)).toBe(true);
    const header = { marker, payloadType, sequenceNumber, timestamp, ssrc, payloadBytes };
    frame.push({ ...header, startOfFrame, keyFrame, pictureId, stamp });
  });
  return frame;
}

test('video goes in frames of 4 to 8 packets, 180 a second', () => {
  const flow = new Flow('video', 7, 180);
  const second = Array.from({ length: FRAMES_PER_SECOND }, () => nextFrame(flow));
  expect(second.slice(0, 5).map((frame) => frame.length)).toEqual([6, 4, 8, 5, 7]);
  const packets = second.flat();
  expect(packets.length).toBe(180);
  expect(packets.map(({ sequenceNumber }) => sequenceNumber)).toEqual(packets.map((_, i) => i));
  expect(packets.map(({ stamp }) => stamp.counter)).toEqual(packets.map((_, i) => i));
  expect(new Set(packets.map(({ payloadBytes }) => payloadBytes))).toEqual(new Set([1000]));
  expect(new Set(packets.map(({ payloadType }) => payloadType))).toEqual(
    new Set([PAYLOAD_TYPES.video]),
  );
  expect(new Set(packets.map(({ ssrc }) => ssrc))).toEqual(new Set([flow.ssrc]));
  for (const [i, frame] of second.entries()) {
    expect(frame.map(({ startOfFrame }) => startOfFrame)).toEqual(frame.map((_, at) => at === 0));
    expect(frame.map(({ marker }) => marker)).toEqual(
      frame.map((_, at) => at + 1 === frame.length),
    );
    expect(new Set(frame.map(({ timestamp }) => timestamp))).toEqual(new Set([3000 * i]));
    expect(new Set(frame.map(({ pictureId }) => pictureId))).toEqual(new Set([i]));
  }
});

test('a rate that is no multiple of the frames is met over a second', () => {
  const flow = new Flow('video', 0, 1000);
  for (let i = 0; i < FRAMES_PER_SECOND; i++) nextFrame(flow);
  expect(flow.packets).toBe(1000);
});

test('the first frame is a key frame, and then the one after each request', () => {
  const flow = new Flow('video', 0, 180);
  const begins = (): boolean => {
    const frame = nextFrame(flow);
    expect(new Set(frame.map(({ stamp }) => stamp.keyFrame))).toEqual(
      new Set([frame[0]?.keyFrame]),
    );
    return frame[0]?.keyFrame ?? false;
  };
  expect([begins(), begins(), begins()]).toEqual([true, false, false]);
  flow.keyFrameWanted = true;
  expect([begins(), begins()]).toEqual([true, false]);
  expect(flow.keyFrames).toBe(2);
});

test('audio goes packet by packet, without markers', () => {
  const flow = new Flow('audio', 3, 50);
  const frames = [nextFrame(flow), nextFrame(flow)];
  expect(frames.map((frame) => frame.length)).toEqual([1, 1]);
  const packets = frames.flat();
  expect(packets.map(({ timestamp }) => timestamp)).toEqual([0, 960]);
  expect(packets.map(({ marker }) => marker)).toEqual([false, false]);
  expect(packets.map(({ payloadBytes }) => payloadBytes)).toEqual([100, 100]);
  expect(packets.map(({ stamp: { kind, publisher } }) => [kind, publisher])).toEqual([
    ['audio', 3],
    ['audio', 3],
  ]);
});

test('counts what lies between start and stop, and nothing else', () => {
  const flow = new Flow('audio', 0, 50);
  nextFrame(flow);
  flow.startCounting();
  nextFrame(flow);
  nextFrame(flow);
  flow.stopCounting();
  nextFrame(flow);
  expect(flow.counted).toBe(2);
  expect([0, 1, 2, 3].map((counter) => flow.isCounted(counter))).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('a packet of somebody else has no stamp', () => {
  expect(new Stamp().read(Buffer.alloc(100))).toBe(false);
  expect(new Stamp().read(Buffer.alloc(3))).toBe(false);
});
