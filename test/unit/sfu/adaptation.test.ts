// What a subscriber is sent of a camera with three encodings as its network changes: how soon, without a gap in the
// numbers, and with every frame at the time at which it was captured.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { ArrivalLog } from '../../../sfu/feedback/arrival-log.ts';
import { nackOf, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import type { SentPacket, TestTransport } from '../../support/sfu-router/router-world.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';
import { FUZZ_SEED } from '../../support/fuzz.ts';
import { Chance } from '../../support/turn/fuzz.ts';
import { RIDS, runFor, SimulcastCamera, TestLink } from '../../support/sfu-router/adapted.ts';
import { readFrame } from '../../support/sfu-router/decoder.ts';
import { publishes, sends, shows } from '../../support/sfu-router/sections.ts';

const SSRC = 0x9000_0000;
const RTX_SSRC = 0xa000_0000;
const PLENTY = 20_000_000;

let world: RouterWorld;
let publisher: TestTransport;
let camera: SimulcastCamera;

beforeEach(() => {
  world = new RouterWorld();
  publisher = world.join(1, publishes([sends('0', 'video', { rids: RIDS })], { 0: 7 }));
  camera = new SimulcastCamera(publisher, world.now);
});

afterEach(() => {
  world.close();
});

function subscribe(id: number, rate: number): TestLink {
  const section = shows('0', 'video', { tells: true });
  return new TestLink(world.join(id, publishes([section], {}), { 0: 7 }), rate);
}

/** What arrived of each, while so much time went by. */
function run(ms: number, ...links: readonly TestLink[]): SentPacket[][] {
  let reportAt = world.now;
  runFor(world, ms, (now) => {
    camera.step(now);
    if (now >= reportAt) {
      reportAt = now + 1000;
      camera.report();
    }
    for (const link of links) link.step(now);
  });
  return links.map((link) => link.take());
}

const media = (packets: readonly SentPacket[]): SentPacket[] =>
  packets.filter(({ rtp }) => rtp.ssrc === SSRC);

const encodings = (packets: readonly SentPacket[]): number[] => [
  ...new Set(media(packets).map(({ payload }) => readFrame(payload).encoding)),
];

it('goes up at once where there is room, and down and up again with the network', () => {
  const link = subscribe(10, 4_000_000);
  const other = subscribe(11, 4_000_000);
  run(3000, link, other);
  expect(run(1000, link, other).map(encodings)).toEqual([[2], [2]]);
  link.rate = 400_000;
  run(2000, link, other);
  // 500 kbit/s does not fit.
  expect(run(2000, link, other).map(encodings)).toEqual([[0], [2]]);
  const [summary, ...others] = world.sfu.summaries();
  expect([summary?.transports, summary?.reduced, summary?.paused, others]).toEqual([3, 1, 0, []]);
  expect(summary?.troubled).toMatchObject([{ id: 10, reduced: 1, disconnected: false }]);
  expect(summary?.bitrateInBps).toBeGreaterThan(100_000);
  link.rate = 4_000_000;
  run(10_000, link, other);
  expect(run(1000, link, other).map(encodings)).toEqual([[2], [2]]);
});

it.each([
  [500_000, 300],
  [500_000, 60],
  [500_000, 1000],
  [250_000, 300],
  [800_000, 300],
])('makes no pause when the network falls to %i bit/s behind a queue of %i ms', (rate, queueMs) => {
  camera.keyFactor = 8;
  camera.together = true;
  const link = subscribe(10, PLENTY);
  const other = subscribe(11, PLENTY);
  link.queueMs = queueMs;
  run(8000, link, other);
  const cappedAt = world.now;
  link.rate = rate;
  run(8000, link, other);
  const releasedAt = world.now;
  link.rate = PLENTY;
  run(10_000, link, other);
  const figures = {
    'smaller after': link.decoder.firstAfter(cappedAt, (encoding) => encoding < 2),
    'large again after': link.decoder.firstAfter(releasedAt, (encoding) => encoding === 2),
    'longest pause': link.decoder.longestGap(cappedAt, world.now),
    'of another one': other.decoder.longestGap(cappedAt, world.now),
    dropped: link.dropped,
  };
  const text = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`);
  // oxlint-disable-next-line no-console -- for who looks at it
  console.log(`20 -> ${rate / 1e6} -> 20 Mbit/s, a queue of ${queueMs} ms: ${text.join(', ')}`);
  expect(figures['smaller after']).toBeLessThan(1000);
  expect(figures['large again after']).toBeLessThan(10_000);
  expect(figures['longest pause']).toBeLessThan(500);
  expect(figures['of another one']).toBeLessThan(200);
  const shown = other.decoder.shown.filter(({ at }) => at > cappedAt);
  expect(new Set(shown.map(({ encoding }) => encoding))).toEqual(new Set([2]));
});

it('sends nothing into a queue that may be filling, even before it is known that it does', () => {
  camera.together = true;
  const link = subscribe(10, PLENTY);
  run(8000, link);
  const before = link.sent.length;
  link.rate = 500_000;
  run(400, link);
  const frames = media(link.sent.slice(before)).map(({ payload }) => readFrame(payload));
  const large = frames.filter(({ encoding }) => encoding === 2).map(({ frame }) => frame);
  // Those of a round trip and of the time in which feedback gathers; the next one finds no room any more.
  expect(new Set(large).size).toBe(3);
  expect(link.dropped).toBe(0);
});

it('sends what waited when the network only stood still for a moment', () => {
  const link = subscribe(10, PLENTY);
  run(8000, link);
  const stoodAt = world.now;
  for (let i = 0; i < 10; i++) {
    link.stallMs = 100;
    run(1000 + 40 * (i % 2), link);
  }
  const shown = link.decoder.shown.filter(({ at }) => at > stoodAt);
  expect(new Set(shown.map(({ encoding }) => encoding))).toEqual(new Set([2]));
  expect(shown).toHaveLength((world.now - stoodAt) / 40);
  expect(link.decoder.longestGap(stoodAt, world.now)).toBeLessThan(200);
});

it('makes no pause for a larger picture soon after a fall, and shows it later', () => {
  camera.keyFactor = 20;
  camera.together = true;
  const link = subscribe(10, PLENTY);
  link.queueMs = 300;
  run(12_000, link);
  link.rate = 1_100_000;
  run(3000, link);
  const fellAt = world.now;
  expect(encodings(run(5000, link)[0]!)).toEqual([0]);
  expect(link.decoder.longestGap(fellAt, world.now)).toBeLessThan(500);
  expect(encodings(run(14_000, link)[0]!)).toContain(1);
});

it('does not wait for an encoder that has just made a key frame when less has to do', () => {
  camera.together = true;
  const link = subscribe(10, PLENTY);
  run(8000, link);
  const sent = (): number => readFrame(media(link.sent).at(-1)!.payload).encoding;
  link.rate = 1_000_000;
  while (sent() === 2) run(4, link);
  const before = camera.keyFrames[0];
  link.rate = 200_000;
  while (sent() === 1) run(4, link);
  expect([sent(), camera.keyFrames[0]]).toEqual([0, before]);
});

it('shows whoever has just come the lowest encoding first, and soon the best', () => {
  run(2000);
  const link = subscribe(10, PLENTY);
  const [packets] = run(2500, link);
  const shown = media(packets!).map(({ payload }) => readFrame(payload).encoding);
  expect(shown[0]).toBe(0);
  expect(shown.at(-1)).toBe(2);
});

it('probes with padding on the SSRC of retransmissions, and only while more is wanted', () => {
  const link = subscribe(10, PLENTY);
  const [packets] = run(3000, link);
  const probes = packets!.filter(({ rtp }) => rtp.ssrc === RTX_SSRC);
  expect(probes.length).toBeGreaterThan(5);
  for (const { rtp, bytes } of probes) {
    expect(rtp.payloadBytes).toBe(0);
    expect(bytes[0]! & 0x20).toBe(0x20);
    expect(rtp.payloadType).toBe(97);
  }
  for (const { bytes, rtp } of media(packets!)) {
    expect(bytes[0]! & 0x20).toBe(0);
    expect(rtp.payloadBytes).toBeGreaterThan(0);
  }
  // One number after another.
  const numbers = probes.map(({ rtp }) => rtp.sequenceNumber);
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
  const [later] = run(3000, link);
  expect(later!.filter(({ rtp }) => rtp.ssrc === RTX_SSRC)).toEqual([]);
});

it('keeps the time of capture through every switch, also where an encoding comes late', () => {
  camera.late[2] = 2;
  const link = subscribe(10, 4_000_000);
  for (const rate of [4_000_000, 400_000, 4_000_000]) {
    link.rate = rate;
    run(rate === 400_000 ? 4000 : 9000, link);
  }
  const packets = media(link.sent);
  let switches = 0;
  let latest = 0;
  for (const [i, packet] of packets.entries()) {
    if (i === 0) continue;
    const before = packets[i - 1]!;
    const ahead = (packet.rtp.timestamp - before.rtp.timestamp) | 0;
    expect(ahead).toBeGreaterThanOrEqual(0);
    expect(packet.rtp.sequenceNumber).toBe((before.rtp.sequenceNumber + 1) & 0xffff);
    const [to, from] = [readFrame(packet.payload), readFrame(before.payload)];
    if (to.encoding === from.encoding) continue;
    switches++;
    const captured = Math.max(1, (to.frame - from.frame) * 40 * 90);
    latest = Math.max(latest, Math.abs(ahead - captured));
  }
  expect(switches).toBeGreaterThanOrEqual(3);
  // Frames that were shown of another encoding already come right behind it, and what follows is in time again.
  expect(latest).toBeLessThanOrEqual(2 * 40 * 90 + 1);
});

it('goes on with another encoding when the one that is shown is sent no more', () => {
  const link = subscribe(10, PLENTY);
  run(3000, link);
  camera.rates[2] = 0;
  run(1500, link);
  expect(encodings(run(1000, link)[0]!)).toEqual([1]);
});

it('tells what each is given, and why, when that changes and not otherwise', () => {
  const link = subscribe(10, 4_000_000);
  run(4000, link);
  const told = (): unknown[] =>
    world
      .take('sfu.layers')
      .flatMap(({ id, slots }) =>
        slots.map(({ layer, reason, publication }) => [id, publication, layer, reason]),
      );
  expect(told().at(-1)).toEqual([10, 7, 2, 'best']);
  run(3000, link);
  expect(told()).toEqual([]);
  const wants = { mid: '0', publication: 7, wanted: 1 };
  world.command({ type: 'sfu.bind', id: 10, slots: [wants] });
  link.rate = 250_000;
  run(5000, link);
  expect(told()).toEqual([
    [10, 7, 1, 'limit'],
    [10, 7, 0, 'bandwidth'],
  ]);
});

it('goes up where the lowest encoding has few frames, as one for a rate that is too low has', () => {
  camera.every[0] = 20;
  camera.rates[0] = 7000;
  const link = subscribe(10, 4_000_000);
  run(4000, link);
  expect(encodings(run(4000, link)[0]!)).toEqual([2]);
  // And is given nothing larger because the lowest one rests.
  camera.every[0] = 40;
  link.rate = 300_000;
  run(3000, link);
  expect(encodings(run(8000, link)[0]!)).toEqual([0]);
});

it('pauses what does not fit at all, but not what matters most', () => {
  const second = world.join(2, publishes([sends('0', 'video', { rids: RIDS })], { 0: 8 }));
  const camera2 = new SimulcastCamera(second, world.now);
  const sections = [shows('0', 'video', { tells: true }), shows('1', 'video', { tells: true })];
  const transport = world.join(10, publishes(sections, {}));
  const slots = [
    { mid: '0', publication: 7, priority: 1 },
    { mid: '1', publication: 8, priority: 2 },
  ];
  world.command({ type: 'sfu.bind', id: 10, slots });
  const link = new TestLink(transport, 200_000);
  const step = (): SentPacket[] => {
    runFor(world, 4000, (now) => {
      camera.step(now);
      camera2.step(now);
      link.step(now);
    });
    return link.take();
  };
  step();
  const ssrcs = new Set(step().map(({ rtp }) => rtp.ssrc));
  expect(ssrcs.has(SSRC + 1)).toBe(true);
  expect(ssrcs.has(SSRC)).toBe(false);
  link.rate = 4_000_000;
  for (let i = 0; i < 4; i++) step();
  expect(new Set(step().map(({ rtp }) => rtp.ssrc))).toEqual(new Set([SSRC, SSRC + 1]));
});

it('says in its report what the network carries, and null where nobody tells', () => {
  const link = subscribe(10, 1_400_000);
  const deaf = publishes([shows('0', 'video')], {});
  world.join(11, deaf, { 0: 7 });
  run(4000, link);
  world.command({ type: 'sfu.report', request: 1, ids: [10, 11] });
  const [told, untold] = world.take('sfu.report')[0]!.transports;
  expect(told!.availableBps).toBeGreaterThan(1_000_000);
  expect(told!.outgoing[0]).toMatchObject({ waits: null, layer: 1, reason: 'bandwidth' });
  expect(untold!.availableBps).toBeNull();
  expect(untold!.outgoing[0]).toMatchObject({ layer: null, reason: null });
});

it('hears so many messages of feedback in a datagram, and no more', () => {
  const link = subscribe(10, PLENTY);
  run(500, link);
  const transport = world.transports.get(10)!;
  const arrivals = new ArrivalLog();
  arrivals.received(1, 100, world.now);
  const one = writeRtcp((writer) => {
    arrivals.write(writer, 1, 2);
  });
  const drops = (): number => world.sfu.stats().drops['too-much-feedback'] ?? 0;
  transport.sendRtcpPacket(Buffer.concat(Array<Buffer>(8).fill(one)));
  expect(drops()).toBe(0);
  transport.sendRtcpPacket(Buffer.concat(Array<Buffer>(9).fill(one)));
  expect(drops()).toBe(1);
});

it('sends nothing again of an encoding that it is about to leave for a lower one', () => {
  const link = subscribe(10, PLENTY);
  run(4000, link);
  const transport = world.transports.get(10)!;
  const nack = (which: number): number => {
    const lost = media(link.sent).at(which)!.rtp.sequenceNumber;
    transport.sendRtcpPacket(nackOf(SSRC, lost));
    return transport.take().filter(({ rtp }) => rtp.ssrc === RTX_SSRC).length;
  };
  expect([nack(-1), nack(-2)]).toEqual([1, 1]);
  // No key frame has come of the lower one.
  const slots = [{ mid: '0', publication: 7, wanted: 0 }];
  world.command({ type: 'sfu.bind', id: 10, slots });
  world.advance(8);
  publisher.takeRtcp();
  expect(nack(-3)).toBe(0);
});

it('asks for nothing that nobody is shown', () => {
  const link = subscribe(10, PLENTY);
  run(4000, link);
  const before = [...camera.keyFrames];
  run(4000, link);
  expect(camera.keyFrames).toEqual(before);
});

it('begins with a key frame that has just been there without a gap, while others wait for a narrow network', () => {
  const second = world.join(2, publishes([sends('0', 'video', { rids: RIDS })], { 0: 8 }));
  const another = new SimulcastCamera(second, world.now);
  another.together = true;
  const sections = [shows('0', 'video', { tells: true }), shows('1', 'video', { tells: true })];
  const link = new TestLink(world.join(10, publishes(sections, {}), { 0: 7 }), PLENTY);
  const runBoth = (ms: number): void => {
    runFor(world, ms, (now) => {
      camera.step(now);
      another.step(now);
      link.step(now);
    });
  };
  camera.keyFactor = 8;
  runBoth(3000);
  const comes = (id: number, publication: number): unknown =>
    world.join(id, publishes([shows('0', 'video')], {}), { 0: publication });
  const chance = new Chance(FUZZ_SEED);
  for (let trial = 0; trial < 12; trial++) {
    link.rate = (200 + chance.below(1300)) * 1000;
    runBoth(20 + chance.below(580));
    // A key frame of the second one, and then a large one of the first, which waits.
    comes(100 + trial, 8);
    runBoth(20 + chance.below(280));
    comes(200 + trial, 7);
    runBoth(10 + chance.below(140));
    world.bind(10, { 0: 7, 1: 8 });
    runBoth(300);
    link.rate = PLENTY;
    runBoth(1500);
    world.bind(10, { 0: 7, 1: 0 });
    for (const id of [100, 200]) world.transports.get(id + trial)?.end();
    runBoth(300);
  }
  const numbers = link.sent.flatMap(({ rtp }) =>
    rtp.ssrc === SSRC + 1 ? [rtp.sequenceNumber] : [],
  );
  expect(numbers.length).toBeGreaterThan(50);
  const first = Math.min(...numbers);
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, i) => first + i));
});
