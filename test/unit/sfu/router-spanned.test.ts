// A room in two workers: whoever is in the other one is sent what somebody publishes in this one, as if both were here.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestLink, RIDS, SimulcastCamera } from '../../support/sfu-router/adapted.ts';
import { readFrame } from '../../support/sfu-router/decoder.ts';
import { rtpPacket, vp8Payload } from '../../support/sfu-router/packets.ts';
import { nackOf, readRtcp, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import type { TestTransport } from '../../support/sfu-router/router-world.ts';
import { publishes, sends, shows, VP8 } from '../../support/sfu-router/sections.ts';
import { SpannedWorld } from '../../support/sfu-router/spanned-world.ts';

const SSRC = 0xaaaa_0001;
const CAMERA = publishes([sends('0', 'video')], { 0: 7 });
const SCREEN = publishes([shows('0', 'video', { ssrc: SSRC })], {});

let world: SpannedWorld;

beforeEach(() => {
  world = new SpannedWorld();
});

afterEach(() => {
  world.close();
});

function frame(
  sequenceNumber: number,
  key = false,
  { bytes = 0, ...more }: { ssrc?: number; padding?: number; bytes?: number } = {},
) {
  return rtpPacket({
    ssrc: 0x2222,
    sequenceNumber,
    timestamp: 3000 * sequenceNumber,
    payloadType: VP8.payloadType,
    mid: '0',
    marker: true,
    payload: more.padding
      ? Buffer.alloc(0)
      : vp8Payload({ key, start: true, body: Buffer.from(`<${sequenceNumber}>`.padEnd(bytes)) }),
    ...more,
  });
}

/** The numbers that packets of `frame` have in their payloads. */
const shown = (transport: TestTransport): number[] =>
  transport.take().map(({ payload }) => Number(/<(\d+)>/.exec(payload.toString('latin1'))?.[1]));

const numbers = (packets: readonly { rtp: { sequenceNumber: number } }[]): number[] =>
  packets.map(({ rtp }) => rtp.sequenceNumber);

/** How often a key frame was asked for, or which numbers. */
function asked(transport: TestTransport, type: 'pli' | 'nack'): number[] {
  const said = transport.takeRtcp().flatMap(readRtcp);
  return said.flatMap((one) => (one.type === type ? (one.lost ?? [one.media]) : []));
}

const pli = (mediaSsrc: number): Buffer =>
  writeRtcp((writer) => {
    writer.pictureLoss(1, mediaSsrc);
  });

it('has a picture in the other worker after one key frame, in order and a turn at a time', () => {
  const publisher = world.home.join(1, CAMERA);
  publisher.send(frame(1, true), frame(2));
  world.settle();
  expect(world.home.sfu.stats()).toMatchObject({ publications: 1, pipes: 0, pipedPacketsOut: 0 });
  const [near, far] = [world.home.join(2, SCREEN, { 0: 7 }), world.away.join(3, SCREEN, { 0: 7 })];
  world.advance(20);
  expect(world.home.sfu.stats()).toMatchObject({ publications: 1, pipes: 1 });
  expect(world.away.sfu.stats()).toMatchObject({ publications: 0, pipes: 0 });
  publisher.send(frame(3));
  world.advance(20);
  // Whoever is here has begun with the key frame that had just come; whoever is there waits for one.
  expect([shown(near), shown(far)]).toEqual([[1, 2, 3], []]);
  expect(asked(publisher, 'pli')).toEqual([0x2222]);
  publisher.send(frame(4, true), frame(5), frame(6));
  const arrivals: number[] = [];
  far.sendRtp = () => arrivals.push(world.away.now);
  world.advance(20);
  expect(new Set(arrivals).size).toBe(1);
  expect(arrivals).toHaveLength(3);
  expect(shown(near)).toEqual([4, 5, 6]);
  expect(world.away.sfu.stats()).toMatchObject({ pipedPacketsIn: 4, packetsIn: 0 });
});

it('is piped only while somebody there is shown it, and begins anew when somebody is again', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true), frame(2));
  world.advance(20);
  expect(shown(far)).toEqual([1, 2]);
  world.away.bind(2, { 0: 0 });
  world.settle();
  publisher.send(frame(3), frame(4));
  world.advance(20);
  expect(world.home.sfu.stats()).toMatchObject({ pipes: 0, pipedPacketsOut: 2 });
  publisher.takeRtcp();
  world.away.bind(2, { 0: 7 });
  world.advance(20);
  // Not with the key frame of before: between that and what comes something is missing.
  publisher.send(frame(5));
  world.advance(20);
  expect(asked(publisher, 'pli')).toHaveLength(1);
  publisher.send(frame(6, true), frame(7));
  world.advance(20);
  const sent = far.take();
  expect(sent).toHaveLength(2);
  expect(numbers(sent)).toEqual([0x4003, 0x4004]);
});

