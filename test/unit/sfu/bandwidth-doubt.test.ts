// Doubt whether the network still carries what it did: it comes before that is known, so that no more is sent into a
// queue that fills; and not where packets are late, lost or out of order for other reasons.

import { expect, it } from 'vitest';
import { Bottleneck, type LinkOptions, Sender, seeded } from '../../support/sfu/bottleneck.ts';

const DEMAND_BPS = 2_500_000;
const WIDE_BPS = 20_000_000;
const SETTLED_MS = 5000;

function runLink(
  link: Partial<LinkOptions>,
  untilMs: number,
  look: (now: number, sender: Sender) => void,
): void {
  const sender = new Sender(DEMAND_BPS, 0);
  const wide = { rate: () => WIDE_BPS, delayMs: 25, queueMs: 300, loss: () => 0 };
  const bottleneck = new Bottleneck({ ...wide, random: seeded(1), ...link }, [sender]);
  bottleneck.run(untilMs, (now) => {
    if (now > SETTLED_MS) look(now, sender);
  });
}

it.each([250_000, 500_000, 1_000_000])('comes before a fall to %i bit/s is known', (bps) => {
  for (let phase = 0; phase < 33; phase += 3) {
    const fallsAt = SETTLED_MS + 100 + phase;
    const doubted: number[] = [];
    let knownAt = Number.POSITIVE_INFINITY;
    const rate = (now: number): number => (now < fallsAt ? WIDE_BPS : bps);
    runLink({ rate }, fallsAt + 400, (now, { estimator }) => {
      if (estimator.isInDoubt(now)) doubted.push(now);
      if (now > fallsAt && estimator.bps <= bps) knownAt = Math.min(knownAt, now);
    });
    const doubtAt = doubted[0]!;
    expect([doubtAt - fallsAt > 0, doubtAt - fallsAt < 180]).toEqual([true, true]);
    // The next feedback.
    expect(knownAt - doubtAt).toBeGreaterThan(50);
    // It may say more, but nobody waits for ever.
    expect(doubted.at(-1)! - doubtAt).toBeLessThan(150);
  }
});

it('ends by itself where no feedback comes any more', () => {
  const waited: boolean[][] = [];
  const rate = (now: number): number => (now < SETTLED_MS ? WIDE_BPS : 500_000);
  runLink({ rate }, SETTLED_MS + 400, (now, { estimator }) => {
    if (waited.length > 0 || !estimator.isInDoubt(now)) return;
    waited.push([149, 150, 10_000].map((ms) => estimator.isInDoubt(now + ms)));
  });
  expect(waited).toEqual([[true, false, false]]);
});

/** Milliseconds, of 20,000. */
function doubtfulMs(link: Partial<LinkOptions>): number {
  let ms = 0;
  runLink(link, SETTLED_MS + 20_000, (now, { estimator }) => {
    if (estimator.isInDoubt(now)) ms++;
  });
  return ms;
}

it.each<[string, Partial<LinkOptions>]>([
  ['a wide network', {}],
  ['one of 4 Mbit/s', { rate: () => 4_000_000 }],
  ['one of 3 Mbit/s', { rate: () => 3_000_000 }],
  ['one that is too narrow, which is known', { rate: () => 1_000_000 }],
  ['losses of 2 %', { loss: () => 0.02 }],
  ['losses of 10 %', { loss: () => 0.1 }],
  ['jitter of 20 ms, and what that puts out of order', { jitterMs: 20 }],
])('is not there with %s', (_name, link) => {
  expect(doubtfulMs(link)).toBe(0);
});

it('is rare with jitter of 40 ms', () => {
  expect(doubtfulMs({ jitterMs: 40 }) / 20_000).toBeLessThan(0.02);
});
