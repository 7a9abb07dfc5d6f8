// What publishers and subscribers are told by RTCP, and what they say themselves.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReportBlock, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import {
  KEY_FRAMES_PER_DATAGRAM_MAX,
  NACKED_PER_DATAGRAM_MAX,
} from '../../../sfu/router/limits.ts';
import { type PacketFields, rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import { readRtcp, type RtcpPacket, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import {
  OPUS,
  publishes,
  sends,
  shows,
  type SectionOptions,
  VP8,
} from '../../support/sfu-router/sections.ts';

const SSRC = 0x8111_1111;
const SLOT = 0xaaaa_0001;
const NTP_1970 = 2_208_988_800;

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld();
});

afterEach(() => {
  world.close();
});

function frame(sequenceNumber: number, fields: Partial<PacketFields> = {}, key = false): Buffer {
  return rtpPacket({
    ssrc: SSRC,
    sequenceNumber,
    timestamp: 3000 * sequenceNumber,
    payloadType: VP8.payloadType,
    mid: '0',
    marker: true,
    payload: vp8Payload({ key, start: true }),
    ...fields,
  });
}

const camera = (options: SectionOptions = {}) =>
  world.join(1, publishes([sends('0', 'video', options)], { 0: 7 }));

const viewer = (id: number, options: SectionOptions = {}) =>
  world.join(id, publishes([shows('0', 'video', { ssrc: SLOT, ...options })], {}), { 0: 7 });

function heard(transport: TestTransport, type: RtcpPacket['type']): RtcpPacket[] {
  return transport
    .takeRtcp()
    .flatMap(readRtcp)
    .filter((packet) => packet.type === type);
}

const clockOf = ({ ntpSeconds, ntpFraction }: SenderInfo) =>
  1000 * (ntpSeconds - NTP_1970) + (1000 * ntpFraction) / 2 ** 32;

function reports(transport: TestTransport): SenderInfo[] {
  return heard(transport, 'sr').map(({ info }) => info!);
}

/** On the clock of a publisher. */
const theirs = (at: number): number => at + 5_000_000;
const video = (at: number): number => 90 * theirs(at) + 77;
const audio = (at: number): number => 48 * theirs(at) + 88;

describe('a publisher is told', () => {
  it('what is missing, once the network could not only have reordered it', () => {
    const publisher = camera();
    publisher.send(frame(65_533, {}, true), frame(65_535), frame(2));
    expect(heard(publisher, 'nack')).toEqual([]);
    world.advance(20);
    expect(heard(publisher, 'nack')).toMatchObject([{ media: SSRC, lost: [65_534, 0, 1] }]);
    publisher.send(frame(0), frame(1));
    world.advance(150);
    expect(heard(publisher, 'nack')).toMatchObject([{ lost: [65_534] }]);
    expect(world.sfu.stats().nacksOut).toBe(4);
  });

  it('nothing of what is missing while it is muted, or where it does no retransmissions', () => {
    const codecs = [{ ...VP8, feedback: ['nack pli'] as const }];
    const publisher = camera({ codecs });
    publisher.send(frame(1, {}, true), frame(3));
    world.advance(50);
    expect(heard(publisher, 'nack')).toEqual([]);
    const other = world.join(2, publishes([sends('0', 'video')], { 0: 8 }));
    world.command({ type: 'sfu.mute', publication: 8, muted: true });
    other.send(frame(1, {}, true), frame(3));
    world.advance(50);
    expect(heard(other, 'nack')).toEqual([]);
  });

  it('by reduced-size RTCP only where that was negotiated', () => {
    const publisher = camera({ rtcpRsize: false });
    publisher.send(frame(1, {}, true), frame(3));
    world.advance(20);
    expect(publisher.takeRtcp().map((one) => readRtcp(one).map(({ type }) => type))).toEqual([
      ['rr', 'sdes', 'nack'],
    ]);
    const other = world.join(2, publishes([sends('0', 'video')], { 0: 8 }));
    other.send(frame(1, {}, true), frame(3));
    world.advance(20);
    expect(other.takeRtcp().map((one) => readRtcp(one).map(({ type }) => type))).toEqual([
      ['nack'],
    ]);
  });

  it('that somebody is about to connect, so that the key frame is there by then', () => {
    const publisher = camera();
    publisher.send(frame(1));
    const slots = publishes([shows('0', 'video', { ssrc: SLOT })], {});
    const late = world.enter(2, slots, { 0: 7 });
    world.advance(20);
    expect(heard(publisher, 'pli')).toMatchObject([{ media: SSRC }]);
    publisher.send(frame(2, {}, true), frame(3));
    world.advance(20);
    expect(late.take()).toEqual([]);
    late.connect();
    expect(late.take()).toHaveLength(2);
    world.enter(3, slots, { 0: 7 });
    late.disconnect();
    world.advance(600);
    expect(heard(publisher, 'pli')).toEqual([]);
  });

  it('that somebody needs a key frame, once for all who do', () => {
    const publisher = camera();
    publisher.send(frame(1));
    const viewers = [2, 3, 4].map((id) => viewer(id));
    world.advance(20);
    expect(heard(publisher, 'pli')).toMatchObject([{ media: SSRC }]);
    publisher.send(frame(2, {}, true));
    world.advance(600);
    expect(heard(publisher, 'pli')).toEqual([]);
    for (const one of viewers) one.sendRtcpPacket(writeRtcp((to) => to.pictureLoss(1, SLOT)));
    for (const one of viewers) {
      one.sendRtcpPacket(writeRtcp((to) => to.fullIntraRequest(1, SLOT, 5)));
    }
    world.advance(20);
    expect(heard(publisher, 'pli')).toHaveLength(1);
    expect(world.sfu.stats()).toMatchObject({ keyFrameRequestsIn: 6, keyFrameRequestsOut: 2 });
  });

  it('so by FIR where it does not know PLI, and not at all where it knows neither', () => {
    const publisher = camera({ codecs: [{ ...VP8, feedback: ['ccm fir'] }] });
    publisher.send(frame(1));
    viewer(2);
    world.advance(20);
    expect(heard(publisher, 'fir')).toHaveLength(1);
    const other = world.join(
      3,
      publishes([sends('0', 'video', { codecs: [{ ...VP8, feedback: [] }] })], { 0: 8 }),
    );
    other.send(frame(1));
    world.bind(2, { 0: 8 });
    world.advance(20);
    expect(other.takeRtcp()).toEqual([]);
  });

  it('once a second what came of its streams', () => {
    const publisher = camera();
    for (let i = 0; i < 40; i++) {
      if (i % 4 !== 3) publisher.send(frame(i, {}, i === 0));
      world.advance(30);
    }
    const report = publisher
      .takeRtcp()
      .map(readRtcp)
      .find(([first]) => first?.type === 'rr');
    expect(report!.map(({ type }) => type)).toEqual(['rr', 'sdes']);
    const [block] = report![0]!.blocks!;
    expect(block).toMatchObject({ ssrc: SSRC });
    expect(block!.fractionLost).toBeGreaterThan(30);
    expect(block!.cumulativeLost).toBeGreaterThan(0);
  });

  it('when each of its packets came, for its congestion control', () => {
    const publisher = camera();
    publisher.send(frame(1, { transportCc: 0xffff }, true), frame(2, { transportCc: 1 }));
    world.advance(120);
    expect(heard(publisher, 'arrivals')).toMatchObject([{ media: SSRC, arrived: [0xffff, 1] }]);
    world.advance(500);
    expect(heard(publisher, 'arrivals')).toEqual([]);
  });
});

