// Redundancy (RFC 2198) for whose network loses packets: made here of plain Opus, passed on or left out where the
// publisher sends it. What is written is read by a reader of this test's own.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlotRedundancy } from '../../../sfu/control.ts';
import { ReportBlock } from '../../../sfu/rtp/rtcp-reports.ts';
import { rtpPacket } from '../../support/sfu-router/packets.ts';
import {
  RouterWorld,
  type SentPacket,
  type TestTransport,
} from '../../support/sfu-router/router-world.ts';
import { writeRtcp } from '../../support/sfu-router/rtcp.ts';
import { OPUS, publishes, RED, sends, shows } from '../../support/sfu-router/sections.ts';

const SLOT = 0xaaaa_0001;
/** Between the payload types of publisher and subscriber. */
const SHIFT = 3;
const OPUS_TYPE = OPUS.payloadType + SHIFT;
const RED_TYPE = RED.payloadType + SHIFT;

let world: RouterWorld;
let publisher: TestTransport;
let subscriber: TestTransport;
let next = 0;

beforeEach(() => {
  world = new RouterWorld();
  next = 100;
});

afterEach(() => {
  world.close();
});

function open(sent: readonly (typeof OPUS)[], understood = [OPUS, RED]): void {
  publisher = world.join(1, publishes([sends('0', 'audio', { codecs: sent })], { 0: 7 }));
  const slot = shows('5', 'audio', { codecs: understood, ssrc: SLOT, shift: SHIFT });
  subscriber = world.join(2, publishes([slot], {}), { 5: 7 });
}

interface Sent {
  payload?: Buffer;
  payloadType?: number;
  /** Ticks since the one before. */
  ticks?: number;
}

let timestamp = 0xffff_f000;

/** The publisher's next packet; what becomes of it. */
function send({ payload, payloadType = OPUS.payloadType, ticks = 960 }: Sent = {}): SentPacket[] {
  timestamp = (timestamp + ticks) >>> 0;
  publisher.sendOne(
    rtpPacket({
      ssrc: 0x1111,
      sequenceNumber: next,
      timestamp,
      payloadType,
      mid: '0',
      payload: payload ?? Buffer.from(`opus ${next}`),
    }),
  );
  next++;
  world.advance(20);
  return subscriber.take();
}

/** So many packets of which the receiver misses that share. */
function lose(share: number, packets = 50): void {
  for (let i = 0; i < packets; i++) send();
  const block = new ReportBlock();
  block.ssrc = SLOT;
  block.fractionLost = Math.floor(256 * share);
  subscriber.sendRtcpPacket(writeRtcp((to) => to.receiverReport(1, [block], 1)));
}

interface Block {
  type: number;
  /** How much earlier. */
  offset: number;
  text: string;
}

/** RFC 2198 s3, bit by bit. */
function blocksOf({ payload, rtp }: SentPacket): Block[] {
  if (rtp.payloadType !== RED_TYPE) throw new Error(`payload type ${rtp.payloadType}`);
  const bits = [...payload].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const heads: { type: number; offset: number; length: number }[] = [];
  let at = 0;
  while (bits[at] === '1') {
    const [type, offset, length] = [
      bits.slice(at + 1, at + 8),
      bits.slice(at + 8, at + 22),
      bits.slice(at + 22, at + 32),
    ].map((field) => Number.parseInt(field, 2));
    heads.push({ type: type!, offset: offset!, length: length! });
    at += 32;
  }
  const last = { type: Number.parseInt(bits.slice(at + 1, at + 8), 2), offset: 0 };
  let from = at / 8 + 1;
  const blocks = heads.map(({ type, offset, length }) => {
    const text = payload.toString('latin1', from, from + length);
    from += length;
    return { type, offset, text };
  });
  return [...blocks, { ...last, text: payload.toString('latin1', from) }];
}

const plainText = ([packet]: readonly SentPacket[]): string => {
  expect(packet!.rtp.payloadType).toBe(OPUS_TYPE);
  return packet!.payload.toString();
};

function standing(): SlotRedundancy | null {
  world.command({ type: 'sfu.report', request: 1, ids: [2] });
  return world.take('sfu.report')[0]!.transports[0]!.outgoing[0]!.redundancy;
}

const opus = (number: number, offset: number): Block => ({
  type: OPUS_TYPE,
  offset,
  text: `opus ${number}`,
});

