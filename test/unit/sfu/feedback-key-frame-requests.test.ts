// Requests for key frames: merged, repeated, and never more than a publisher can bear.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyFrameRequests } from '../../../sfu/feedback/key-frame-requests.ts';
import { RtcpWriter } from '../../../sfu/rtp/rtcp-writer.ts';
import { hex } from './build-rtp.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

const MERGE_MS = 500;
const REPEAT_MS = 1000;
const REPEATS_MAX = 5;
const IN_TEN_SECONDS_MAX = 15;

const bytes = Buffer.alloc(100);

function written(requests: KeyFrameRequests): Buffer {
  const rtcp = new RtcpWriter().start(bytes, 0, 100);
  expect(requests.write(rtcp, 0xf000_0001, 0xf000_0002)).toBe(true);
  return bytes.subarray(0, rtcp.length);
}

/** The times until `end` at which requests go out by themselves. */
function sentUntil(requests: KeyFrameRequests, end: number): number[] {
  const sent: number[] = [];
  while (requests.nextDeadline <= end) {
    const now = requests.nextDeadline;
    expect([requests.due(now - 0.1), requests.due(now)]).toEqual([false, true]);
    sent.push(now);
  }
  return sent;
}

describe('a wish for a key frame', () => {
  it('goes out at once', () => {
    const requests = new KeyFrameRequests(false);
    expect([requests.nextDeadline, requests.due(1e9)]).toEqual([Infinity, false]);
    requests.wish(70);
    expect([requests.nextDeadline, requests.due(70), requests.due(70)]).toEqual([70, true, false]);
  });

  it('is one with all that follow within half a second of the request', () => {
    const requests = new KeyFrameRequests(false);
    requests.wish(0);
    requests.due(0);
    for (const now of [1, 100, 499]) {
      requests.wish(now);
      expect(requests.due(now)).toBe(false);
    }
    expect(requests.nextDeadline).toBe(MERGE_MS);
    expect([requests.due(MERGE_MS), requests.due(MERGE_MS)]).toEqual([true, false]);
    requests.wish(2 * MERGE_MS);
    expect(requests.due(2 * MERGE_MS)).toBe(true);
  });

  it('has come true when a key frame starts', () => {
    const requests = new KeyFrameRequests(false);
    requests.wish(0);
    requests.due(0);
    requests.wish(100);
    requests.keyFrameStarted();
    expect([requests.nextDeadline, requests.due(1e9)]).toEqual([Infinity, false]);
    requests.wish(200);
    expect(sentUntil(requests, 600)).toEqual([MERGE_MS]);
  });

  it('is repeated each second, five times, and then let go', () => {
    const requests = new KeyFrameRequests(false);
    requests.wish(0);
    const times = Array.from({ length: REPEATS_MAX + 1 }, (_, i) => i * REPEAT_MS);
    expect(sentUntil(requests, 1e9)).toEqual(times);
    expect(requests.nextDeadline).toBe(Infinity);
    requests.wish(1e6);
    expect(sentUntil(requests, 1e9)).toEqual(times.map((time) => 1e6 + time));
  });

  it('goes out each second still where there are always more', () => {
    const requests = new KeyFrameRequests(false);
    const sent: number[] = [];
    for (let now = 0; now < 20_000; now += 10) {
      requests.wish(now);
      if (requests.due(now)) sent.push(now);
    }
    // One each half second, until the five there are and those that came in between are used up.
    expect(sent.slice(0, 9)).toEqual(Array.from({ length: 9 }, (_, i) => i * MERGE_MS));
    expect(sent.slice(9)).toEqual(Array.from({ length: 15 }, (_, i) => 5000 + i * REPEAT_MS));
    expect(sent.filter((time) => time < 10_000).length).toBeLessThanOrEqual(IN_TEN_SECONDS_MAX);
  });
});

describe('a request', () => {
  it('is a PLI', () => {
    const requests = new KeyFrameRequests(false);
    requests.wish(0);
    requests.due(0);
    expect(written(requests)).toEqual(hex('81ce0002 f0000001 f0000002'));
    expect(requests.write(new RtcpWriter().start(bytes, 0, 11), 1, 2)).toBe(false);
  });

  it('is an FIR where there is nothing else, whose number a repetition keeps', () => {
    const requests = new KeyFrameRequests(true);
    const numbers: number[] = [];
    for (const now of [0, 1000, 2000]) {
      if (now !== 1000) requests.wish(now);
      expect(requests.due(now)).toBe(true);
      const request = written(requests);
      expect(request.subarray(0, 16)).toEqual(hex('84ce0004 f0000001 00000000 f0000002'));
      numbers.push(request.readUInt32BE(16) / 2 ** 24);
    }
    expect(numbers).toEqual([0, 0, 1]);
    for (let i = 0; i < 255; i++) {
      requests.keyFrameStarted();
      requests.wish(1e6 + 1000 * i);
      expect(requests.due(1e6 + 1000 * i)).toBe(true);
    }
    expect(written(requests)[16]).toBe(0);
  });
});

describe('whatever is wished', () => {
  const step = fc.record({
    wait: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 700 }), fc.nat({ max: 20_000 })),
    what: fc.constantFrom('wish', 'wish', 'wish', 'keyFrame', 'nothing'),
  });

  it('no more than 15 requests go out in ten seconds, none sooner than half a second after another', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const requests = new KeyFrameRequests(false);
        const sent: number[] = [];
        let now = 1e6;
        let wishedAt = Infinity;
        for (const { wait, what } of steps) {
          now += wait;
          for (const time of sentUntil(requests, now)) {
            sent.push(time);
            // None waits longer than a second for its request.
            expect(time - wishedAt <= REPEAT_MS || wishedAt === Infinity).toBe(true);
            wishedAt = Infinity;
          }
          expect(now - wishedAt <= REPEAT_MS || wishedAt === Infinity).toBe(true);
          if (what === 'wish') {
            requests.wish(now);
            wishedAt = Math.min(wishedAt, now);
          } else if (what === 'keyFrame') {
            requests.keyFrameStarted();
            wishedAt = Infinity;
          }
        }
        sent.push(...sentUntil(requests, now + 1e6));
        expect(requests.nextDeadline).toBe(Infinity);
        for (const [i, time] of sent.entries()) {
          expect(time - (sent[i - 1] ?? -Infinity)).toBeGreaterThanOrEqual(MERGE_MS);
          const within = sent.slice(i).filter((other) => other - time < 10_000);
          expect(within.length).toBeLessThanOrEqual(IN_TEN_SECONDS_MAX);
        }
      }),
    );
  });

  it('allocates nothing', () => {
    const requests = new KeyFrameRequests(true);
    const rtcp = new RtcpWriter();
    const next = boxedTimes(0.9);
    let sent = 0;
    const operation = (): void => {
      const now = next();
      requests.wish(now);
      if (!requests.due(now)) return;
      sent++;
      if (!requests.write(rtcp.start(bytes, 0, 100), 1, 2)) throw new Error('no room');
      if ((sent & 1) === 0) requests.keyFrameStarted();
    };
    expect(bytesPerOperation(operation)).toBeLessThan(1);
    expect(sent).toBeGreaterThan(2);
  });
});
