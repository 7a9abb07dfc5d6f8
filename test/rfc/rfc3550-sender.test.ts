// Sender reports, what receivers answer to them, and when reports go out.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtcpSchedule } from '../../sfu/feedback/rtcp-schedule.ts';
import { SenderStatistics } from '../../sfu/feedback/sender-statistics.ts';
import { ReportBlock, SenderInfo } from '../../sfu/rtp/rtcp-reports.ts';

const SSRC = 0xfedc_ba98;
const CLOCK_RATE = 90_000;
/** 1900 to 1970. */
const NTP_UNIX_S = 2_208_988_800;

/** What would be reported then. */
function report(source: SenderStatistics, wallMs: number, now: number): SenderInfo | undefined {
  const info = new SenderInfo();
  return source.report(info, wallMs, now) ? info : undefined;
}

function block(fields: Partial<ReportBlock>): ReportBlock {
  return Object.assign(new ReportBlock(), { ssrc: SSRC }, fields);
}

describe('sender reports', () => {
  it('RFC 3550 s6.4.1: packets and payload octets count since the beginning, in 32 bits', () => {
    const source = new SenderStatistics(SSRC, CLOCK_RATE);
    expect(report(source, 0, 0)).toBeUndefined();
    for (let i = 0; i < 3; i++) source.sent(i, 1000 + i, i);
    expect(report(source, 0, 0)).toMatchObject({ packetCount: 3, octetCount: 3003 });
    source.sent(3, 0xffff_ffff - 3003 + 5, 3);
    expect(report(source, 0, 0)).toMatchObject({ packetCount: 4, octetCount: 4 });
  });

  it('RFC 3550 s4: an NTP timestamp counts seconds since 1900, and 1/2^32 of them', () => {
    const source = new SenderStatistics(SSRC, CLOCK_RATE);
    source.sent(0, 1, 0);
    expect(report(source, 0, 0)).toMatchObject({ ntpSeconds: NTP_UNIX_S, ntpFraction: 0 });
    expect(report(source, 1_700_000_000_750, 0)).toMatchObject({
      ntpSeconds: 3_908_988_800,
      ntpFraction: 0xc000_0000,
    });
    // In 2036 NTP begins anew.
    expect(report(source, 1000 * (2 ** 32 - NTP_UNIX_S + 7), 0)?.ntpSeconds).toBe(7);
  });

  it('RFC 3550 s6.4.1: the RTP timestamp is that of the same instant, on the clock of the packets', () => {
    const source = new SenderStatistics(SSRC, CLOCK_RATE);
    source.sent(1000, 1, 50);
    expect(report(source, 0, 50)?.rtpTimestamp).toBe(1000);
    expect(report(source, 0, 60.5)?.rtpTimestamp).toBe(1000 + 945);
    const wrapping = new SenderStatistics(SSRC, CLOCK_RATE);
    wrapping.sent(0xffff_ff00, 1, 100);
    expect(report(wrapping, 0, 110)?.rtpTimestamp).toBe(900 - 256);
  });

  it('RFC 3550 s6.4.1: it goes by the packets that are furthest ahead, and the first of each instant', () => {
    const source = new SenderStatistics(SSRC, CLOCK_RATE);
    source.sent(0xffff_ff00, 1, 100);
    source.sent(0xffff_ff00, 1, 103);
    source.sent(0xffff_ff00 - 3000, 1, 104);
    expect(report(source, 0, 110)?.rtpTimestamp).toBe(900 - 256);
    source.sent(3000, 1, 120);
    expect(report(source, 0, 120)?.rtpTimestamp).toBe(3000);
    // Another clock, by the look of it.
    source.sent(3000 - 5 * CLOCK_RATE, 1, 121);
    expect(report(source, 0, 121)?.rtpTimestamp).toBe((3000 - 5 * CLOCK_RATE) >>> 0);
  });

  it('RFC 3550 s6.4.1: two reports agree on how fast the clock runs, whenever they are made', () => {
    const step = fc.record({ wait: fc.nat({ max: 5000 }), send: fc.boolean() });
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }),
        fc.array(step, { maxLength: 50 }),
        (first, steps) => {
          const source = new SenderStatistics(SSRC, CLOCK_RATE);
          let now = 1e7;
          source.sent(first, 1, now);
          for (const { wait, send } of steps) {
            now += wait;
            const timestamp = (first + (now - 1e7) * 90) >>> 0;
            if (send) source.sent(timestamp, 1, now);
            expect(report(source, now + 1e12, now)?.rtpTimestamp).toBe(timestamp);
          }
        },
      ),
    );
  });
});