it('asks for a key frame for whoever needs one there, once for all of them', () => {
  const publisher = world.home.join(1, CAMERA);
  const viewers = [2, 3, 4].map((id) => world.away.join(id, SCREEN, { 0: 7 }));
  world.settle();
  publisher.send(frame(1, true));
  world.advance(700);
  publisher.takeRtcp();
  for (const viewer of viewers) viewer.sendRtcpPacket(pli(SSRC));
  world.advance(40);
  expect(asked(publisher, 'pli')).toEqual([0x2222]);
  publisher.send(frame(2, true));
  world.advance(3000);
  expect(asked(publisher, 'pli')).toEqual([]);
});

it('repairs at home: what is late comes late there too, and is sent again from there', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true), frame(2), frame(4), frame(5, false, { padding: 30 }), frame(6));
  world.advance(60);
  // One that misses it asks the publisher, who is asked by nobody else.
  expect(asked(publisher, 'nack')).toEqual([3]);
  expect(shown(far)).toEqual([1, 2, 4, 6]);
  const repaired = frame(3);
  publisher.send(
    rtpPacket({
      ssrc: 0x3333,
      sequenceNumber: 900,
      timestamp: 9000,
      payloadType: 97,
      mid: '0',
      marker: true,
      payload: Buffer.concat([Buffer.from([0, 3]), repaired.subarray(repaired.length - 34)]),
    }),
  );
  world.advance(20);
  const [late] = far.take();
  expect(late!.rtp.sequenceNumber).toBe(0x4003);
  far.sendRtcpPacket(nackOf(SSRC, 0x4003, 0x4005));
  const again = far.take();
  expect(again.map(({ payload }) => payload.readUInt16BE(0))).toEqual([0x4003, 0x4005]);
  world.advance(500);
  expect(asked(publisher, 'nack')).toEqual([]);
});

it('survives a full ring: what is lost is counted, and a key frame brings the picture back', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true));
  world.advance(1500);
  world.isDelivering = false;
  const sent = 3000;
  for (let n = 2; n <= sent; n++) {
    publisher.send(frame(n, false, { bytes: 1000 }));
    world.home.turn();
  }
  const { pipeDropped } = world.home.sfu.stats();
  expect(pipeDropped).toBeGreaterThan(sent / 4);
  world.isDelivering = true;
  far.take();
  world.advance(40);
  expect(far.take().length).toBeGreaterThan(500);
  publisher.takeRtcp();
  publisher.send(frame(sent + 1), frame(sent + 2));
  world.advance(40);
  // It is so far ahead that it counts as another source.
  expect(asked(publisher, 'pli')).toEqual([0x2222]);
  publisher.send(frame(sent + 3, true), frame(sent + 4));
  world.advance(20);
  expect(shown(far)).toEqual([sent + 3, sent + 4]);
});

it('is silent while it is muted, and goes on without a gap', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true), frame(2));
  world.advance(20);
  world.home.command({ type: 'sfu.mute', publication: 7, muted: true });
  publisher.send(frame(3), frame(4));
  world.advance(20);
  expect(shown(far)).toEqual([1, 2]);
  expect(world.home.sfu.stats().pipedPacketsOut).toBe(2);
  // Who comes meanwhile sees that it is.
  const later = world.away.join(3, SCREEN, { 0: 7 });
  world.home.command({ type: 'sfu.report', request: 1, ids: [1] });
  world.away.command({ type: 'sfu.report', request: 2, ids: [3] });
  world.settle();
  const reports = world.told.flatMap(({ event }) =>
    event.type === 'sfu.report' ? event.transports : [],
  );
  expect(reports.map(({ outgoing }) => outgoing[0]?.waits)).toEqual([undefined, 'muted']);
  world.home.command({ type: 'sfu.mute', publication: 7, muted: false });
  publisher.send(frame(5), frame(6, true), frame(7));
  world.advance(20);
  const sent = far.take();
  expect(numbers(sent)).toEqual([0x4003, 0x4004]);
  expect(shown(later)).toEqual([6, 7]);
});

it('goes on as one source when the publisher begins anew or offers anew, and ends with it', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true), frame(2));
  world.advance(1500);
  publisher.send(frame(40_000, true, { ssrc: 0x4444 }), frame(40_001, false, { ssrc: 0x4444 }));
  world.advance(20);
  expect(numbers(far.take())).toEqual([0x4001, 0x4002, 0x4003, 0x4004]);
  // The same track in another transport.
  world.home.command({ type: 'sfu.close', id: 1 });
  world.settle();
  expect(world.home.sfu.stats()).toMatchObject({ rooms: 0, publications: 0, pipes: 0 });
  const again = world.home.join(11, CAMERA);
  world.settle();
  again.send(frame(9, true, { ssrc: 0x5555 }));
  world.advance(20);
  expect(numbers(far.take())).toEqual([0x4005]);
  // Nobody is left there, so nothing is told there any more.
  world.away.command({ type: 'sfu.close', id: 2 });
  world.settle();
  expect(world.away.sfu.stats()).toMatchObject({ rooms: 0 });
  expect(world.home.sfu.stats()).toMatchObject({ rooms: 1, pipes: 0 });
  world.home.command({ type: 'sfu.close', id: 11 });
  world.settle();
  for (const { sfu } of world.worlds) {
    expect(sfu.stats()).toMatchObject({ rooms: 0, publications: 0, pipes: 0 });
  }
});

