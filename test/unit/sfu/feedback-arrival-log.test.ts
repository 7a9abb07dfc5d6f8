// Transport-wide feedback: when it is due, and that it tells what came and when, whatever the network did.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrivalLog } from '../../../sfu/feedback/arrival-log.ts';
import { RtcpReader } from '../../../sfu/rtp/rtcp-reader.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { TransportCcReader } from '../../../sfu/rtp/transport-cc-reader.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

const ROOM = 1100;
const LATE_MAX = 256;
const WINDOW = 2048;
/** Twenty times what a message takes. */
const ENOUGH_BYTES = 1360;

interface Message {
  readonly base: number;
  readonly statuses: number;
  readonly count: number;
  /** Sequence numbers, and when each came, in 250 us. */
  readonly arrivals: readonly (readonly [number, number])[];
}

const bytes = new Uint8Array(ROOM);

/** All messages that are written now, and how many datagrams they took. */
function told(log: ArrivalLog): { messages: Message[]; datagrams: number } {
  const messages: Message[] = [];
  let datagrams = 0;
  for (let done = false; !done; datagrams++) {
    const rtcp = new RtcpWriter().start(bytes, 0, ROOM);
    done = log.write(rtcp, 0xf000_0001, 0xf000_0002);
    expect(rtcp.length > 0 || done).toBe(true);
    const reader = new RtcpReader();
    if (!reader.read(bytes, 0, rtcp.length)) continue;
    while (reader.next()) {
      expect([reader.senderSsrc, reader.mediaSsrc]).toEqual([0xf000_0001, 0xf000_0002]);
      messages.push(messageOf(reader));
    }
  }
  return { messages, datagrams };
}

function messageOf(reader: RtcpReader): Message {
  const feedback = new TransportCcReader();
  if (!feedback.read(reader)) throw new Error('no feedback');
  const { baseSequenceNumber: base, statusCount: statuses, feedbackCount: count } = feedback;
  const arrivals: [number, number][] = [];
  while (feedback.next()) arrivals.push([feedback.sequenceNumber, feedback.arrivalTicks]);
  return { base, statuses, count, arrivals };
}

function logOf(...arrivals: readonly (readonly [number, number])[]): ArrivalLog {
  const log = new ArrivalLog();
  for (const [number, now] of arrivals) log.received(number, 100, now);
  return log;
}

describe('feedback is due', () => {
  it('after 100 ms, or after 50 ms where so much came that it takes no more than 5 % of it', () => {
    const log = new ArrivalLog();
    expect([log.nextDeadline, log.due(1e9)]).toEqual([Infinity, false]);
    log.received(1, ENOUGH_BYTES - 1, 1000);
    expect(log.nextDeadline).toBe(1100);
    log.received(2, 1, 1030);
    expect([log.nextDeadline, log.due(1049.9), log.due(1050)]).toEqual([1050, false, true]);
    told(log);
    expect([log.nextDeadline, log.due(1e9)]).toEqual([Infinity, false]);
    log.received(3, 100, 5000);
    expect(log.nextDeadline).toBe(5100);
  });

  it('for nothing that was told, and for nothing that is no packet of the transport', () => {
    const log = logOf([9000, 0]);
    told(log);
    log.received(9000, 100, 10);
    log.received(1000, 100, 10);
    log.received(9000 - LATE_MAX - 1, 100, 10);
    expect(log.nextDeadline).toBe(Infinity);
    expect(told(log).messages).toEqual([]);
  });
});

describe('feedback tells', () => {
  it('what came, when, and what did not, from where the message before it ended', () => {
    const log = logOf([0xfffe, 1000], [0xffff, 1001.3], [2, 1000.74]);
    expect(told(log).messages).toEqual([
      {
        base: 0xfffe,
        statuses: 5,
        count: 0,
        arrivals: [
          [0xfffe, 4000],
          [0xffff, 4005],
          [2, 4002],
        ],
      },
    ]);
    log.received(6, 100, 1100);
    expect(told(log).messages).toEqual([{ base: 3, statuses: 4, count: 1, arrivals: [[6, 4400]] }]);
  });

  it('the first arrival of what came twice', () => {
    const log = logOf([7, 1], [8, 2], [7, 3], [8, 3]);
    expect(told(log).messages[0]?.arrivals).toEqual([
      [7, 4],
      [8, 8],
    ]);
  });

  it('what came late, with all that follows it, once it had been told as lost', () => {
    const log = logOf([10, 100], [12, 101], [13, 102]);
    told(log);
    log.received(11, 100, 150);
    expect(told(log).messages).toMatchObject([
      {
        base: 11,
        statuses: 3,
        count: 1,
        arrivals: [
          [11, 600],
          [12, 404],
          [13, 408],
        ],
      },
    ]);
  });

  it('of what was sent before the first packet as of any other', () => {
    expect(told(logOf([0, 100], [0xffff, 101])).messages).toMatchObject([
      {
        base: 0xffff,
        statuses: 2,
        arrivals: [
          [0xffff, 404],
          [0, 400],
        ],
      },
    ]);
  });

  it('of a jump no more than the last 2048, and nothing of before a new beginning', () => {
    expect(told(logOf([0, 100], [5000, 101])).messages).toMatchObject([
      { base: 5000 - WINDOW + 1, statuses: WINDOW, arrivals: [[5000, 404]] },
    ]);
    expect(told(logOf([20_000, 100], [1000, 101], [1001, 102])).messages).toMatchObject([
      { base: 1001, statuses: 1, arrivals: [[1001, 408]] },
    ]);
  });

  it('in as many messages and datagrams as it needs', () => {
    const log = new ArrivalLog();
    // Every second is lost and deltas are large, so that a message has place for some hundreds.
    for (let i = 0; i < 1000; i++) log.received(2 * i, 100, 1000 + 100 * i);
    const { messages, datagrams } = told(log);
    expect([messages.length, datagrams]).toEqual([3, 3]);
    const arrivals = messages.flatMap((message) => message.arrivals);
    expect(arrivals).toEqual(Array.from({ length: 1000 }, (_, i) => [2 * i, 4000 + 400 * i]));
    expect(messages.map(({ count }) => count)).toEqual([0, 1, 2]);
  });

  it('what there was no room for in another datagram', () => {
    const log = logOf([1, 100], [2, 20_000]);
    const rtcp = new RtcpWriter().start(bytes, 0, 24);
    expect(log.write(rtcp, 1, 2)).toBe(false);
    expect([rtcp.length, log.nextDeadline]).toEqual([24, 200]);
    expect(told(log).messages).toMatchObject([{ base: 2, count: 1, arrivals: [[2, 80_000]] }]);
  });

  it('with counts of eight bits, and arrivals of 32', () => {
    const log = new ArrivalLog();
    const counts = Array.from({ length: 257 }, (_, i) => {
      log.received(i, 100, i);
      return told(log).messages[0]?.count;
    });
    expect([counts[0], counts[255], counts[256]]).toEqual([0, 255, 0]);
    const [message] = told(logOf([1, 2 ** 30 - 1], [2, 2 ** 30], [3, 2 ** 30 + 1])).messages;
    expect(message?.arrivals.map(([, at]) => at & 0x7f_ffff)).toEqual([0x7f_fffc, 0, 4]);
  });
});

