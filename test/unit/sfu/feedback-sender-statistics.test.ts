// What a hostile receiver may make of the statistics of a sender; the rest is in test/rfc/rfc3550-sender.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RtcpSchedule } from '../../../sfu/feedback/rtcp-schedule.ts';
import { SenderStatistics } from '../../../sfu/feedback/sender-statistics.ts';
import { ReportBlock, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

const SSRC = 0xf000_0001;
const WALL_MS = 1.7e12;

/** One that sent ten packets, and reports at 0, 1000 and so on. */
function reporting(reports: number): { source: SenderStatistics; middles: number[] } {
  const source = new SenderStatistics(SSRC, 1000);
  for (let i = 0; i < 10; i++) source.sent(i, 100, i);
  const info = new SenderInfo();
  const middles = Array.from({ length: reports }, (_, i) => {
    source.report(info, WALL_MS + 1000 * i, 1000 * i);
    return info.middle;
  });
  return { source, middles };
}

function block(fields: Partial<ReportBlock>): ReportBlock {
  return Object.assign(new ReportBlock(), { ssrc: SSRC }, fields);
}

it('takes fractions, losses and jitter within what can be', () => {
  const { source } = reporting(1);
  source.reported(block({ fractionLost: 64, cumulativeLost: 3, jitter: 25 }), 100);
  expect(source).toMatchObject({ fractionLost: 0.25, cumulativeLost: 3, jitterMs: 25 });
  source.reported(
    block({ fractionLost: 255, cumulativeLost: 0x7f_ffff, jitter: 2 ** 32 - 1 }),
    100,
  );
  expect(source).toMatchObject({ fractionLost: 255 / 256, cumulativeLost: 10, jitterMs: 10_000 });
  source.reported(block({ cumulativeLost: -5 }), 100);
  expect(source).toMatchObject({ fractionLost: 0, cumulativeLost: 0, jitterMs: 0 });
});

it('takes no block of another source', () => {
  const { source, middles } = reporting(1);
  const answer = block({ ssrc: 1, fractionLost: 9, lastSenderReport: middles[0]! });
  expect(source.reported(answer, 100)).toBe(false);
  expect(source).toMatchObject({ fractionLost: 0, rttMs: Number.NaN });
});

it('knows the last eight of its reports, and no other', () => {
  const { source, middles } = reporting(9);
  const rttOf = (lastSenderReport: number): number => {
    source.rttMs = Number.NaN;
    source.reported(block({ lastSenderReport }), 8100);
    return source.rttMs;
  };
  expect(middles.map(rttOf)).toEqual([
    Number.NaN,
    ...Array.from({ length: 8 }, (_, i) => 7100 - 1000 * i),
  ]);
  expect(rttOf(middles[8]! + 1)).toBeNaN();
});

it('takes a round trip between nothing and ten seconds, whatever was answered', () => {
  const { source, middles } = reporting(1);
  const answer = block({ lastSenderReport: middles[0]!, delaySinceLastSenderReport: 65_536 });
  source.reported(answer, 999);
  expect(source.rttMs).toBe(0);
  source.reported(answer, 11_000);
  expect(source.rttMs).toBe(10_000);
  source.reported(answer, 11_001);
  expect(source.rttMs).toBe(10_000);
  const hostile = fc.record({
    lastSenderReport: fc.oneof(fc.constantFrom(...middles), fc.nat({ max: 0xffff_ffff })),
    delaySinceLastSenderReport: fc.nat({ max: 0xffff_ffff }),
    jitter: fc.nat({ max: 0xffff_ffff }),
    cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
  });
  fc.assert(
    fc.property(hostile, fc.nat({ max: 20_000 }), (fields, now) => {
      source.reported(block(fields), now);
      expect(source.rttMs).toBeGreaterThanOrEqual(0);
      expect(source.rttMs).toBeLessThanOrEqual(10_000);
      expect(source.jitterMs).toBeLessThanOrEqual(10_000);
      expect(source.cumulativeLost).toBeGreaterThanOrEqual(0);
      expect(source.cumulativeLost).toBeLessThanOrEqual(10);
    }),
  );
});

it('allocates nothing for a packet', () => {
  const source = new SenderStatistics(SSRC, 90_000);
  const schedule = new RtcpSchedule(() => 0.25);
  const info = new SenderInfo();
  const answer = block({ jitter: 77 });
  const next = boxedTimes(0.7);
  schedule.start(next());
  let timestamp = 0;
  let reports = 0;
  const operation = (): void => {
    const now = next();
    timestamp = (timestamp + 1000) & 0xfff_ffff;
    source.sent(0xf000_0000 + timestamp, 1200, now);
    if (!schedule.due(now)) return;
    reports++;
    source.report(info, WALL_MS, now);
    answer.lastSenderReport = info.middle;
    source.reported(answer, now);
  };
  expect(bytesPerOperation(operation)).toBeLessThan(1);
  expect(reports).toBeGreaterThan(2);
});
