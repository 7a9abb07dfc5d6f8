// What every packet goes through allocates nothing: from the transport of a publisher to those of ten subscribers.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReportBlock } from '../../../sfu/rtp/rtcp-reports.ts';
import type { RtpWriter } from '../../../sfu/rtp/rtp-writer.ts';
import { put16, put32 } from '../../../sfu/rtp/words.ts';
import type { Arena } from '../../../shared/native/arena.ts';
import { rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { RouterWorld, type TestTransport } from '../../support/sfu-router/router-world.ts';
import { writeRtcp } from '../../support/sfu-router/rtcp.ts';
import { OPUS, publishes, RED, sends, shows, VP8 } from '../../support/sfu-router/sections.ts';
import { SpannedWorld } from '../../support/sfu-router/spanned-world.ts';
import { bytesPerOperation } from './heap.ts';

const SUBSCRIBERS = 10;

let world: RouterWorld;
let spanned: SpannedWorld | undefined;
let publisher: TestTransport;
let sent = 0;
const out = new Uint8Array(2048);

/** Sends as a transport does, into the same memory. */
function sink(header: RtpWriter, _from: Arena, _offset: number, payloadBytes: number): number {
  sent++;
  return header.write(out, 0) + payloadBytes;
}

beforeEach(() => {
  world = new RouterWorld();
  sent = 0;
});

afterEach(() => {
  spanned?.close();
  spanned = undefined;
  world.close();
});

function join(kind: 'audio' | 'video'): void {
  publisher = world.join(1, publishes([sends('0', kind)], { 0: 7 }));
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const transport = world.join(10 + i, publishes([shows('0', kind, { tells: true })], {}), {
      0: 7,
    });
    transport.sendRtp = sink;
    transport.sendRtcp = () => true;
  }
  publisher.sendRtcp = () => true;
}

/** All of them in another worker than the publisher. */
function span(kind: 'audio' | 'video'): void {
  spanned = new SpannedWorld();
  publisher = spanned.home.join(1, publishes([sends('0', kind)], { 0: 7 }));
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const media = publishes([shows('0', kind, { tells: true })], {});
    const transport = spanned.away.join(10 + i, media, { 0: 7 });
    transport.sendRtp = sink;
    transport.sendRtcp = () => true;
  }
  publisher.sendRtcp = () => true;
  spanned.settle();
}

/**
 * Objects of the heap already, as an engine has it: what is read from a field would be boxed for each call. All of them
 * within less than half a second, so that no report is due: a report may cost some numbers, a packet none.
 */
function times(first: number): (number | undefined)[] {
  const all: (number | undefined)[] = Array.from({ length: 340_001 }, () => undefined);
  for (let i = 0; i < 340_000; i++) all[i] = first + 0.00125 * i;
  return all;
}

/** What a packet to all of them costs, time going by. */
function bytesPerPacket(bytes: Buffer): number {
  let number = 0;
  const clock = times(world.now);
  const cost = bytesPerOperation(() => {
    number++;
    put16(bytes, 2, number);
    put32(bytes, 4, 960 * number);
    const now = clock[number]!;
    publisher.sendOne(bytes, now);
    if (spanned === undefined) world.turn(now);
    else spanned.carry(now);
  });
  expect(sent).toBe(SUBSCRIBERS * number);
  return cost;
}

describe.each([
  ['', join],
  [' in another worker', span],
])('a packet to ten subscribers%s', (_where, meet) => {
  it('costs no memory of the heap, of audio', () => {
    meet('audio');
    const bytes = rtpPacket({
      ssrc: 0x8111_1111,
      sequenceNumber: 0,
      timestamp: 0,
      payloadType: OPUS.payloadType,
      mid: '0',
      audioLevel: 0x90,
      transportCc: 1,
      payload: Buffer.alloc(100),
    });
    expect(bytesPerPacket(bytes)).toBeLessThan(1);
  });

  it('costs no memory of the heap, of video', () => {
    meet('video');
    const fields = {
      ssrc: 0x8111_1111,
      sequenceNumber: 0,
      timestamp: 0,
      payloadType: VP8.payloadType,
      mid: '0',
      marker: true,
      transportCc: 1,
      dependencies: Buffer.from('c00007', 'hex'),
    };
    const numbers = {
      start: true,
      pictureId: 5,
      tl0PicIdx: 6,
      keyIdx: 7,
      body: Buffer.alloc(1000),
    };
    const bytes = rtpPacket({ ...fields, payload: vp8Payload({ key: true, ...numbers }) });
    expect(bytesPerPacket(bytes)).toBeLessThan(1);
  });
});

describe('a packet to ten subscribers with losses', () => {
  it('costs no memory of the heap, of audio with redundancy that is made here', () => {
    publisher = world.join(1, publishes([sends('0', 'audio')], { 0: 7 }));
    publisher.sendRtcp = () => true;
    const bytes = rtpPacket({
      ssrc: 0x8111_1111,
      sequenceNumber: 0,
      timestamp: 0,
      payloadType: OPUS.payloadType,
      mid: '0',
      payload: Buffer.alloc(100),
    });
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const ssrc = 0x9000_0001 + i;
      const slot = shows('0', 'audio', { codecs: [OPUS, RED], ssrc, tells: true });
      const transport = world.join(10 + i, publishes([slot], {}), { 0: 7 });
      transport.sendRtp = sink;
      transport.sendRtcp = () => true;
    }
    for (let number = 1; number < 100; number++) {
      put16(bytes, 2, number - 100);
      put32(bytes, 4, 960 * (number - 100));
      publisher.sendOne(bytes);
      world.turn();
    }
    for (let i = 0; i < SUBSCRIBERS; i++) {
      const block = new ReportBlock();
      block.ssrc = 0x9000_0001 + i;
      block.fractionLost = 100;
      const report = writeRtcp((to) => to.receiverReport(1, [block], 1));
      world.transports.get(10 + i)!.sendRtcpPacket(report);
    }
    sent = 0;
    expect(bytesPerPacket(bytes)).toBeLessThan(1);
    expect(world.sfu.stats().redundantPackets).toBeGreaterThan(sent / 2);
  });
});
