// Hostile RTP and RTCP into a room with publishers and subscribers: random bytes, mutated packets, well-formed ones
// with random numbers. Nothing throws, memory has its bound, what goes out is well-formed, and no number of an outgoing
// stream is used twice.

import { expect, it } from 'vitest';
import { breathe, FUZZ_SEED, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { rtpPacket, vp8Payload } from '../support/sfu-router/packets.ts';
import { generator } from '../support/sfu-router/random.ts';
import { RouterWorld, type TestTransport } from '../support/sfu-router/router-world.ts';
import { readRtcp, writeRtcp } from '../support/sfu-router/rtcp.ts';
import {
  AV1,
  H264,
  IDS,
  OPUS,
  publishes,
  RED,
  sends,
  shows,
  VP8,
  VP9,
} from '../support/sfu-router/sections.ts';
import { RTCP_SAMPLES, RTP_SAMPLES } from './rtp-samples.ts';

const INPUTS = fuzzRuns(60_000);
const MIB = 2 ** 20;
/** Seven streams of video, two of audio, each a MiB at most, and slabs that are not full. */
const PAYLOAD_BYTES_MAX = 12 * MIB;
/** How far back a sequence number must not come again, or SRTP would use an index twice. */
const WINDOW = 0x4000;

let below = generator(FUZZ_SEED);

const PAYLOAD_TYPES = [OPUS, RED, VP8, VP9, H264, AV1].flatMap((codec) =>
  codec.rtxPayloadType === undefined
    ? [codec.payloadType]
    : [codec.payloadType, codec.rtxPayloadType],
);
const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)]!;
const maybe = <Value>(value: () => Value): Value | undefined =>
  below(3) === 0 ? undefined : value();

function noise(most: number): Buffer {
  return Buffer.from(Array.from({ length: below(most) }, () => below(256)));
}

function mutated(sample: Uint8Array): Buffer {
  const bytes = Buffer.from(sample);
  for (let i = below(4); i > 0 && bytes.length > 0; i--) bytes[below(bytes.length)] = below(256);
  return below(4) === 0 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
}

/** What an honest publisher would send; most of it is sent so. */
const STREAMS = [
  { ssrc: 1, mid: '0', rid: undefined, payloadType: VP8.payloadType },
  { ssrc: 2, mid: '1', rid: 'h', payloadType: VP8.payloadType },
  { ssrc: 5, mid: '1', rid: 'f', payloadType: VP8.payloadType },
  { ssrc: 6, mid: '2', rid: undefined, payloadType: OPUS.payloadType },
  { ssrc: 3, mid: '3', rid: undefined, payloadType: VP8.payloadType },
  { ssrc: 7, mid: '0', rid: undefined, payloadType: VP8.rtxPayloadType! },
].map((stream) =>
  Object.assign(stream, { sequenceNumber: below(0x1_0000), timestamp: below(2 ** 31) }),
);
const rarely = <Value>(odd: () => Value, even: Value): Value => (below(60) === 0 ? odd() : even);

function wellFormed(): Buffer {
  const stream = pick(STREAMS);
  stream.sequenceNumber += rarely(() => below(0x1_0000), below(3));
  stream.timestamp += rarely(() => below(2 ** 31), below(4000));
  const payload = below(4) === 0 ? Buffer.from(pick(RTP_SAMPLES)) : vp8(below(5) === 0);
  const mid = rarely(
    () => pick(['0', '1', '2', '3', 'x']),
    maybe(() => stream.mid),
  );
  const rid = rarely(() => pick(['q', 'h', 'f', 'z']), stream.rid);
  const repairedRid = rarely(() => pick(['q', 'h']), undefined);
  const dependencies = rarely(() => noise(40), undefined);
  const packet = rtpPacket({
    ssrc: rarely(() => below(1000), stream.ssrc),
    sequenceNumber: stream.sequenceNumber,
    timestamp: stream.timestamp,
    payloadType: rarely(() => pick(PAYLOAD_TYPES), stream.payloadType),
    marker: below(2) === 0,
    audioLevel: below(256),
    transportCc: stream.sequenceNumber & 0xffff,
    payload: below(10) === 0 ? Buffer.alloc(0) : payload,
    padding: below(10) === 0 ? 1 + below(255) : 0,
    ...(mid === undefined ? {} : { mid }),
    ...(rid === undefined ? {} : { rid }),
    ...(repairedRid === undefined ? {} : { repairedRid }),
    ...(dependencies === undefined ? {} : { dependencies }),
  });
  return below(20) === 0 ? mutated(packet) : packet;
}

