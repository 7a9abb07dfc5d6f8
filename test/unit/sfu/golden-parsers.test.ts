// What our parsers say of packets of real browsers (test/fixtures/golden), against what the browsers say themselves.

import { describe, expect, test } from 'vitest';
import {
  audioLevel,
  EXTENSION_MID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_CC,
} from '../../../sfu/rtp/extension-kinds.ts';
import { RTCP_BYE, RTCP_RR, RTCP_SDES, RTCP_SR, RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { idsOf, publishedPackets, readRtp } from '../../support/golden/published.ts';
import { publisherOf, whole } from '../../support/golden/replay.ts';
import {
  decodeTrace,
  encodeTrace,
  readTrace,
  RTCP,
  traceNames,
} from '../../support/golden/trace.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';
import { readRtcp } from '../../support/sfu-router/rtcp.ts';

/** The browser answers a request within so long, on whatever machine it was recorded. */
const ANSWER_US = 400_000;

test('there are traces of both browsers and of every codec that they encode', () => {
  expect(traceNames()).toEqual([
    'chromium-av1',
    'chromium-h264',
    'chromium-simulcast',
    'chromium-vp8-red',
    'chromium-vp9',
    'firefox-av1',
    'firefox-simulcast',
    'firefox-vp8',
    'firefox-vp9',
  ]);
});

describe.each(traceNames())('%s', (name) => {
  const trace = readTrace(name);
  const published = [...publishedPackets(trace).values()];
  const streams = (kind: string): typeof published =>
    published.filter(([first]) => first?.section.kind === kind);

  test('is the same when it is written again', () => {
    const { packets, ...head } = decodeTrace(encodeTrace(trace));
    const { packets: before, ...headBefore } = trace;
    expect(head).toEqual(headBefore);
    expect(packets).toHaveLength(before.length);
    const changed = packets.filter(({ us, kind, bytes }, i) => {
      const one = before[i]!;
      return us !== one.us || kind !== one.kind || !bytes.equals(one.bytes);
    });
    expect(changed).toEqual([]);
  });

  test('as many key frames begin as the browser has encoded, each when it was asked for', () => {
    for (const packets of streams('video')) {
      const account = trace.senders.find(({ ssrc }) => ssrc === packets[0]?.ssrc);
      const starts = packets.filter(({ startsKeyFrame }) => startsKeyFrame);
      const times = starts.map(({ packet }) => packet.us);
      expect(new Set(starts.map(({ rtp }) => rtp.timestamp)).size).toBe(starts.length);
      // Firefox counts frames alone.
      const { keyFrames } = account!;
      expect(starts).toHaveLength(keyFrames < 0 ? starts.length : keyFrames);
      expect(packets[0]?.startsKeyFrame).toBe(true);
      for (const { us, what } of trace.events) {
        if (what !== 'pli' && what !== 'start') continue;
        const answers = times.filter((time) => time >= us && time < us + ANSWER_US);
        expect(answers).toHaveLength(1);
      }
    }
  });

  test('every frame has one timestamp and one marker, at its end', () => {
    for (const packets of streams('video')) {
      const account = trace.senders.find(({ ssrc }) => ssrc === packets[0]?.ssrc);
      const frames = new Set(packets.map(({ rtp }) => rtp.timestamp)).size;
      const ends = packets.filter(({ rtp }, i) => rtp.timestamp !== packets[i + 1]?.rtp.timestamp);
      expect(ends.every(({ rtp }) => rtp.marker)).toBe(true);
      expect(packets.filter(({ rtp }) => rtp.marker)).toHaveLength(frames);
      // What waits for its turn when a sender stops is never sent.
      expect(frames).toBeLessThanOrEqual(account!.frames);
      expect(frames).toBeGreaterThan(account!.frames - 6);
      const numbers = packets.map(({ number }) => number - packets[0]!.number);
      expect(numbers).toEqual(packets.map((_packet, i) => i));
    }
  });

  test('picture IDs and frame numbers go up with each frame', () => {
    for (const packets of streams('video')) {
      const account = trace.senders.find(({ ssrc }) => ssrc === packets[0]?.ssrc);
      const steps = packets.slice(1).map((packet, i) => {
        const before = packets[i]!;
        const { pictureId, pictureIdMask, frameNumber } = packet.inner;
        return {
          isNext: packet.rtp.timestamp !== before.rtp.timestamp,
          pictures: pictureId < 0 ? -1 : (pictureId - before.inner.pictureId) & pictureIdMask,
          frames: frameNumber < 0 ? -1 : (frameNumber - before.inner.frameNumber) & 0xffff,
        };
      });
      const wrong = steps.filter(
        ({ isNext, pictures, frames }) =>
          (pictures >= 0 && pictures > 0 !== isNext) || (frames >= 0 && frames > 0 !== isNext),
      );
      expect(wrong).toEqual([]);
      // One counter for all encodings.
      expect(Math.max(...steps.map(({ frames }) => frames))).toBeLessThan(100);
      if (packets[0]!.inner.pictureId < 0) continue;
      expect(packets[0]!.inner.pictureIdMask).toBe(0x7fff);
      const pictures = steps.reduce((sum, step) => sum + step.pictures, 1);
      expect(pictures).toBeLessThanOrEqual(account!.frames);
      expect(pictures).toBeGreaterThan(account!.frames - 6);
    }
  });

  test('every packet of sound has its level, and every packet its place before its SSRC is known', () => {
    for (const packets of streams('audio')) {
      const levels = packets.map((packet) => packet.audioLevel);
      expect(levels.every((level) => level >= 0)).toBe(true);
      // The devices beep, and are muted for a while.
      expect(new Set(levels.map(audioLevel)).size).toBeGreaterThan(1);
    }
    const rids = new Set<string>();
    for (const packets of published) {
      const { section, rtp } = packets[0]!;
      const ids = idsOf(section);
      expect(rtp.text(ids.id(EXTENSION_MID))).toBe(section.mid);
      if (section.simulcast.length === 0) continue;
      const rid = rtp.text(ids.id(EXTENSION_RID))!;
      expect(trace.senders.find(({ ssrc }) => ssrc === rtp.ssrc)?.rid).toBe(rid);
      rids.add(rid);
    }
    expect([...rids].toSorted()).toEqual(
      trace.sections.flatMap(({ simulcast }) => simulcast.map(({ id }) => id)).toSorted(),
    );
  });

  test('streams are told apart by packets alone', () => {
    const world = new RouterWorld();
    const publisher = world.join(1, publisherOf(trace, 1));
    const heard = new Map<number, number>();
    for (const { kind, bytes } of whole(trace)) {
      if (kind === RTCP) publisher.sendRtcpPacket(bytes);
      else publisher.sendOne(bytes);
    }
    world.command({ type: 'sfu.report', request: 1, ids: [1] });
    const [report] = world.take('sfu.report');
    for (const stream of report!.transports[0]!.incoming) heard.set(stream.ssrc, stream.packets);
    for (const packets of published) {
      expect(heard.get(packets[0]!.ssrc)).toBeGreaterThanOrEqual(packets.length);
    }
    world.close();
  });

  test('transport-wide numbers leave nothing out', () => {
    const id = idsOf(trace.sections[0]!).id(EXTENSION_TRANSPORT_CC);
    const numbers = trace.packets.flatMap(({ kind, bytes }) =>
      kind === RTCP ? [] : [readRtp(bytes).extensionU16(id)],
    );
    expect(numbers.every((number) => number >= 0)).toBe(true);
    const [first] = numbers;
    const sorted = numbers.map((number) => (number - first! + 0x8000) & 0xffff);
    sorted.sort((a, b) => a - b);
    expect(sorted).toEqual(sorted.map((_number, i) => sorted[0]! + i));
  });

  test('its reports are read to their ends', () => {
    const datagrams = trace.packets.filter(({ kind }) => kind === RTCP);
    const types = new Set<number>();
    for (const { bytes } of datagrams) {
      const reader = new RtcpReader();
      expect(reader.read(bytes, 0, bytes.length)).toBe(true);
      while (reader.next()) types.add(reader.type);
    }
    expect([RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE]).toEqual(expect.arrayContaining([...types]));
    const packets = datagrams.flatMap(({ bytes }) => readRtcp(bytes));
    const reports = packets.filter(({ type }) => type === 'sr');
    expect(reports.every(({ info }) => info!.ntpSeconds > 0)).toBe(true);
    const reporters = reports.map(({ sender }) => sender);
    expect(reporters).toEqual(expect.arrayContaining(published.map(([first]) => first!.ssrc)));
    // Of a stream that is announced by its RID alone Chromium says an empty one.
    const names = packets.filter(({ type }) => type === 'sdes').map(({ cname }) => cname);
    expect(names.every((cname) => typeof cname === 'string')).toBe(true);
    expect(names.length).toBeGreaterThanOrEqual(reports.length);
  });
});
