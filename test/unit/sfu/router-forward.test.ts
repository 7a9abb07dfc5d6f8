// A publication reaches those who are shown it, and nobody else.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import {
  H264,
  IDS,
  OPUS,
  publishes,
  RED,
  sends,
  shows,
  VP8,
} from '../../support/sfu-router/sections.ts';
import { elementOf } from './build-rtp.ts';

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

const MIC = publishes([sends('0', 'audio')], { 0: 7 });
const CAMERA = publishes([sends('0', 'video')], { 0: 7 });
const SPEAKER = publishes([shows('0', 'audio', { ssrc: 0xaaaa_0001 })], {});
const SCREEN = publishes([shows('0', 'video', { ssrc: 0xaaaa_0001 })], {});

function opus(sequenceNumber: number, more: Partial<Parameters<typeof rtpPacket>[0]> = {}): Buffer {
  return rtpPacket({
    ssrc: 0x1111,
    sequenceNumber,
    timestamp: 960 * sequenceNumber,
    payloadType: OPUS.payloadType,
    mid: '0',
    payload: Buffer.from(`opus ${sequenceNumber}`),
    ...more,
  });
}

function frame(
  sequenceNumber: number,
  key: boolean,
  more: Partial<Parameters<typeof rtpPacket>[0]> = {},
): Buffer {
  return rtpPacket({
    ssrc: 0x2222,
    sequenceNumber,
    timestamp: 3000 * sequenceNumber,
    payloadType: VP8.payloadType,
    mid: '0',
    marker: true,
    payload: vp8Payload({ key, start: true, pictureId: sequenceNumber & 0x7fff, tl0PicIdx: 9 }),
    ...more,
  });
}

const texts = (transport: TestTransport): string[] =>
  transport.take().map(({ payload }) => payload.toString());