function vp8(key: boolean): Buffer {
  return vp8Payload({
    key,
    start: below(2) === 0,
    long: below(2) === 0,
    pictureId: below(0x8000),
    tl0PicIdx: below(256),
    keyIdx: below(32),
    body: Buffer.alloc(below(1600)),
  });
}

/** Feedback about a stream that there is, or is not. */
function feedback(slots: readonly number[]): Buffer {
  const ssrc = below(5) === 0 ? below(2 ** 31) : pick(slots);
  const lost = Uint16Array.from({ length: 200 }, () => below(0x1_0000)).toSorted();
  return writeRtcp((to) => {
    const what = below(4);
    if (what < 2) to.nack(1, ssrc, lost, 200);
    else if (what === 2) to.pictureLoss(1, ssrc);
    else to.fullIntraRequest(1, ssrc, below(256));
  });
}

const SLOTS = [0x9000_0001, 0x9000_0002, 0x9000_0003];

/** What a participant was sent is well-formed, and no number came twice. */
function check(transport: TestTransport, seen: Map<number, Map<number, number>>): void {
  for (const { rtp } of transport.take()) {
    const numbers = seen.get(rtp.ssrc) ?? new Map<number, number>();
    seen.set(rtp.ssrc, numbers);
    const count = numbers.size + (numbers.get(-1) ?? 0);
    numbers.set(-1, count + 1);
    const before = numbers.get(rtp.sequenceNumber);
    if (before !== undefined && count - before < WINDOW) throw new Error('a number twice');
    numbers.set(rtp.sequenceNumber, count);
    if (rtp.extension(IDS.mid) < 0) throw new Error('no MID');
  }
  for (const datagram of transport.takeRtcp()) readRtcp(datagram);
}

it.each(fuzzSeeds('router'))(
  `survives ${INPUTS} inputs within its memory, STERNA_FUZZ_SEED=%i`,
  { timeout: fuzzTimeoutMs(INPUTS) },
  async (seed) => {
    below = generator(seed);
    const world = new RouterWorld();
    const media = publishes(
      [
        sends('0', 'video'),
        sends('1', 'video', { rids: ['q', 'h', 'f'] }),
        sends('2', 'audio', { codecs: [OPUS, RED] }),
        sends('3', 'video', { streams: [{ ssrc: 3, rtxSsrc: 4 }] }),
      ],
      { 0: 10, 1: 11, 2: 12, 3: 13 },
    );
    const publisher = world.join(1, media);
    const viewers = [2, 3, 4].map((id) => {
      const sections = [
        shows('0', 'video', { ssrc: SLOTS[0]! }),
        shows('1', 'video', { ssrc: SLOTS[1]!, codecs: [VP8, AV1] }),
        shows('2', 'audio', { ssrc: SLOTS[2]! }),
      ];
      return world.join(id, publishes(sections, {}), { 0: 10, 1: 11, 2: 12 });
    });
    const seen = viewers.map(() => new Map<number, Map<number, number>>());
    try {
      for (let i = 0; i < INPUTS; i++) {
        const what = below(100);
        if (what < 60) publisher.sendOne(wellFormed());
        else if (what < 68) publisher.sendOne(mutated(pick(RTP_SAMPLES)));
        else if (what < 74) publisher.sendOne(noise(200));
        else if (what < 80)
          pick([publisher, ...viewers]).sendRtcpPacket(mutated(pick(RTCP_SAMPLES)));
        else if (what < 82) pick([publisher, ...viewers]).sendRtcpPacket(noise(100));
        else if (what < 90) pick(viewers).sendRtcpPacket(feedback(SLOTS));
        else if (what < 92)
          world.bind(2 + below(3), { 0: pick([0, 10, 11, 13]), 2: pick([0, 12]) });
        else if (what < 93) {
          world.command({ type: 'sfu.mute', publication: 10 + below(4), muted: below(2) === 0 });
        } else if (what < 96) world.advance(below(100));
        else world.turn();
        await breathe(i);
        if (i % 50 !== 0) continue;
        for (const [j, viewer] of viewers.entries()) check(viewer, seen[j]!);
        for (const datagram of publisher.takeRtcp()) readRtcp(datagram);
        world.events.length = 0;
        if (world.sfu.stats().payloadBytes > PAYLOAD_BYTES_MAX) throw new Error('too much memory');
      }
    } catch (error) {
      throw new Error(`STERNA_FUZZ_SEED=${seed}`, { cause: error });
    }
    // It was not all refused.
    const { packetsOut, retransmissions, drops } = world.sfu.stats();
    expect(packetsOut).toBeGreaterThan(INPUTS / 30);
    expect(retransmissions).toBeGreaterThan(0);
    expect(Object.values(drops).filter((count) => count > 0).length).toBeGreaterThan(8);
    world.close();
  },
);