describe('of a publisher that sends plain Opus', () => {
  beforeEach(() => open([OPUS]));

  it('who loses packets gets earlier payloads, the more the more it loses, and else none', () => {
    lose(0.02);
    expect(plainText(send())).toBe('opus 150');
    expect(standing()).toBe('none');
    lose(0.05);
    const [one] = send();
    expect(blocksOf(one!)).toEqual([opus(200, 960), opus(201, 0)]);
    expect(standing()).toBe('made');
    lose(0.2);
    const [two] = send();
    expect(blocksOf(two!)).toEqual([opus(250, 1920), opus(251, 960), opus(252, 0)]);
    expect(two!.rtp.sequenceNumber - one!.rtp.sequenceNumber).toBe(51);
    expect((two!.rtp.timestamp - one!.rtp.timestamp) >>> 0).toBe(51 * 960);
    const { redundantPackets } = world.sfu.stats();
    expect(redundantPackets).toBe(1 + 50 + 1);
  });

  it('stays for as long as anything is lost, and goes step by step after ten seconds without', () => {
    lose(0.2);
    for (const share of [0.06, 0.02, 0.06, 0.02]) for (let i = 0; i < 9; i++) lose(share);
    expect(blocksOf(send()[0]!)).toHaveLength(3);
    lose(0.02);
    lose(0.02);
    expect(blocksOf(send()[0]!)).toHaveLength(2);
    for (let i = 0; i < 20; i++) lose(0.02);
    expect(blocksOf(send()[0]!)).toHaveLength(2);
    for (let i = 0; i < 12; i++) lose(0);
    expect(plainText(send())).toMatch(/^opus/);
    expect(standing()).toBe('none');
  });

  it('what the publisher has lost is no loss of the subscriber, and nothing is told across it', () => {
    for (let i = 0; i < 40; i++) {
      send();
      if (i % 5 === 0) next++;
    }
    lose(0.09, 20);
    expect(plainText(send())).toMatch(/^opus/);
    lose(0.2);
    next++;
    expect(plainText(send())).toMatch(/^opus/);
    expect(blocksOf(send()[0]!)).toHaveLength(2);
    expect(blocksOf(send()[0]!)).toHaveLength(3);
  });

  it('a report on a few packets says nothing', () => {
    for (let i = 0; i < 5; i++) lose(0.5, 5);
    expect(plainText(send())).toMatch(/^opus/);
  });

  it('has no more bits than RFC 2198 gives: 14 for the distance, 10 for the length', () => {
    lose(0.05);
    expect(blocksOf(send({ ticks: 16_383 })[0]!)[0]).toMatchObject({ offset: 16_383 });
    expect(plainText(send({ ticks: 16_384 }))).toMatch(/^opus/);
    send({ payload: Buffer.alloc(1023, 'a') });
    expect(blocksOf(send({ payload: Buffer.from('b') })[0]!)[0]!.text).toHaveLength(1023);
    send({ payload: Buffer.alloc(1024, 'a') });
    expect(plainText(send({ payload: Buffer.from('b') }))).toBe('b');
    // And never more than a path carries.
    send({ payload: Buffer.alloc(1000, 'a') });
    expect(plainText(send({ payload: Buffer.alloc(200, 'b') }))).toHaveLength(200);
  });

  it('begins anew with another source, with the same one after a mute, and with what was restarted', () => {
    lose(0.2);
    expect(blocksOf(send()[0]!)).toHaveLength(3);
    world.command({ type: 'sfu.mute', publication: 7, muted: true });
    send();
    world.command({ type: 'sfu.mute', publication: 7, muted: false });
    expect(plainText(send())).toMatch(/^opus/);
    expect(blocksOf(send()[0]!)).toHaveLength(2);
    next += 5000;
    expect(plainText(send())).toMatch(/^opus/);
    world.bind(2, { 5: 0 });
    send();
    world.bind(2, { 5: 7 });
    expect(plainText(send())).toMatch(/^opus/);
    expect(blocksOf(send()[0]!)).toHaveLength(2);
  });

  it('goes to nobody who has not negotiated it', () => {
    world.close();
    world = new RouterWorld();
    open([OPUS], [OPUS]);
    lose(0.5);
    lose(0.5);
    expect(plainText(send())).toMatch(/^opus/);
  });
});

/** The publisher's next packet, with an earlier frame. */
const redundant = (): SentPacket[] => {
  const head = Buffer.from([0x80 | OPUS.payloadType, 960 >> 6, (960 << 2) & 0xff, 3]);
  const payload = Buffer.concat([head, Buffer.from([OPUS.payloadType]), Buffer.from('oldnew')]);
  return send({ payload, payloadType: RED.payloadType });
};

describe('of a publisher that sends redundancy', () => {
  it('who loses nothing gets plain Opus, and who loses packets all of it, by its own payload types', () => {
    open([RED, OPUS]);
    expect(plainText(redundant())).toBe('new');
    expect(standing()).toBe('removed');
    lose(0.05);
    expect(blocksOf(redundant()[0]!)).toEqual([
      { type: OPUS_TYPE, offset: 960, text: 'old' },
      { type: OPUS_TYPE, offset: 0, text: 'new' },
    ]);
    expect(standing()).toBe('passed');
  });

  it('one that lies is passed on as it is, and read by nobody', () => {
    open([RED, OPUS]);
    lose(0.05);
    const payload = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x6f, 1]);
    const [sent] = send({ payload, payloadType: RED.payloadType });
    expect([sent!.rtp.payloadType, sent!.payload]).toEqual([RED_TYPE, payload]);
  });
});

it('is counted as it was sent', () => {
  open([OPUS]);
  lose(0.05);
  world.command({ type: 'sfu.report', request: 1, ids: [2] });
  const before = world.take('sfu.report')[0]!.transports[0]!.outgoing[0]!;
  const [sent] = send();
  world.command({ type: 'sfu.report', request: 1, ids: [2] });
  const after = world.take('sfu.report')[0]!.transports[0]!.outgoing[0]!;
  expect(after.packets - before.packets).toBe(1);
  expect(after.bytes - before.bytes).toBe(sent!.payload.length);
  expect(after.codec).toBe('opus');
});
