// The estimate of what a subscriber's network carries, over links whose rate, queue and losses are known: how soon it
// is right, how far it goes beyond, how long the queue gets, and whether those who share a link share it alike. Time
// is the simulation's own, so every figure is the same each time; they are printed.
/* oxlint-disable no-console, unicorn/consistent-function-scoping -- figures are printed; a link stands in its test */

import { describe, expect, it } from 'vitest';
import {
  Bottleneck,
  type LinkOptions,
  LossBased,
  Sender,
  seeded,
} from '../../support/sfu/bottleneck.ts';

const DEMAND_BPS = 5_000_000;

interface Trace {
  /** Means of half seconds: bits a second that the estimate says and that arrive, milliseconds of queue. */
  readonly estimate: number[];
  readonly arrived: number[];
  readonly queue: number[];
  /** Of each millisecond. */
  readonly finely: number[];
}

function trace(untilMs: number, link: Partial<LinkOptions> & Pick<LinkOptions, 'rate'>): Trace {
  const sender = new Sender(DEMAND_BPS, 0);
  const bottleneck = new Bottleneck(
    { delayMs: 25, queueMs: 300, loss: () => 0, random: seeded(1), ...link },
    [sender],
  );
  const result: Trace = { estimate: [], arrived: [], queue: [], finely: [] };
  let before = 0;
  let queue = 0;
  let estimate = 0;
  bottleneck.run(untilMs, (now) => {
    queue += bottleneck.queueMs;
    estimate += sender.estimator.bps;
    result.finely.push(sender.estimator.bps);
    if (now % 500 !== 0) return;
    result.estimate.push(estimate / 500);
    result.queue.push(queue / 500);
    result.arrived.push((sender.arrivedBytes - before) * 16);
    before = sender.arrivedBytes;
    queue = 0;
    estimate = 0;
  });
  return result;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Seconds after `from` until the estimate holds, in half seconds. */
function secondsUntil({ estimate }: Trace, from: number, holds: (bps: number) => boolean): number {
  const at = estimate.findIndex((bps, i) => i >= from * 2 && holds(bps));
  return at < 0 ? Number.POSITIVE_INFINITY : (at + 1) / 2 - from;
}

/** Of what the link carries, in whole seconds from and to. */
function used({ arrived }: Trace, from: number, to: number, rate: number): number {
  return mean(arrived.slice(from * 2, to * 2)) / rate;
}

function say(what: string, figures: Record<string, number>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  console.log(`${what}: ${text.join(', ')}`);
}

describe('the estimate', () => {
  for (const megabits of [0.5, 1, 2, 4]) {
    const rate = megabits * 1e6;
    it(`finds ${megabits} Mbit/s, stays there and keeps the queue short`, () => {
      const link = trace(30_000, { rate: () => rate });
      const figures = {
        'seconds to 80 %': secondsUntil(link, 0, (bps) => bps >= 0.8 * rate),
        'of the link used': used(link, 5, 30, rate),
        'highest to the link': Math.max(...link.estimate) / rate,
        'mean queue ms': mean(link.queue.slice(10)),
      };
      say(`${megabits} Mbit/s`, figures);
      expect(figures['seconds to 80 %']).toBeLessThanOrEqual(2);
      expect(figures['of the link used']).toBeGreaterThan(0.85);
      expect(figures['highest to the link']).toBeLessThan(1.6);
      expect(figures['mean queue ms']).toBeLessThan(80);
    });
  }

  // What leaves a queue tells at once what the link carries; that a queue becomes longer takes longer to tell.
  it.each([300, 60, 2000])('falls at once when the link does, with a queue of %i ms', (queueMs) => {
    const rate = (now: number): number => (now < 10_000 || now >= 20_000 ? 2_500_000 : 500_000);
    const link = trace(40_000, { rate, queueMs });
    const figures = {
      'milliseconds down': link.finely.slice(10_000).findIndex((bps) => bps <= 500_000),
      'lowest to the link': Math.min(...link.finely.slice(10_000, 20_000)) / 500_000,
      'used while low': used(link, 13, 20, 500_000),
      'queue ms while low': mean(link.queue.slice(26, 40)),
      'seconds up to 80 %': secondsUntil(link, 20, (bps) => bps >= 2_000_000),
    };
    say(`2.5 -> 0.5 -> 2.5 Mbit/s, a queue of ${queueMs} ms`, figures);
    expect(figures['milliseconds down']).toBeLessThan(450);
    expect(figures['lowest to the link']).toBeGreaterThan(0.5);
    expect(figures['used while low']).toBeGreaterThan(0.7);
    expect(figures['queue ms while low']).toBeLessThan(80);
    expect(figures['seconds up to 80 %']).toBeLessThanOrEqual(10);
  });

  it('follows a ramp down and up', () => {
    const rate = (now: number): number => 1_500_000 + 1_000_000 * Math.cos(now / 6000);
    const link = trace(60_000, { rate });
    const given = link.arrived.map((_, i) => rate(i * 500 + 250));
    const figures = {
      'of the link used': mean(link.arrived) / mean(given),
      'mean queue ms': mean(link.queue.slice(10)),
    };
    say('0.5 to 2.5 Mbit/s, up and down', figures);
    expect(figures['of the link used']).toBeGreaterThan(0.75);
    expect(figures['mean queue ms']).toBeLessThan(100);
  });

  it.each([
    ['two seconds', 2000],
    ['30 ms', 30],
  ])('does not fill a queue of %s', (_, queueMs) => {
    const link = trace(30_000, { rate: () => 1_000_000, queueMs });
    const figures = {
      'of the link used': used(link, 5, 30, 1_000_000),
      'mean queue ms': mean(link.queue.slice(10)),
      'longest half second, ms': Math.max(...link.queue.slice(10)),
    };
    say(`1 Mbit/s, a queue of ${queueMs} ms`, figures);
    expect(figures['of the link used']).toBeGreaterThan(0.85);
    expect(figures['mean queue ms']).toBeLessThan(60);
    expect(figures['longest half second, ms']).toBeLessThan(150);
  });

  it.each([5, 10, 20, 30])(
    'is not brought down by %i percent of losses that are the link’s own',
    (percent) => {
      const link = trace(40_000, { rate: () => 3_000_000, loss: () => percent / 100 });
      const carried = 3_000_000 * (1 - percent / 100);
      const figures = { 'of what gets through used': used(link, 10, 40, carried) };
      say(`3 Mbit/s, ${percent} % lost`, figures);
      expect(figures['of what gets through used']).toBeGreaterThan(percent < 30 ? 0.7 : 0.5);
    },
  );

  it('is not brought down by packets that are early or late', () => {
    const link = trace(40_000, { rate: () => 2_000_000, jitterMs: 20 });
    const figures = {
      'of the link used': used(link, 5, 40, 2_000_000),
      'mean queue ms': mean(link.queue.slice(10)),
    };
    say('2 Mbit/s, 20 ms of jitter', figures);
    expect(figures['of the link used']).toBeGreaterThan(0.75);
    expect(figures['mean queue ms']).toBeLessThan(100);
  });

  it('shares a link alike among five that come one after the other', () => {
    const senders = [0, 1, 2, 3, 4].map((i) => new Sender(DEMAND_BPS, i * 2000));
    const link = new Bottleneck(
      { rate: () => 5e6, delayMs: 25, queueMs: 300, loss: () => 0, random: seeded(1) },
      senders,
    );
    link.run(40_000);
    const before = senders.map(({ arrivedBytes }) => arrivedBytes);
    link.run(60_000);
    const shares = senders.map(({ arrivedBytes }, i) => arrivedBytes - before[i]!);
    const squares = shares.reduce((sum, share) => sum + share ** 2, 0);
    const figures = {
      "Jain's index": shares.reduce((sum, share) => sum + share, 0) ** 2 / (5 * squares),
      'of the link used': (mean(shares) * 5 * 8) / 20 / 5e6,
    };
    say('five on 5 Mbit/s, 40 to 60 s', figures);
    expect(figures["Jain's index"]).toBeGreaterThan(0.95);
    expect(figures['of the link used']).toBeGreaterThan(0.85);
  });

  it('gives way to somebody else’s traffic and takes back what that leaves', () => {
    // Half of the link is taken for twenty seconds.
    const rate = (now: number): number => (now >= 15_000 && now < 35_000 ? 1_500_000 : 3_000_000);
    const link = trace(60_000, { rate });
    const figures = {
      'used meanwhile': used(link, 18, 35, 1_500_000),
      'queue ms meanwhile': mean(link.queue.slice(36, 70)),
      'used after': used(link, 45, 60, 3_000_000),
    };
    say('3 Mbit/s of which half is taken', figures);
    expect(figures['used meanwhile']).toBeGreaterThan(0.8);
    expect(figures['queue ms meanwhile']).toBeLessThan(80);
    expect(figures['used after']).toBeGreaterThan(0.8);
  });

  it.each([60, 300])('is not starved by a download that fills a queue of %i ms', (queueMs) => {
    const [sender, download] = [new Sender(DEMAND_BPS, 0), new LossBased(15_000)];
    const link = new Bottleneck(
      { rate: () => 3e6, delayMs: 25, queueMs, loss: () => 0, random: seeded(1) },
      [sender, download],
    );
    link.run(20_000);
    const [before, theirs] = [sender.arrivedBytes, download.arrivedBytes];
    link.run(45_000);
    const bps = ((sender.arrivedBytes - before) * 8) / 25;
    const figures = {
      'of the link used': bps / 3e6,
      'by the download': ((download.arrivedBytes - theirs) * 8) / 25 / 3e6,
    };
    say(`3 Mbit/s with a download, a queue of ${queueMs} ms`, figures);
    // Sound, and the lowest layer.
    expect(bps).toBeGreaterThan(200_000);
  });

  it('believes no feedback of packets that were never sent', () => {
    const sender = new Sender(DEMAND_BPS, 0);
    const liar = new Sender(DEMAND_BPS, 0);
    const link = new Bottleneck(
      { rate: () => 5e6, delayMs: 5, queueMs: 300, loss: () => 0, random: seeded(1) },
      [sender, liar],
    );
    for (let i = 0; i < 3000; i++) liar.arrivals.received(i, 1200, i / 10);
    const before = liar.estimator.bps;
    link.run(20);
    expect(liar.estimator.bps).toBe(before);
  });
});
