// What RFC 3550 leaves open of reception statistics; the rest is in test/rfc/rfc3550-reception.

import { expect, it } from 'vitest';
import { ReceiveStatistics } from '../../../sfu/feedback/receive-statistics.ts';
import { ReportBlock, SenderInfo } from '../../../sfu/rtp/rtcp-reports.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

it('counts packets and bytes in all, also those of a source that began anew', () => {
  const statistics = new ReceiveStatistics(1, 48_000);
  statistics.received(0x1_0000, 0, 100, 0);
  statistics.received(0x1_0000, 0, 20, 0);
  statistics.received(0x1_9000, 0, 3, 0);
  expect([statistics.packets, statistics.bytes]).toEqual([3, 123]);
  expect(statistics.cumulativeLost).toBe(0);
});

it('takes no jitter from a timestamp that jumps by more than five seconds, and goes on after it', () => {
  const statistics = new ReceiveStatistics(1, 1000);
  statistics.received(0x1_0000, 0, 1, 0);
  statistics.received(0x1_0001, 5001, 1, 0);
  expect(statistics.jitter).toBe(0);
  statistics.received(0x1_0002, 5001 + 1600, 1, 0);
  expect(statistics.jitter).toBe(100);
  statistics.received(0x1_0003, 0, 1, 0);
  expect(statistics.jitter).toBe(100);
});

it('allocates nothing', () => {
  const statistics = new ReceiveStatistics(0xf000_0001, 90_000);
  const block = new ReportBlock();
  const info = new SenderInfo();
  const next = boxedTimes(0.7);
  let sequence = 0x1_0000;
  const operation = (): void => {
    const now = next();
    statistics.received(sequence, 0x8000_0000 + (sequence & 0xfff), 1200, now);
    statistics.received(sequence - 1, 0x8000_0000 + (sequence & 0xffff), 1200, now);
    sequence += 2;
    if ((sequence & 0xff) === 0) {
      info.ntpFraction = 0xf000_0000;
      statistics.senderReport(info, now);
      if (!statistics.report(block, now)) throw new Error('no report');
    }
  };
  expect(bytesPerOperation(operation)).toBeLessThan(1);
});