it('adapts to each subscriber there, from all encodings, in time with the sender reports', () => {
  const publisher = world.home.join(1, publishes([sends('0', 'video', { rids: RIDS })], { 0: 7 }));
  const camera = new SimulcastCamera(publisher, world.home.now);
  camera.late[0] = 3;
  const section = shows('0', 'video', { tells: true });
  const join = (id: number, rate: number): TestLink =>
    new TestLink(world.away.join(id, publishes([section], {}), { 0: 7 }), rate);
  const links = [join(10, 4_000_000), join(11, 400_000)];
  /** What each is shown, and by how many ticks frames come at other times than those of their capture. */
  const run = (ms: number): { encodings: number[]; spread: number }[] => {
    for (let passed = 0; passed < ms; passed += 4) {
      camera.step(world.home.now);
      if (passed % 1000 === 0) camera.report();
      world.advance(4);
      for (const link of links) link.step(world.away.now);
    }
    return links.map((link) => {
      const media = link.take().filter(({ rtp }) => rtp.ssrc === section.outgoing!.ssrc);
      const frames = media.map(({ payload }) => readFrame(payload));
      const offsets = media.map(({ rtp }, i) => (rtp.timestamp - frames[i]!.frame * 3600) | 0);
      const encodings = [...new Set(frames.map(({ encoding }) => encoding))];
      return { encodings, spread: Math.max(...offsets) - Math.min(...offsets) };
    });
  };
  const [up] = run(4000);
  expect([up!.encodings[0], up!.encodings.at(-1)]).toEqual([0, 2]);
  expect(up!.spread).toBeLessThan(3);
  expect(run(1000).map(({ encodings }) => encodings)).toEqual([[2], [0]]);
  links[0]!.rate = 400_000;
  links[1]!.rate = 4_000_000;
  const [, later] = run(10_000);
  expect(later!.encodings.at(-1)).toBe(2);
  expect(later!.spread).toBeLessThan(3);
  expect(run(1000).map(({ encodings }) => encodings)).toEqual([[0], [2]]);
});

it('outlives a worker: nothing of it is left in the others, and who is in them goes on', () => {
  const publisher = world.home.join(1, CAMERA);
  const near = world.home.join(2, SCREEN, { 0: 7 });
  const far = world.away.join(3, publishes([sends('0', 'video'), shows('1', 'video')], { 0: 8 }), {
    1: 7,
  });
  world.home.bind(2, { 0: 8 });
  world.settle();
  publisher.send(frame(1, true));
  far.send(frame(1, true, { ssrc: 0x7777 }));
  world.advance(20);
  expect([shown(near), shown(far)]).toEqual([[1], [1]]);
  world.kill(1);
  world.settle();
  expect(world.home.sfu.stats()).toMatchObject({ publications: 1, pipes: 0, rooms: 1 });
  world.home.bind(2, { 0: 7 });
  publisher.send(frame(2, true));
  world.advance(20);
  expect(shown(near).at(-1)).toBe(2);
});

it('takes nothing that does not fit together', () => {
  const publisher = world.home.join(1, CAMERA);
  const far = world.away.join(2, SCREEN, { 0: 7 });
  world.settle();
  publisher.send(frame(1, true));
  world.advance(20);
  expect(shown(far)).toEqual([1]);
  const record = Buffer.alloc(64);
  const drops = (): number => {
    const { drops: by } = world.away.sfu.stats();
    return by.unpublished! + by['rtp-malformed']!;
  };
  const receive = (bytes: Buffer, from = 0): void =>
    world.away.sfu.onPiped(from, bytes, 0, bytes.length, world.away.now);
  record[0] = 1;
  record.writeInt32LE(7, 4);
  const before = drops();
  // Not RTP, an encoding that there is not, no such publication, another worker, no head, too long.
  receive(record);
  receive(Buffer.concat([Buffer.of(1, 3), record.subarray(2)]));
  receive(Buffer.concat([record.subarray(0, 4), Buffer.of(9), record.subarray(5)]));
  receive(Buffer.concat([record.subarray(0, 12), frame(2)]), 1);
  receive(record.subarray(0, 11));
  receive(Buffer.alloc(2049));
  expect(drops() - before).toBe(6);
  for (let length = 0; length <= 64; length++) {
    for (const kind of [0, 1, 2, 3, 4]) {
      record[0] = kind;
      receive(record.subarray(0, length));
    }
  }
  world.advance(20);
  expect(far.take()).toEqual([]);
  // What a worker has itself no other one tells it.
  receive(Buffer.concat([record.subarray(0, 12), frame(3)]), 1);
  expect(world.home.sfu.stats().packetsIn).toBe(1);
});
