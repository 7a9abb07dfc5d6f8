// Packets in any order, lost, doubled and forged, over many turns of the sequence number: what comes out is what
// the 48-bit index of each says, and nothing else.

import { array, assert, boolean, constant, integer, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SRTP_REPLAYED } from '../../../sfu/srtp/outcome.ts';
import { PacketIndexes } from '../../../sfu/srtp/packet-indexes.ts';
import { SrtpReceiver } from '../../../sfu/srtp/receiver.ts';
import { REPLAY_WINDOW } from '../../../sfu/srtp/replay-windows.ts';
import { RtcpIndexes } from '../../../sfu/srtp/rtcp-indexes.ts';
import { SrtpSender } from '../../../sfu/srtp/sender.ts';
import { arena, masterKey, payload, PROFILES, put, rtpHeader } from './srtp-fixture.ts';

/** A step: how far the sender jumps ahead, and which packets of before come (again) after that, by their age. */
const step = record({
  ahead: oneof(
    { weight: 6, arbitrary: integer({ min: 1, max: 5 }) },
    { weight: 2, arbitrary: integer({ min: 900, max: 1100 }) },
    { weight: 2, arbitrary: integer({ min: 20_000, max: 32_767 }) },
  ),
  late: array(
    oneof(
      { weight: 6, arbitrary: integer({ min: 0, max: 40 }) },
      { weight: 2, arbitrary: integer({ min: REPLAY_WINDOW - 3, max: REPLAY_WINDOW + 3 }) },
      { weight: 1, arbitrary: integer({ min: 1000, max: 32_767 }) },
    ),
    { maxLength: 4 },
  ),
});
const history = record({
  start: integer({ min: 0, max: 65_535 }),
  steps: array(step, { maxLength: 120 }),
});

/** The model: a set of indexes, and the highest. */
class Model {
  readonly #seen = new Set<number>();
  #highest = -1;

  take(index: number): boolean {
    const isNew = index > this.#highest - REPLAY_WINDOW && !this.#seen.has(index);
    if (isNew) this.#seen.add(index);
    this.#highest = Math.max(this.#highest, index);
    return isNew;
  }
}

/** Every index of a history in the order of its arrival. */
function* arrivals({
  start,
  steps,
}: {
  start: number;
  steps: { ahead: number; late: number[] }[];
}) {
  let highest = start;
  yield highest;
  for (const { ahead, late } of steps) {
    highest += ahead;
    yield highest;
    for (const age of late) if (highest - age >= 0) yield highest - age;
  }
}

describe('any order, loss and doubling', () => {
  it('SRTP indexes are found from sequence numbers, and taken once each', () => {
    assert(
      property(history, (given) => {
        const indexes = new PacketIndexes(2);
        const model = new Model();
        for (const index of arrivals(given)) {
          const refused = indexes.estimate(0x8000_0000, index & 0xffff);
          const isNew = model.take(index);
          expect(refused).toBe(isNew ? 0 : SRTP_REPLAYED);
          if (refused !== 0) continue;
          expect(indexes.rolloverCounter).toBe(Math.floor(index / 0x1_0000));
          indexes.accept();
        }
      }),
      { numRuns: 300 },
    );
  });

  it('SRTCP indexes are taken once each', () => {
    assert(
      property(history, (given) => {
        const indexes = new RtcpIndexes(2);
        const model = new Model();
        for (const index of arrivals(given)) {
          const refused = indexes.check(5, index);
          expect(refused).toBe(model.take(index) ? 0 : SRTP_REPLAYED);
          if (refused === 0) indexes.accept(5, index);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** One packet that is sent, and what becomes of it: its delivery may wait for so many packets of that SSRC. */
const sent = record({
  ahead: oneof(
    { weight: 3, arbitrary: integer({ min: 1, max: 30 }) },
    { weight: 2, arbitrary: integer({ min: 1000, max: 9000 }) },
  ),
  ssrc: integer({ min: 0, max: 1 }),
  lost: boolean(),
  wait: oneof(constant(0), integer({ min: 1, max: 12 })),
  bend: integer({ min: 0, max: 12 + 20 + 9 }),
});

/** A gap of more than half the range cannot be told: then a packet is delivered at once. */
const GAP_MAX = 20_000;

describe.each(PROFILES)('$name', (profile) => {
  const { tagBytes } = profile;

  it('delivers each packet once, as it was, through loss, reordering, doubling and forging', () => {
    const everything = array(sent, { minLength: 1, maxLength: 250 });
    assert(
      property(everything, (packets) => {
        const sender = new SrtpSender(profile, masterKey(profile), 2);
        const receiver = new SrtpReceiver(profile, masterKey(profile), 2);
        const streams = [50_000, 32_000].map((index) => ({
          index,
          delivered: -1,
          model: new Model(),
          held: [] as { packet: Uint8Array; index: number; turns: number }[],
        }));
        const receive = (packet: Uint8Array): number => {
          put(packet, 4000);
          return receiver.unprotectRtp(arena, 4000, packet.length);
        };
        const deliver = (stream: (typeof streams)[0], packet: Uint8Array, index: number): void => {
          stream.delivered = Math.max(stream.delivered, index);
          const isNew = stream.model.take(index);
          const received = receive(packet);
          expect(Math.max(0, received)).toBe(isNew ? 32 : 0);
          expect(received < 0 || arena.bytes[4012] === (index & 0xff)).toBe(true);
          expect(receive(packet)).toBeLessThan(0);
        };
        for (const { ahead, ssrc, lost, wait, bend } of packets) {
          const stream = streams[ssrc]!;
          stream.index += ahead;
          const { index } = stream;
          put(rtpHeader(ssrc, index & 0xffff), 100);
          put(payload(20), 2000);
          arena.bytes[2000] = index;
          expect(sender.protectRtp(arena, 100, 12, arena, 2000, 20)).toBe(32 + tagBytes);
          const packet = arena.bytes.slice(100, 132 + tagBytes);
          const bent = packet.slice();
          bent[bend]! ^= 0x40;
          expect(receive(bent)).toBeLessThan(0);
          if (stream.delivered < 0 || index - stream.delivered > GAP_MAX) {
            deliver(stream, packet, index);
          } else if (wait > 0) stream.held.push({ packet, index, turns: wait });
          else if (!lost) deliver(stream, packet, index);
          for (const late of stream.held) {
            if (--late.turns === 0) deliver(stream, late.packet, late.index);
          }
        }
        sender.close();
        receiver.close();
      }),
      { numRuns: 100 },
    );
  });
});
