// What a media worker tells of transports when it is asked: every stream both ways, and why a slot sends nothing.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutgoingReport, SfuEvent } from '../../../sfu/control.ts';
import { type PacketFields, rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { readRtcp, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import { H264, OPUS, publishes, sends, shows, VP8 } from '../../support/sfu-router/sections.ts';

const SSRC = 0x8222_2222;
const RTX_SSRC = 0x8222_2223;
const SLOT = 0xaaaa_0001;
const CAMERA = publishes([sends('0', 'video')], { 0: 7 });
const VIEWER = publishes([shows('5', 'video', { ssrc: SLOT })], {});
const PAYLOAD = vp8Payload({ key: false, start: true });

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

function packet(sequenceNumber: number, fields: Partial<PacketFields> = {}): Buffer {
  return rtpPacket({
    ssrc: SSRC,
    sequenceNumber,
    timestamp: 0,
    payloadType: VP8.payloadType,
    mid: '0',
    payload: PAYLOAD,
    ...fields,
  });
}

const keyFrame = (sequenceNumber: number, fields: Partial<PacketFields> = {}): Buffer =>
  packet(sequenceNumber, { payload: vp8Payload({ key: true, start: true }), ...fields });

function rtx(original: number): Buffer {
  const payload = Buffer.concat([Buffer.from([original >> 8, original & 0xff]), PAYLOAD]);
  return packet(100 + original, { ssrc: RTX_SSRC, payloadType: VP8.rtxPayloadType!, payload });
}

function ask(...ids: number[]): Extract<SfuEvent, { type: 'sfu.report' }> {
  world.turn();
  world.command({ type: 'sfu.report', request: 44, ids });
  return world.take('sfu.report')[0]!;
}

/** Of what participant 1 sends, and participant 2 is sent. */
function rates(): number[] {
  const [of1, of2] = ask(1, 2).transports;
  return [of1!.incoming[0]!.bitrateBps, of2!.outgoing[0]!.bitrateBps];
}

/** Participant 2, with a slot that is pointed there. */
const view = (publication: number, codecs = [VP8]): TestTransport =>
  world.join(2, publishes([shows('5', 'video', { ssrc: SLOT, codecs })], {}), { 5: publication });

/** The first slot of participant 2. */
const slot = (): OutgoingReport => ask(2).transports[0]!.outgoing[0]!;

describe('a report', () => {
  it('has an entry for each stream, both ways, of those who were asked for', () => {
    const publisher = world.join(1, CAMERA);
    world.join(2, VIEWER, { 5: 7 });
    world.join(3, CAMERA, {}, 'elsewhere');
    publisher.send(keyFrame(1), packet(2, { marker: true }), packet(4, { marker: true }));
    const { request, transports } = ask(1, 2, 99);
    expect(request).toBe(44);
    const both = { publication: 7, codec: 'VP8', packets: 3, nacks: 0, keyFrameRequests: 0 };
    const bytes = 3 * PAYLOAD.length;
    expect(transports).toMatchObject([
      {
        id: 1,
        state: 'connected',
        link: { path: 'udp', packetsOut: 0 },
        incoming: [{ mid: '0', ssrc: SSRC, lost: 1, frames: 2, keyFrames: 1, bytes, ...both }],
        outgoing: [],
      },
      {
        id: 2,
        link: { packetsOut: 3 },
        incoming: [],
        outgoing: [{ mid: '5', ssrc: SLOT, rtxSsrc: SLOT + 0x1000_0000, lost: 0, bytes, ...both }],
      },
    ]);
  });

  it('counts what retransmissions brought, once each, and knows their SSRC then', () => {
    const publisher = world.join(1, CAMERA);
    publisher.send(keyFrame(1), packet(4));
    expect(ask(1).transports[0]?.incoming[0]).toMatchObject({ rtxSsrc: null, recovered: 0 });
    world.advance(50);
    publisher.send(rtx(2), rtx(3), rtx(3));
    const [stream] = ask(1).transports[0]!.incoming;
    expect(stream).toMatchObject({ rtxSsrc: RTX_SSRC, packets: 2, lost: 2, recovered: 2 });
    expect(stream?.nacks).toBeGreaterThanOrEqual(2);
  });

  it('says which encoding is forwarded', () => {
    const publisher = world.join(
      1,
      publishes([sends('0', 'video', { rids: ['q', 'h'] })], { 0: 7 }),
    );
    publisher.send(keyFrame(1, { rid: 'q' }), keyFrame(1, { ssrc: 5, rid: 'h' }));
    expect(ask(1).transports[0]?.incoming).toMatchObject([
      { rid: 'q', ssrc: SSRC, selected: false },
      { rid: 'h', ssrc: 5, selected: true },
    ]);
    expect(ask(1).transports[0]?.incoming).not.toMatchObject([{ rid: null }]);
  });

  it('has the bit rate of the last second, which falls to nothing with the stream', () => {
    const publisher = world.join(1, CAMERA);
    world.join(2, VIEWER, { 5: 7 });
    publisher.send(keyFrame(0));
    expect(rates()).toEqual([0, 0]);
    for (let i = 1; i <= 200; i++) {
      publisher.send(packet(i, { timestamp: 900 * i, marker: true }));
      world.advance(10);
    }
    const expected = 100 * PAYLOAD.length * 8;
    for (const rate of rates()) {
      expect(rate).toBeGreaterThan(0.95 * expected);
      expect(rate).toBeLessThan(1.05 * expected);
    }
    world.advance(3200);
    expect(rates()).toEqual([0, 0]);
  });

  it('counts what a subscriber asked for', () => {
    const publisher = world.join(1, CAMERA);
    const subscriber = world.join(2, VIEWER, { 5: 7 });
    publisher.send(keyFrame(1), packet(2, { marker: true }));
    world.turn();
    const [, second] = subscriber.take();
    const lost = Uint16Array.of(second!.rtp.sequenceNumber);
    subscriber.sendRtcpPacket(writeRtcp((to) => to.nack(1, SLOT, lost, 1)));
    subscriber.sendRtcpPacket(writeRtcp((to) => to.pictureLoss(1, SLOT)));
    expect(slot()).toMatchObject({ packets: 2, nacks: 1, resent: 1, keyFrameRequests: 1 });
    world.advance(50);
    expect(publisher.takeRtcp().flatMap(readRtcp).length).toBeGreaterThan(0);
    expect(ask(1).transports[0]?.incoming[0]?.keyFrameRequests).toBe(1);
  });
});

describe('a slot that sends nothing', () => {
  let publisher: TestTransport;

  beforeEach(() => {
    publisher = world.join(1, CAMERA);
  });

  it('is pointed at nothing, or at what is not published', () => {
    view(0);
    expect(slot()).toMatchObject({ waits: 'unbound', publication: 0 });
    world.bind(2, { 5: 99 });
    expect(slot()).toMatchObject({ waits: 'unpublished', publication: 0 });
  });

  it('is pointed at what is of another kind', () => {
    world.join(3, publishes([sends('0', 'audio', { codecs: [OPUS] })], { 0: 8 }));
    view(8);
    expect(slot()).toMatchObject({ waits: 'unpublished', publication: 0 });
  });

  it('waits for media, then for a key frame, and sends', () => {
    view(7);
    expect(slot()).toMatchObject({ waits: 'no-media', publication: 7 });
    publisher.send(packet(1));
    expect(slot()).toMatchObject({ waits: 'key-frame', codec: '' });
    publisher.send(keyFrame(2, { marker: true }));
    expect(slot()).toMatchObject({ waits: null, codec: 'VP8', packets: 1 });
  });

  it('is of one who is muted, and waits for a key frame afterwards', () => {
    view(7);
    publisher.send(keyFrame(1));
    world.turn();
    world.command({ type: 'sfu.mute', publication: 7, muted: true });
    expect(slot().waits).toBe('muted');
    world.command({ type: 'sfu.mute', publication: 7, muted: false });
    expect(slot().waits).toBe('key-frame');
  });

  it('has no path to its subscriber, or one who cannot decode it', () => {
    view(7).disconnect();
    publisher.send(keyFrame(1));
    expect(slot().waits).toBe('no-path');
    world.command({ type: 'sfu.close', id: 2 });
    view(7, [H264]);
    expect(slot()).toMatchObject({ waits: 'codec', codec: '' });
  });
});
