// What real browsers have published (test/fixtures/golden), over networks that lose, delay and double packets on both
// sides of a real router: retransmissions make up for it, each asked for and sent by the rules.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkForwarded } from '../../support/golden/forwarded.ts';
import { publishedPackets, readRtp } from '../../support/golden/published.ts';
import { play, shown, type Subscriber } from '../../support/golden/replay.ts';
import {
  readTrace,
  RTP,
  RTCP,
  type Trace,
  type TracePacket,
  traceNames,
} from '../../support/golden/trace.ts';
import { generator } from '../../support/sfu-router/random.ts';
import { readRtcp, writeRtcp } from '../../support/sfu-router/rtcp.ts';
import {
  RouterWorld,
  type SentPacket,
  type TestTransport,
} from '../../support/sfu-router/router-world.ts';
import { OSN_BYTES } from '../../../sfu/rtp/rtx.ts';

/** Of a hundred packets, those that are lost, late, doubled. */
const LOST_OF_100 = 8;
const LATE_OF_100 = 6;
const TWICE_OF_100 = 4;
const LATE_US = 30_000;
const RTX_SSRC = 0x7777_0000;
const SUBSCRIBER_SSRC = 0x5ab5;

let world: RouterWorld;
beforeEach(() => {
  world = new RouterWorld();
});
afterEach(() => world.close());

const plain = traceNames()
  .map((name) => ({ name, trace: readTrace(name) }))
  // Of several encodings a retransmission names the one it is for, which these do not.
  .filter(({ trace }) => trace.sections.every(({ simulcast }) => simulcast.length === 0));

const codecsOf = ({ sections }: Trace): (readonly [payloadType: number, rtx: number])[] =>
  sections.flatMap(({ codecs }) =>
    codecs.map(({ payloadType, rtxPayloadType = -1 }) => [payloadType, rtxPayloadType] as const),
  );

/** What arrives of a trace, in what order; sound is never sent again, so none of it is lost. */
function disturbed(trace: Trace, below: (bound: number) => number): TracePacket[] {
  const types = new Map(codecsOf(trace));
  const packets = trace.packets.flatMap((packet): TracePacket[] => {
    if (packet.kind === RTCP) return [packet];
    const rtxPayloadType = types.get(packet.bytes[1]! & 0x7f);
    // The browser's own retransmissions are answers to another router.
    if (rtxPayloadType === undefined) return [];
    const fate = below(100);
    const whole = { ...packet, kind: RTP } as const;
    const late = { ...whole, us: packet.us + below(LATE_US) };
    if (fate < LOST_OF_100) return rtxPayloadType < 0 ? [late] : [];
    if (fate < LOST_OF_100 + LATE_OF_100) return [late];
    return fate < LOST_OF_100 + LATE_OF_100 + TWICE_OF_100 ? [whole, late] : [whole];
  });
  return packets.toSorted((a, b) => a.us - b.us);
}

/** A browser that sends again what it is asked for. */
class Answering {
  answered = 0;
  readonly #transport: TestTransport;
  readonly #types: ReadonlyMap<number, number>;
  readonly #sent = new Map<string, Buffer>();

  constructor(transport: TestTransport, trace: Trace) {
    this.#transport = transport;
    this.#types = new Map(codecsOf(trace));
    for (const packets of publishedPackets(trace).values()) {
      for (const { ssrc, rtp, packet } of packets) {
        this.#sent.set(`${ssrc} ${rtp.sequenceNumber}`, packet.bytes);
      }
    }
  }

  answer(): void {
    for (const datagram of this.#transport.takeRtcp()) {
      for (const { media, lost = [] } of readRtcp(datagram)) {
        for (const one of lost) this.#repeat(this.#sent.get(`${media} ${one}`));
      }
    }
  }

  #repeat(bytes: Buffer | undefined): void {
    if (bytes === undefined) return;
    const { headerBytes, payloadType } = readRtp(bytes);
    const header = Buffer.from(bytes.subarray(0, headerBytes));
    header[1] = (header[1]! & 0x80) | this.#types.get(payloadType)!;
    header.writeUInt16BE(this.answered++, 2);
    header.writeUInt32BE(RTX_SSRC, 8);
    const original = bytes.subarray(2, 2 + OSN_BYTES);
    this.#transport.sendOne(Buffer.concat([header, original, bytes.subarray(headerBytes)]));
  }
}