describe('a subscriber is told', () => {
  it('what was sent to it, and what time the timestamps are of', () => {
    const publisher = camera();
    const subscriber = viewer(2);
    for (let i = 0; i < 40; i++) {
      publisher.send(frame(i, {}, i === 0));
      world.advance(32);
    }
    const sent = subscriber.take();
    const [info] = reports(subscriber);
    expect(info!.packetCount).toBeGreaterThan(10);
    expect(info!.octetCount).toBe(info!.packetCount * sent[0]!.payload.length);
    const reportedAt = clockOf(info!) - 1_700_000_000_000;
    const last = sent.findLast(({ at }) => at <= reportedAt)!;
    const elapsed = reportedAt - last.at;
    expect(Math.abs(info!.rtpTimestamp - last.rtp.timestamp - 90 * elapsed)).toBeLessThan(2);
  });

  it('nothing of a slot that has sent nothing since', () => {
    const publisher = camera();
    const subscriber = viewer(2);
    publisher.send(frame(1, {}, true));
    world.advance(1600);
    expect(reports(subscriber)).toHaveLength(1);
    world.advance(5000);
    const others = subscriber.takeRtcp().flatMap(readRtcp);
    expect(new Set(others.map(({ type }) => type))).toEqual(new Set(['rr', 'sdes']));
  });

  it('how audio and video of one publisher belong together, as its own reports have it', () => {
    const sections = [sends('0', 'video'), sends('1', 'audio')];
    const publisher = world.join(1, publishes(sections, { 0: 7, 1: 8 }));
    const slots = [shows('0', 'video', { ssrc: SLOT }), shows('1', 'audio', { ssrc: SLOT + 1 })];
    const subscriber = world.join(2, publishes(slots, {}), { 0: 7, 1: 8 });
    // Video takes 120 ms from the camera to here, audio 20 ms.
    const report = (ssrc: number, timestamp: number): Buffer =>
      writeRtcp((to) => {
        const info = new SenderInfo();
        const ms = theirs(world.now);
        info.ntpSeconds = Math.floor(ms / 1000);
        info.ntpFraction = Math.round(((ms % 1000) / 1000) * 2 ** 32);
        info.rtpTimestamp = timestamp >>> 0;
        to.senderReport(ssrc, info, [], 0);
      });
    for (let i = 0; i < 120; i++) {
      const { now } = world;
      publisher.send(frame(i, { timestamp: Math.round(video(now - 120)) }, i === 0));
      publisher.send(
        rtpPacket({
          ssrc: SSRC + 1,
          sequenceNumber: i,
          timestamp: Math.round(audio(now - 20)),
          payloadType: OPUS.payloadType,
          mid: '1',
          payload: Buffer.from('opus'),
        }),
      );
      if (i % 20 === 5) {
        publisher.sendRtcpPacket(report(SSRC, Math.round(video(now))));
        publisher.sendRtcpPacket(report(SSRC + 1, Math.round(audio(now))));
      }
      world.advance(20);
    }
    const sent = subscriber.take();
    const told = heard(subscriber, 'sr');
    const capturedAt = (ssrc: number, rate: number): number => {
      const info = told.findLast(({ sender }) => sender === ssrc)!.info!;
      const last = sent.findLast(({ rtp }) => rtp.ssrc === ssrc)!;
      return clockOf(info) + ((last.rtp.timestamp - info.rtpTimestamp) | 0) / rate;
    };
    // What left last was captured 100 ms apart.
    expect(capturedAt(SLOT + 1, 48) - capturedAt(SLOT, 90)).toBeCloseTo(100, 0);
  });
});