/** A packet of the sender: how many are lost before it, when it comes, whether it does so again. */
const packet = fc.record({
  lost: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 30 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3000 }) },
  ),
  wait: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 40 }).map((n) => n / 4),
  ),
  late: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 60 })),
  twice: fc.boolean(),
  bytes: fc.integer({ min: 20, max: 1200 }),
});

/** Sequence number, time and size of what comes, in the order it does. */
function sent(first: number, packets: (typeof packet extends fc.Arbitrary<infer T> ? T : never)[]) {
  const arrivals: { number: number; at: number; bytes: number }[] = [];
  let number = first;
  let at = 1e6;
  for (const { lost, wait, late, twice, bytes: size } of packets) {
    number += lost + 1;
    at += wait;
    arrivals.push({ number, at: at + late, bytes: size });
    if (twice) arrivals.push({ number, at: at + late + 5, bytes: size });
  }
  return arrivals.toSorted((a, b) => a.at - b.at);
}

describe('whatever is lost, late or repeated', () => {
  it('each packet is told with the time it came, no other is, and no feedback is early', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff }),
        fc.array(packet, { minLength: 1, maxLength: 150 }),
        (first, packets) => {
          const log = new ArrivalLog();
          const came = new Map<number, number>();
          const heard = new Map<number, number>();
          let highest = 0;
          let messagesBefore = 0;
          let lastAt = -Infinity;
          const listen = (now: number): void => {
            expect(now - lastAt).toBeGreaterThanOrEqual(50);
            lastAt = now;
            for (const { count, arrivals } of told(log).messages) {
              expect(count).toBe(messagesBefore++ & 0xff);
              for (const [number, at] of arrivals) heard.set(number, at);
            }
          };
          for (const { number, at, bytes: size } of sent(first, packets)) {
            while (log.nextDeadline <= at) listen(log.nextDeadline);
            // SRTP lets nothing through that is so far behind.
            if (number < highest - 1000) continue;
            log.received(number & 0xffff, size, at);
            // What the log may pass over: too late, or gone before it was told.
            highest = Math.max(highest, number);
            if (number < highest - LATE_MAX || came.has(number)) continue;
            came.set(number, at);
            for (const old of came.keys()) if (old <= highest - WINDOW) came.delete(old);
          }
          while (log.nextDeadline < Infinity) listen(log.nextDeadline);
          for (const [number, at] of came) {
            expect([number, heard.get(number & 0xffff)]).toEqual([number, (at * 4) | 0]);
          }
          const numbers = new Set(sent(first, packets).map(({ number }) => number & 0xffff));
          for (const number of heard.keys()) expect(numbers.has(number)).toBe(true);
        },
      ),
    );
  });

  it('nothing throws, messages are well-formed, and all is told in bounded space', () => {
    const step = fc.record({
      number: fc.oneof(
        fc.nat({ max: 0xffff }),
        fc.nat({ max: 300 }),
        fc.constantFrom(0xff00, 0x8000),
      ),
      wait: fc.oneof(fc.constant(0), fc.nat({ max: 20_000 })),
      listen: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const log = new ArrivalLog();
        let now = 0;
        for (const { number, wait, listen } of steps) {
          now += wait;
          log.received(number, 1200, now);
          if (!listen) continue;
          const { messages } = told(log);
          expect(messages.length).toBeLessThanOrEqual(WINDOW);
          expect(messages.every(({ statuses }) => statuses <= WINDOW)).toBe(true);
          expect(log.nextDeadline).toBe(Infinity);
        }
      }),
    );
  });

  it('allocates nothing', () => {
    const log = new ArrivalLog();
    const rtcp = new RtcpWriter();
    const next = boxedTimes(0.4);
    let number = 0;
    let written = 0;
    const operation = (): void => {
      const now = next();
      number += 2;
      log.received(number & 0xffff, 1200, now);
      log.received((number - 3) & 0xffff, 1200, now);
      if (!log.due(now)) return;
      if (!log.write(rtcp.start(bytes, 0, ROOM), 0xf000_0001, 0xf000_0002)) throw new Error('room');
      written += rtcp.length;
    };
    expect(bytesPerOperation(operation)).toBeLessThan(1);
    expect(written).toBeGreaterThan(10_000);
  });
});