/** One that sent a packet. */
function sending(): SenderStatistics {
  const statistics = new SenderStatistics(SSRC, CLOCK_RATE);
  statistics.sent(0, 1, 0);
  return statistics;
}

describe('round trips', () => {
  it('RFC 3550 s6.4.1: the example of figure 2 has 6.125 s', () => {
    const statistics = sending();
    // NTP 0xb44db705:20000000, the report's LSR 0xb705:2000, its DLSR 5.250 s, its arrival 11.375 s later.
    const info = report(statistics, 1000 * (0xb44d_b705 - NTP_UNIX_S) + 125, 1e6);
    expect(info?.middle).toBe(0xb705_2000);
    expect(statistics.rttMs).toBeNaN();
    const answer = block({ lastSenderReport: 0xb705_2000, delaySinceLastSenderReport: 0x5_4000 });
    expect(statistics.reported(answer, 1e6 + 11_375)).toBe(true);
    expect(statistics.rttMs).toBe(6125);
  });

  it('RFC 3550 s6.4.1: there is none where the receiver had no report yet', () => {
    const statistics = sending();
    // Not even where that happens to be what was sent.
    expect(report(statistics, 1000 * (0xb44d_0000 - NTP_UNIX_S), 0)?.middle).toBe(0);
    statistics.reported(block({}), 100);
    expect(statistics.rttMs).toBeNaN();
  });

  it('RFC 3550 s6.4.1: it is arrival less LSR less DLSR for each of the last reports', () => {
    const delay = fc.record({
      back: fc.nat({ max: 7 }),
      rtt: fc.nat({ max: 5000 }),
      held: fc.nat({ max: 5000 }),
    });
    fc.assert(
      fc.property(fc.array(delay, { minLength: 1, maxLength: 20 }), (delays) => {
        const statistics = sending();
        const sent = Array.from({ length: 8 }, (_, i) => {
          // The wall clock is set back between them, which is no concern of round trips.
          return { at: 1e6 + 997 * i, info: report(statistics, 1.7e12 - 5003 * i, 1e6 + 997 * i) };
        });
        for (const { back, rtt, held } of delays) {
          const { at, info } = sent[7 - back]!;
          const answer = block({
            lastSenderReport: info?.middle ?? 0,
            delaySinceLastSenderReport: Math.floor(held * 65.536),
          });
          statistics.reported(answer, at + held + rtt);
          expect(Math.abs(statistics.rttMs - rtt)).toBeLessThan(0.02);
        }
      }),
    );
  });
});

/** When compounds go out from `start` on, if somebody looks at each deadline. */
function times(count: number, random: () => number): number[] {
  const schedule = new RtcpSchedule(random);
  schedule.start(5000);
  return Array.from({ length: count }, () => {
    const now = schedule.nextDeadline;
    expect([schedule.due(now - 0.1), schedule.due(now), schedule.due(now)]).toEqual([
      false,
      true,
      false,
    ]);
    return now - 5000;
  });
}

describe('the interval of reports', () => {
  it('RFC 3550 s6.2: the first compound waits half the interval', () => {
    expect(times(3, () => 0.5)).toEqual([500, 1500, 2500]);
    const schedule = new RtcpSchedule(() => 0.5);
    expect([schedule.nextDeadline, schedule.due(1e9)]).toEqual([Infinity, false]);
  });

  it('RFC 3550 s6.3.1: the interval is half to one and a half times what it is on average', () => {
    expect(times(3, () => 0)).toEqual([250, 750, 1250]);
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 9 }),
        (draws) => {
          const left = [...draws];
          const at = times(draws.length - 1, () => left.shift() ?? 0);
          const waited = at.map((time, i) => (i === 0 ? 2 * time : time - at[i - 1]!));
          for (const [i, wait] of waited.entries())
            expect(wait).toBeCloseTo(500 + 1000 * draws[i]!, 6);
        },
      ),
    );
  });

  it('RFC 3550 s6.3.6: the next one is counted from when this one went, however late', () => {
    const schedule = new RtcpSchedule(() => 0.5);
    schedule.start(0);
    expect(schedule.due(60_000)).toBe(true);
    expect([schedule.due(60_000), schedule.nextDeadline]).toEqual([false, 61_000]);
  });
});