/** What was sent again, and what it stands for. */
interface Recovered extends Pick<SentPacket, 'rtp' | 'payload'> {
  readonly payloadType: number;
  readonly original: SentPacket;
}

/** A subscriber that asks for what it has lost. */
class Asking {
  readonly got: SentPacket[] = [];
  readonly withheld = new Map<string, SentPacket>();
  readonly recovered: Recovered[] = [];
  readonly #subscriber: Subscriber;
  readonly #below: (bound: number) => number;
  #taken = 0;

  constructor(subscriber: Subscriber, below: (bound: number) => number) {
    this.#subscriber = subscriber;
    this.#below = below;
  }

  listen(): void {
    const { transport, slots } = this.#subscriber;
    const sent = transport.rtp.slice(this.#taken);
    this.#taken += sent.length;
    for (const packet of sent) {
      const { ssrc, sequenceNumber } = packet.rtp;
      const slot = slots.find(({ outgoing }) => outgoing!.ssrc === ssrc);
      if (slot === undefined) this.#recover(packet);
      else if (slot.kind === 'video' && this.#below(100) < LOST_OF_100) {
        this.withheld.set(`${ssrc} ${sequenceNumber}`, packet);
      } else this.got.push(packet);
    }
    for (const { rtp } of this.withheld.values()) {
      const lost = Uint16Array.of(rtp.sequenceNumber);
      const nack = writeRtcp((writer) => writer.nack(SUBSCRIBER_SSRC, rtp.ssrc, lost, 1));
      transport.sendRtcpPacket(nack);
    }
  }

  /** RFC 4588 s4: the original packet, under another SSRC, payload type and number. */
  #recover({ rtp, payload }: SentPacket): void {
    const slot = this.#subscriber.slots.find(({ outgoing }) => outgoing!.rtxSsrc === rtp.ssrc)!;
    const key = `${slot.outgoing!.ssrc} ${payload.readUInt16BE(0)}`;
    const original = this.withheld.get(key);
    // It was asked for again before the answer had come.
    if (original === undefined) return;
    const codec = slot.codecs.find((one) => one.rtxPayloadType === rtp.payloadType);
    const repeated = { rtp, payload: payload.subarray(OSN_BYTES) };
    this.recovered.push({ payloadType: codec?.payloadType ?? -1, ...repeated, original });
    this.withheld.delete(key);
    this.got.push(original);
  }
}

describe.each(plain)('$name', ({ trace }) => {
  test.each([1, 2, 3])('recovers, seed %i', (seed) => {
    const below = generator(seed);
    const { publisher, subscriber } = shown(world, trace);
    const browser = new Answering(publisher, trace);
    const receiver = new Asking(subscriber, below);
    const startedAt = world.now;
    const step = (): void => {
      browser.answer();
      receiver.listen();
    };
    play(world, [{ transport: publisher, packets: disturbed(trace, below) }], step);
    for (let i = 0; i < 20; i++) {
      step();
      world.advance(20);
    }
    step();
    expect(browser.answered).toBeGreaterThan(0);
    expect(receiver.recovered.length).toBeGreaterThan(0);
    for (const { payloadType, rtp, payload, original } of receiver.recovered) {
      expect(payload.equals(original.payload)).toBe(true);
      expect(payloadType).toBe(original.rtp.payloadType);
      expect([rtp.timestamp, rtp.marker]).toEqual([original.rtp.timestamp, original.rtp.marker]);
    }
    expect([...receiver.withheld.keys()]).toEqual([]);
    const published = [...publishedPackets(trace).values()];
    for (const slot of subscriber.slots) {
      const got = receiver.got.filter(({ rtp }) => rtp.ssrc === slot.outgoing!.ssrc);
      const { segments, gaps, packets } = checkForwarded(slot, got, published, startedAt);
      expect(segments).toHaveLength(1);
      expect(packets).toBe(segments[0]?.packets);
      // Nobody asks for what was lost before a key frame that has come.
      const keys = published
        .flat()
        .filter(({ ssrc, startsKeyFrame }) => startsKeyFrame && ssrc === segments[0]?.ssrc);
      for (const { number } of gaps) {
        const next = keys.find((one) => one.number > number);
        expect(next!.number - number).toBeLessThan(10);
      }
    }
  });
});
