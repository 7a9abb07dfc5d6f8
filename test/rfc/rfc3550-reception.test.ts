// Reception reports: what came of a source, as RFC 3550 counts it.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveStatistics } from '../../sfu/feedback/receive-statistics.ts';
import {
  SEQUENCE_LATE,
  SEQUENCE_RESTART,
  SEQUENCE_STRAY,
  SequenceUnwrapper,
} from '../../sfu/feedback/sequence-unwrapper.ts';
import { ReportBlock, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';

const SSRC = 0xfedc_ba98;
const CLOCK_RATE = 90_000;

/** A source of video whose packets are given by their 16-bit numbers. */
class Source {
  readonly statistics = new ReceiveStatistics(SSRC, CLOCK_RATE);
  readonly #unwrapper = new SequenceUnwrapper();

  came(...numbers: number[]): this {
    for (const number of numbers) {
      if (this.#unwrapper.unwrap(number) === SEQUENCE_STRAY) continue;
      this.statistics.received(this.#unwrapper.extended, 0, 100, 0);
    }
    return this;
  }

  /** The block there would be now; undefined for none. */
  report(now = 0): ReportBlock | undefined {
    const block = new ReportBlock();
    return this.statistics.report(block, now) ? block : undefined;
  }

  /** Lost of 256, and in all. */
  lost(): [number, number] | undefined {
    const block = this.report();
    return block && [block.fractionLost, block.cumulativeLost];
  }
}

describe('sequence numbers', () => {
  it('RFC 3550 appendix A.1: a number far from the others is taken when the next one follows it', () => {
    const unwrapper = new SequenceUnwrapper();
    unwrapper.unwrap(60_000);
    expect([50_000, 50_002, 50_003].map((number) => unwrapper.unwrap(number))).toEqual([
      SEQUENCE_STRAY,
      SEQUENCE_STRAY,
      SEQUENCE_RESTART,
    ]);
    expect(unwrapper.unwrap(49_999)).toBe(SEQUENCE_LATE);
  });

  it('RFC 3550 appendix A.1: what is counted begins anew with such a source', () => {
    const source = new Source().came(60_000, 60_001, 60_005);
    expect(source.lost()).toEqual([128, 3]);
    expect(source.came(50_000, 50_001, 50_003).report()).toMatchObject({
      fractionLost: Math.floor(256 / 3),
      cumulativeLost: 1,
      highestSequence: 0x1_0000 + 50_003,
    });
  });

  it('RFC 3550 s6.4.1: the highest sequence number is extended by cycles, which begin with zero', () => {
    const source = new Source().came(0xfff0, 0xfffe);
    expect(source.report()?.highestSequence).toBe(0xfffe);
    expect(source.came(2, 0xffff).report()?.highestSequence).toBe(0x1_0002);
    const turns = new Source().came(0);
    for (let i = 0; i <= 0x1_0000; i++) turns.came(0x5000, 0xa000, 0xffff);
    // 32 bits of it are told.
    expect(turns.report()?.highestSequence).toBe(0xffff);
  });
});

describe('packets lost', () => {
  it('RFC 3550 appendix A.3: those expected less those that came, in the interval and in all', () => {
    const source = new Source().came(10, 11, 13, 14);
    expect(source.lost()).toEqual([Math.floor(256 / 5), 1]);
    expect(source.came(15, 16, 20, 21).lost()).toEqual([Math.floor((256 * 3) / 7), 4]);
    expect(source.came(22).lost()).toEqual([0, 4]);
  });

  it('RFC 3550 s6.4.1: late and repeated packets count as received, and loss may be negative', () => {
    const source = new Source().came(10, 13);
    expect(source.lost()).toEqual([128, 2]);
    expect(source.came(11, 12).lost()).toEqual([0, 0]);
    expect(source.came(13, 13, 14).lost()).toEqual([0, -2]);
  });

  it('RFC 3550 s6.4: there is no block for a source of which nothing came since the last report', () => {
    const source = new Source();
    expect(source.report()).toBeUndefined();
    expect(source.came(10).lost()).toEqual([0, 0]);
    expect(source.report()).toBeUndefined();
    // What that interval had lost belongs to the next one.
    expect(source.came(13).lost()).toEqual([Math.floor((256 * 2) / 3), 2]);
  });

  it('RFC 3550 s6.4.1: the cumulative number stays within 24 bits', () => {
    const many = new Source().came(0);
    for (let i = 1; i <= 300; i++) many.came((i * 0x7fff) & 0xffff);
    expect(many.lost()).toEqual([255, 0x7f_ffff]);
    const repeated = new Source();
    for (let i = 0; i <= 0x80_0010; i++) repeated.statistics.received(0x1_0000, 0, 1, 0);
    expect(repeated.lost()).toEqual([0, -0x80_0000]);
  });

  it('RFC 3550 appendix A.3: the report is that of the formulas, whatever was lost or repeated', () => {
    const packet = fc.record({
      lost: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 3000 })),
      copies: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 3 })),
      report: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff }),
        fc.array(packet, { maxLength: 80 }),
        (first, packets) => {
          const source = new Source().came(first);
          let [sent, expected, received] = [first, 1, 1];
          let [expectedBefore, receivedBefore] = [0, 0];
          const reports: unknown[] = [];
          const wanted: unknown[] = [];
          for (const { lost, copies, report } of packets) {
            sent += lost + 1;
            for (let i = 0; i < copies; i++) source.came(sent & 0xffff);
            received += copies;
            if (copies > 0) expected = sent - first + 1;
            if (!report) continue;
            const interval = expected - expectedBefore;
            const gone = interval - (received - receivedBefore);
            const fraction = interval === 0 || gone <= 0 ? 0 : Math.floor((gone * 256) / interval);
            const silent = received === receivedBefore;
            wanted.push(silent ? undefined : [fraction, expected - received]);
            reports.push(source.lost());
            if (!silent) [expectedBefore, receivedBefore] = [expected, received];
          }
          expect(reports).toEqual(wanted);
        },
      ),
    );
  });
});

