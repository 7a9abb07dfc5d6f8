// What the connections of a TCP allocation may carry (RFC 6062): limits of the allocation, the user and all hold for
// the bytes of streams, and the worker sees what was counted on the other thread.

import { describe, expect, it } from 'vitest';
import { Commons, TcpMeter } from '../../../turn/index.ts';
import type { SharedBandwidthLimits } from '../../../turn/shared-bandwidth.ts';
import { commonsMemory } from '../../support/turn/world.ts';

const RATE = 128_000;
const NOW = 5000;

const commonsWith = (bandwidth: Partial<SharedBandwidthLimits>): Commons =>
  new Commons(commonsMemory({ bandwidth }, 1), 0);

const meterOf = ({ bandwidth }: Commons, perSecond: number, user = 'anna'): TcpMeter =>
  new TcpMeter(TcpMeter.memory(perSecond, bandwidth.open(user)), bandwidth);

/** All that goes at that time of what one would like to send. */
function granted(meter: TcpMeter, asked: number, now: number): number {
  let sum = 0;
  while (sum < asked) {
    const piece = meter.spend(asked - sum, now);
    if (piece === 0) break;
    sum += piece;
  }
  return sum;
}

/** Less than the smallest piece that is asked for stays behind. */
const nearly = (bytes: number): unknown =>
  expect.toSatisfy((sum: number) => sum <= bytes && sum > bytes - 256, `nearly ${bytes}`);

describe('what may go', () => {
  it('is everything, at once, where there is no limit', () => {
    expect(meterOf(commonsWith({}), 0).spend(1e9, NOW)).toBe(1e9);
  });

  it('is a second of the limit of the allocation, and then what comes with time', () => {
    const commons = commonsWith({});
    const [one, other] = [meterOf(commons, RATE), meterOf(commons, RATE)];
    expect(granted(one, 1e6, NOW)).toEqual(nearly(RATE));
    expect(granted(one, 1e6, NOW)).toBe(0);
    expect(granted(one, 1e6, NOW + 500)).toEqual(nearly(RATE / 2));
    expect(granted(other, 1e6, NOW)).toEqual(nearly(RATE));
  });

  it('is one piece at a time, so that others come to theirs', () => {
    expect(meterOf(commonsWith({}), RATE).spend(1e6, NOW)).toBe(16_384);
  });

  it('is one for all allocations of a user', () => {
    const commons = commonsWith({ perUser: RATE });
    const [one, two, other] = [
      meterOf(commons, 0),
      meterOf(commons, 0),
      meterOf(commons, 0, 'bert'),
    ];
    expect(granted(one, 100_000, NOW)).toBe(100_000);
    expect(granted(two, 1e6, NOW)).toEqual(nearly(RATE - 100_000));
    expect(granted(other, 1e6, NOW)).toEqual(nearly(RATE));
  });

  it('is one for all, with what goes by UDP', () => {
    const commons = commonsWith({ total: RATE });
    expect(commons.bandwidth.take(-1, 60_000, NOW)).toBe(true);
    expect(granted(meterOf(commons, 0), 1e6, NOW)).toEqual(nearly(RATE - 60_000));
    expect(commons.bandwidth.take(-1, 1000, NOW)).toBe(false);
  });

  it('takes nothing of the allocation where the total has nothing left', () => {
    const commons = commonsWith({ total: RATE });
    const meter = meterOf(commons, RATE / 2);
    expect(commons.bandwidth.take(-1, RATE, NOW)).toBe(true);
    expect(granted(meter, 1e6, NOW)).toBe(0);
    expect(granted(meter, 1e6, NOW + 500)).toEqual(nearly(RATE / 2));
  });

  it('is little, but something, where datagrams leave little', () => {
    const commons = commonsWith({ total: RATE });
    expect(commons.bandwidth.take(-1, RATE - 700, NOW)).toBe(true);
    expect(granted(meterOf(commons, 0), 1e6, NOW)).toBeGreaterThan(0);
  });
});

it('another thread has the same counts and the same limit', () => {
  const commons = commonsWith({});
  const here = meterOf(commons, RATE);
  const there = new TcpMeter(structuredClone(here.memory), commons.bandwidth);
  there.sent(5);
  there.received(2 ** 40);
  there.received(1);
  expect([here.sentBytes, here.receivedBytes]).toEqual([5, 2 ** 40 + 1]);
  expect(granted(there, 1e6, NOW)).toEqual(nearly(RATE));
  expect(granted(here, 1e6, NOW)).toBe(0);
});