describe('audio', () => {
  it('is forwarded when the turn ends, to each slot that shows it', () => {
    const publisher = world.join(1, MIC);
    const one = world.join(2, SPEAKER, { 0: 7 });
    const other = world.join(3, SPEAKER, { 0: 7 });
    const nobody = world.join(4, SPEAKER);
    publisher.send(opus(1), opus(2));
    expect(one.rtp).toEqual([]);
    world.turn();
    expect(texts(one)).toEqual(['opus 1', 'opus 2']);
    expect(texts(other)).toEqual(['opus 1', 'opus 2']);
    expect(texts(nobody)).toEqual([]);
  });

  it('is sent to one subscriber after the other', () => {
    const publisher = world.join(1, MIC);
    const order: number[] = [];
    for (const id of [2, 3, 4]) {
      const transport = world.join(id, SPEAKER, { 0: 7 });
      transport.sendRtp = () => {
        order.push(id);
        return 100;
      };
    }
    publisher.send(opus(1), opus(2), opus(3));
    world.turn();
    expect(order).toEqual([2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  it('is forwarded at once when more comes in a turn than is kept', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    for (let i = 0; i < 100; i++) publisher.send(opus(i));
    expect(subscriber.rtp.length).toBeGreaterThanOrEqual(64);
    world.turn();
    expect(texts(subscriber)).toEqual(Array.from({ length: 100 }, (_, i) => `opus ${i}`));
  });

  it('has the header of the slot, and the extensions that were negotiated there', () => {
    const publisher = world.join(1, MIC);
    const section = shows('5', 'audio', { ssrc: 0xaaaa_0001, shift: 2 });
    const subscriber = world.join(2, publishes([section], {}), { 5: 7 });
    publisher.send(opus(40, { audioLevel: 0x85 }), opus(41));
    world.turn();
    const [first, second] = subscriber.take().map(({ rtp }) => rtp);
    expect(first!.ssrc).toBe(0xaaaa_0001);
    expect(first!.payloadType).toBe(OPUS.payloadType + 2);
    expect(first!.sequenceNumber).toBe(0x4001);
    expect(second!.sequenceNumber).toBe(0x4002);
    expect(second!.timestamp - first!.timestamp).toBe(960);
    expect(elementOf(first!, IDS.mid + 2)).toBe(Buffer.from('5').toString('hex'));
    expect(elementOf(first!, IDS.audioLevel + 2)).toBe('85');
    expect(elementOf(second!, IDS.audioLevel + 2)).toBeUndefined();
    expect(elementOf(first!, IDS.transportCc + 2)).toBe('0000');
    expect(elementOf(second!, IDS.transportCc + 2)).toBe('0001');
    expect(elementOf(first!, IDS.absSendTime + 2)).toHaveLength(6);
    expect([first!.marker, second!.marker]).toEqual([true, false]);
  });

  it('comes without what its receiver does not decode', () => {
    const sender = publishes([sends('0', 'audio', { codecs: [RED, OPUS] })], { 0: 7 });
    const publisher = world.join(1, sender);
    const both = publishes([shows('0', 'audio', { codecs: [OPUS, RED] })], {});
    const able = world.join(2, both, { 0: 7 });
    const only = publishes([shows('0', 'audio', { codecs: [RED], shift: 3 })], {});
    const redundant = world.join(4, only, { 0: 7 });
    const plain = world.join(3, SPEAKER, { 0: 7 });
    // RFC 2198 s3: a block of three bytes of 960 before, then the newest.
    const payload = Buffer.concat([
      Buffer.from([0xef, 0x0f, 0x00, 0x03, 0x6f]),
      Buffer.from('oldnewest'),
    ]);
    publisher.send(opus(1, { payloadType: RED.payloadType, payload }));
    world.turn();
    const [whole] = redundant.take();
    expect([whole!.rtp.payloadType, whole!.payload]).toEqual([RED.payloadType + 3, payload]);
    // Who loses nothing needs no more either.
    for (const [newest] of [plain.take(), able.take()]) {
      expect([newest!.rtp.payloadType, newest!.payload.toString()]).toEqual([
        OPUS.payloadType,
        'newest',
      ]);
    }
  });
});

describe('video', () => {
  it('begins at a key frame, for which the publisher is asked', () => {
    const publisher = world.join(1, CAMERA);
    publisher.send(frame(1, false));
    const subscriber = world.join(2, SCREEN, { 0: 7 });
    world.advance(20);
    expect(publisher.takeRtcp().filter((one) => one[1] === 206)).toHaveLength(1);
    publisher.send(frame(2, false), frame(3, true), frame(4, false));
    world.turn();
    const sent = subscriber.take();
    expect(sent.map(({ payload }) => payload[5]! & 1)).toEqual([0, 1]);
    expect(sent.map(({ rtp }) => rtp.payloadType)).toEqual([VP8.payloadType, VP8.payloadType]);
  });

  it('begins with the key frame that has just been there', () => {
    const publisher = world.join(1, CAMERA);
    publisher.send(frame(1, true), frame(2, false), frame(3, false));
    world.advance(100);
    const subscriber = world.join(2, SCREEN, { 0: 7 });
    expect(subscriber.take()).toHaveLength(3);
    publisher.send(frame(4, false));
    world.turn();
    expect(subscriber.take()).toHaveLength(1);
    world.advance(50);
    expect(publisher.takeRtcp().filter((one) => one[1] === 206)).toEqual([]);
  });

  it('has the extensions that came with it', () => {
    const publisher = world.join(1, CAMERA);
    const subscriber = world.join(2, SCREEN, { 0: 7 });
    const dependencies = Buffer.from('c00007', 'hex');
    publisher.send(frame(1, true, { orientation: 3, playoutDelay: 0x001_00a, dependencies }));
    world.turn();
    const [{ rtp }] = subscriber.take() as [ReturnType<typeof subscriber.take>[number]];
    expect(elementOf(rtp, IDS.orientation)).toBe('03');
    expect(elementOf(rtp, IDS.playoutDelay)).toBe('00100a');
    expect(elementOf(rtp, IDS.dependencies)).toBe('c00007');
  });

  it('is not forwarded to who cannot decode it, and counted', () => {
    const publisher = world.join(1, CAMERA);
    const section = shows('0', 'video', { codecs: [H264] });
    const subscriber = world.join(2, publishes([section], {}), { 0: 7 });
    publisher.send(frame(1, true), frame(2, false));
    world.turn();
    expect(subscriber.take()).toEqual([]);
    expect(world.sfu.stats().drops.codec).toBe(2);
    world.advance(1500);
    expect(publisher.takeRtcp().filter((one) => one[1] === 206)).toEqual([]);
  });
});

describe('what nobody is to see', () => {
  it('is not forwarded while it is muted, nor what came before it was', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    publisher.send(opus(1));
    world.command({ type: 'sfu.mute', publication: 7, muted: true });
    world.turn();
    publisher.send(opus(2));
    world.turn();
    expect(texts(subscriber)).toEqual([]);
    world.command({ type: 'sfu.mute', publication: 7, muted: false });
    publisher.send(opus(3));
    world.turn();
    expect(texts(subscriber)).toEqual(['opus 3']);
    expect(world.sfu.stats().drops.muted).toBe(1);
  });

  it('is not forwarded to a slot that was pointed elsewhere', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    publisher.send(opus(1));
    world.turn();
    world.bind(2, { 0: 0 });
    publisher.send(opus(2));
    world.turn();
    expect(texts(subscriber)).toEqual(['opus 1']);
  });

  it('is not forwarded to another room', () => {
    const publisher = world.join(1, MIC);
    const stranger = world.join(2, SPEAKER, { 0: 7 }, 'elsewhere');
    publisher.send(opus(1));
    world.turn();
    world.bind(2, { 0: 7 });
    publisher.send(opus(2));
    world.turn();
    expect(texts(stranger)).toEqual([]);
  });

  it('is not forwarded where it is not published any more', () => {
    const publisher = world.join(1, MIC);
    const subscriber = world.join(2, SPEAKER, { 0: 7 });
    publisher.send(opus(1));
    world.turn();
    world.command({ type: 'sfu.change', id: 1, media: publishes([sends('0', 'audio')], {}) });
    publisher.send(opus(2));
    world.turn();
    expect(texts(subscriber)).toEqual(['opus 1']);
    expect(world.sfu.stats().publications).toBe(0);
  });
});

it('says once that a publication is live', () => {
  const publisher = world.join(1, MIC);
  expect(world.take('sfu.live')).toEqual([]);
  publisher.send(opus(1), opus(2));
  expect(world.take('sfu.live')).toEqual([{ type: 'sfu.live', publication: 7 }]);
});