describe('a subscriber says', () => {
  it('how long a round trip takes', () => {
    const publisher = camera();
    const subscriber = viewer(2);
    publisher.send(frame(1, {}, true));
    world.advance(1600);
    const [{ info }] = heard(subscriber, 'sr') as [RtcpPacket];
    const block = new ReportBlock();
    Object.assign(block, { ssrc: SLOT, lastSenderReport: info!.middle, jitter: 900 });
    block.fractionLost = 64;
    world.advance(40);
    subscriber.sendRtcpPacket(writeRtcp((to) => to.receiverReport(1, [block], 1)));
    world.command({ type: 'sfu.report', request: 5, ids: [1, 2] });
    const [of1, of2] = world.take('sfu.report')[0]!.transports;
    expect(of1?.rttMs).toBe(null);
    expect(of2?.rttMs).toBeGreaterThan(39);
    expect(of2?.outgoing).toMatchObject([{ jitterMs: 10, fractionLost: 0.25 }]);
  });

  it('nothing that counts by what is no RTCP, or about streams that are not its own', () => {
    const publisher = camera();
    const subscriber = viewer(2);
    publisher.send(frame(1, {}, true));
    world.turn();
    const [{ rtp }] = subscriber.take() as [ReturnType<typeof subscriber.take>[number]];
    subscriber.sendRtcpPacket(Buffer.from('8001', 'hex'));
    const lost = Uint16Array.of(rtp.sequenceNumber);
    subscriber.sendRtcpPacket(writeRtcp((to) => to.nack(1, SSRC, lost, 1)));
    subscriber.sendRtcpPacket(writeRtcp((to) => to.pictureLoss(1, SSRC)));
    expect(subscriber.take()).toEqual([]);
    expect(world.sfu.stats()).toMatchObject({ nacksIn: 0, drops: { 'rtcp-malformed': 1 } });
  });
});

/** PLI and FIR by turns. */
const ask = (count: number): Buffer =>
  writeRtcp((to) => {
    for (let i = 0; i < count; i++) {
      if (i % 2 === 0) to.pictureLoss(1, SLOT);
      else to.fullIntraRequest(1, SLOT, i);
    }
  });

describe('one datagram of RTCP', () => {
  it('asks for so many packets, and the rest of it is passed over', () => {
    camera();
    const subscriber = viewer(2);
    const all = Uint16Array.from({ length: 5000 }, (_, i) => i);
    const nack = (count: number): Buffer => writeRtcp((to) => to.nack(1, SLOT, all, count));
    subscriber.sendRtcpPacket(nack(NACKED_PER_DATAGRAM_MAX));
    expect(world.sfu.stats()).toMatchObject({ nacksIn: NACKED_PER_DATAGRAM_MAX });
    expect(world.sfu.stats().drops['too-much-feedback']).toBe(0);
    const many = Buffer.concat([nack(4000), nack(10)]);
    subscriber.sendRtcpPacket(many);
    expect(world.sfu.stats()).toMatchObject({ nacksIn: 2 * NACKED_PER_DATAGRAM_MAX });
    expect(world.sfu.stats().drops['too-much-feedback']).toBe(1);
    subscriber.sendRtcpPacket(nack(1));
    expect(world.sfu.stats()).toMatchObject({ nacksIn: 2 * NACKED_PER_DATAGRAM_MAX + 1 });
  });

  it('asks for so many key frames', () => {
    camera();
    const subscriber = viewer(2);
    subscriber.sendRtcpPacket(ask(KEY_FRAMES_PER_DATAGRAM_MAX));
    expect(world.sfu.stats()).toMatchObject({ keyFrameRequestsIn: KEY_FRAMES_PER_DATAGRAM_MAX });
    expect(world.sfu.stats().drops['too-much-feedback']).toBe(0);
    subscriber.sendRtcpPacket(ask(KEY_FRAMES_PER_DATAGRAM_MAX + 6));
    expect(world.sfu.stats()).toMatchObject({
      keyFrameRequestsIn: 2 * KEY_FRAMES_PER_DATAGRAM_MAX,
    });
    expect(world.sfu.stats().drops['too-much-feedback']).toBe(1);
  });
});
