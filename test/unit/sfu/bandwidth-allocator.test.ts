// Who is given what of a network that does not carry everything.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Claim, PAUSED, shareOut } from '../../../sfu/bandwidth/allocator.ts';
import { operatingPoint, POINTS } from '../../../sfu/rtp/packet-layers.ts';

const RATES = [150_000, 500_000, 1_500_000];

function claim(priority = 1, rates: readonly number[] = RATES): Claim {
  const one = new Claim();
  one.priority = priority;
  for (const [size, bps] of rates.entries()) one.bps[operatingPoint(size, 0)] = bps;
  return one;
}

/** What each is given, and what all would take that is wanted. */
function share(claims: readonly Claim[], bps: number, now = 0): number[] {
  shareOut(claims, bps, false, now);
  for (const one of claims) one.settle(now);
  return claims.map(({ layer }) => layer);
}

describe('a network', () => {
  it('that carries everything carries it, and what is wanted is told', () => {
    const claims = [claim(), claim()];
    expect(shareOut(claims, 10_000_000, false, 0)).toBe(3_000_000);
    expect(share(claims, 10_000_000)).toEqual([2, 2]);
    expect(claims.map(({ reason }) => reason)).toEqual(['best', 'best']);
  });

  it('gives everybody the lowest first, then more to whoever matters more', () => {
    expect(share([claim(2), claim(1), claim(1)], 1_000_000)).toEqual([1, 0, 0]);
    expect(share([claim(2), claim(1), claim(1)], 2_200_000)).toEqual([2, 0, 0]);
  });

  it('is shared alike by those who matter alike', () => {
    expect(share([claim(), claim(), claim()], 2_000_000)).toEqual([1, 1, 1]);
  });

  it('pauses what does not fit, but never the first', () => {
    const claims = [claim(2), claim(1)];
    expect(share(claims, 10_000)).toEqual([0, PAUSED]);
    expect(claims.map(({ reason }) => reason)).toEqual(['bandwidth', 'bandwidth']);
  });

  it('has encodings that are not sent, and wishes that end below the best', () => {
    const limited = claim();
    limited.wanted = 1;
    const lacking = claim(1, [150_000, 0, 1_500_000]);
    const narrow = claim(1, [150_000, 0, 0]);
    expect(share([limited, lacking, narrow], 10_000_000)).toEqual([1, 2, 0]);
    expect([limited, lacking, narrow].map(({ reason }) => reason)).toEqual([
      'limit',
      'best',
      'publisher',
    ]);
  });
});

describe('a change', () => {
  it('down behind a full queue is to the lowest size, whose key frame is through in no time', () => {
    const claims = [claim(), claim(1, [150_000, 500_000])];
    share(claims, 3_000_000);
    claims[0]!.bps[operatingPoint(0, 2)] = 200_000;
    shareOut(claims, 1_200_000, true, 100);
    expect(claims.map(({ next }) => next)).toEqual([operatingPoint(0, 2), operatingPoint(1, 0)]);
    expect(share(claims, 1_200_000, 100)).toEqual([1, 1]);
  });

  it('down comes at once, and up when there is more room than that', () => {
    const one = claim();
    share([one], 2_000_000);
    expect(share([one], 1_400_000, 100)).toEqual([1]);
    expect(share([one], 1_510_000, 60_000)).toEqual([1]);
    expect(share([one], 1_800_000, 60_000)).toEqual([2]);
  });

  it('up waits the longer the oftener it did not last', () => {
    const one = claim();
    let now = 0;
    const waits = [0, 1, 2, 3].map(() => {
      share([one], 3_000_000, now);
      share([one], 600_000, (now += 500));
      const fellAt = now;
      while (share([one], 3_000_000, now)[0] !== 2) now += 100;
      return now - fellAt;
    });
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[0]).toBeGreaterThanOrEqual(1000);
    expect(waits.at(-1)).toBeLessThanOrEqual(8000);
    expect(waits.at(-1)).toBeGreaterThan(waits[0]!);
  });

  it('up needs more room than usual soon after a fall', () => {
    const one = claim();
    share([one], 3_000_000);
    expect(share([one], 600_000, 500)).toEqual([1]);
    expect(share([one], 2_000_000, 9000)).toEqual([1]);
    expect(share([one], 2_000_000, 11_000)).toEqual([2]);
  });

  it('up soon after a fall is not to a size whose key frame takes long to get through', () => {
    const one = claim();
    one.keyBits.set([40_000, 500_000, 2_000_000]);
    share([one], 3_000_000);
    expect(share([one], 400_000, 500)).toEqual([0]);
    // Half a megabit is half a second of it.
    expect(share([one], 1_000_000, 9000)).toEqual([0]);
    one.keyBits[1] = 250_000;
    expect(share([one], 1_000_000, 9000)).toEqual([1]);
    expect(share([one], 400_000, 9500)).toEqual([0]);
    one.keyBits[1] = 500_000;
    expect(share([one], 1_000_000, 20_000)).toEqual([1]);
  });

  it('takes frames before size, and no larger picture that stutters', () => {
    const one = claim();
    one.bps.set([60, 100, 150, 250, 380, 500, 800, 1200, 1500].map((kbps) => kbps * 1000));
    const points = [100, 130, 200, 350, 460, 600, 1300, 1500, 2000].map((kbps, i) => {
      share([one], kbps * 1000, i * 60_000);
      return [one.layer, one.temporal, one.temporalMax];
    });
    expect(points).toEqual([
      [0, 0, 0],
      [0, 1, 1],
      [0, 2, 2],
      [0, 2, 2],
      [1, 1, 1],
      [1, 2, 2],
      [1, 2, 2],
      [2, 1, 1],
      [2, 2, 2],
    ]);
    one.bps.set([0, 0, 0], 6);
    one.bps[5] = 0;
    share([one], 5_000_000, 1_000_000);
    // What is not known to be there is not kept out when it comes.
    expect([one.layer, one.temporal, one.temporalMax, one.reason]).toEqual([1, 1, 2, 'publisher']);
  });

  it('is news once', () => {
    const one = claim();
    share([one], 2_000_000);
    expect([one.isNews, one.isNews]).toEqual([true, false]);
    one.reset();
    share([one], 2_000_000);
    expect(one.isNews).toBe(true);
  });
});

it('never takes more than there is but for the lowest of the first, whatever there is', () => {
  const rates = fc.array(fc.nat(3_000_000), { minLength: POINTS, maxLength: POINTS });
  const claims = fc.array(fc.record({ rates, priority: fc.nat(3), wanted: fc.nat(2) }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(claims, fc.array(fc.nat(8_000_000), { maxLength: 6 }), (given, budgets) => {
      const all = given
        .toSorted((a, b) => b.priority - a.priority)
        .map(({ priority, wanted, rates: bps }) => {
          const one = Object.assign(claim(priority, []), { wanted });
          one.bps.set(bps);
          return one;
        });
      for (const [i, budget] of budgets.entries()) {
        share(all, budget, i * 300);
        const sums = all.map((one) => one.cost(one.point));
        const taken = sums.reduce((sum, bps) => sum + bps, 0);
        const spared = all[0]!.cost(all[0]!.lowest());
        expect(taken).toBeLessThanOrEqual(Math.max(budget, spared));
        const unsent = all.filter(({ point, bps }) => point !== PAUSED && bps[point] === 0);
        expect(unsent).toEqual([]);
      }
    }),
  );
});