/** What remains after packets of these timestamps and arrivals in ms. */
function jitterOf(packets: readonly (readonly [timestamp: number, at: number])[]): number {
  const statistics = new ReceiveStatistics(SSRC, CLOCK_RATE);
  let sequence = 0x1_0000;
  for (const [timestamp, at] of packets) {
    statistics.received(sequence++, timestamp >>> 0, 1, at);
  }
  return statistics.jitter;
}

describe('interarrival jitter', () => {
  it('RFC 3550 appendix A.8: a sixteenth of each difference of transit times', () => {
    expect(jitterOf([[0, 1000]])).toBe(0);
    expect(jitterOf([0, 1, 2, 3].map((i) => [3600 * i, 1000 + 40 * i]))).toBe(0);
    // 16 ms late: 1440 units, of which a sixteenth; then 16 ms early.
    expect(
      jitterOf([
        [0, 1000],
        [3600, 1056],
      ]),
    ).toBe(90);
    expect(
      jitterOf([
        [0, 1000],
        [3600, 1056],
        [7200, 1080],
      ]),
    ).toBe(90 + Math.round((1440 - 90) / 16));
  });

  it('RFC 3550 s6.4.1: packets count in the order of their arrival, over the wrap of timestamps', () => {
    expect(
      jitterOf([
        [-3600, 1000],
        [0, 1040],
        [3600, 1080],
      ]),
    ).toBe(0);
    expect(
      jitterOf([
        [0x7fff_ffff, 1000],
        [0x8000_0000 + 3599, 1040],
      ]),
    ).toBe(0);
    expect(
      jitterOf([
        [3600, 1000],
        [0, 1000],
      ]),
    ).toBe(3600 / 16);
  });

  it('RFC 3550 appendix A.8: it is that of the formula, but for what no network does', () => {
    const packet = fc.record({
      timestamp: fc.integer({ min: -50_000, max: 50_000 }),
      arrival: fc.nat({ max: 40 }),
      jump: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }),
        fc.array(packet, { maxLength: 100 }),
        (first, packets) => {
          let [timestamp, at, exact, listed] = [first, 5e8, 0, 0];
          const sent: [number, number][] = [[timestamp, at]];
          for (const { timestamp: step, arrival, jump } of packets) {
            timestamp += jump ? 1_000_000 : step;
            at += arrival;
            sent.push([timestamp, at]);
            const before = sent.at(-2)!;
            const difference = Math.abs((at - before[1]) * 90 - (timestamp - before[0]));
            if (jump) continue;
            exact += (difference - exact) / 16;
            // The listing in integers, whose jitter is scaled by 16.
            listed += difference - ((listed + 8) >> 4);
          }
          expect(jitterOf(sent)).toBe(listed >> 4);
          expect(Math.abs(jitterOf(sent) - exact)).toBeLessThan(2);
        },
      ),
    );
  });
});

describe('the last sender report', () => {
  it('RFC 3550 s6.4.1: LSR and DLSR are zero until there was one', () => {
    expect(new Source().came(1).report(1e9)).toMatchObject({
      ssrc: SSRC,
      lastSenderReport: 0,
      delaySinceLastSenderReport: 0,
    });
  });

  it('RFC 3550 s6.4.1: LSR is the middle of its NTP timestamp, DLSR counts 1/65536 s', () => {
    const source = new Source().came(1);
    const info = Object.assign(new SenderInfo(), {
      ntpSeconds: 0xb44d_b705,
      ntpFraction: 0x2000_0000,
    });
    source.statistics.senderReport(info, 1000);
    expect(source.report(6250)).toMatchObject({
      lastSenderReport: 0xb705_2000,
      delaySinceLastSenderReport: 0x0005_4000,
    });
    expect(source.came(2).report(1000 + 2 ** 31)?.delaySinceLastSenderReport).toBe(0xffff_ffff);
  });
});
