// A slot that is pointed now at one real browser and now at another one (test/fixtures/golden): to its receiver it is one
// stream, and each source begins at a key frame.

import { expect, test } from 'vitest';
import { checkForwarded } from '../../support/golden/forwarded.ts';
import { publishedPackets } from '../../support/golden/published.ts';
import { play, publisherOf, slotFor, Subscriber, whole } from '../../support/golden/replay.ts';
import { readTrace } from '../../support/golden/trace.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';

const SWITCH_US = 400_000;
/** Publications of the one and of the other. */
const FIRST = [1, 11] as const;

test.each([
  ['chromium-vp8-red', 'firefox-vp8'],
  ['chromium-vp9', 'firefox-vp9'],
  ['chromium-av1', 'firefox-av1'],
  ['chromium-simulcast', 'firefox-simulcast'],
  ['chromium-simulcast', 'chromium-vp8-red'],
  ['chromium-h264', 'firefox-vp9'],
  ['firefox-av1', 'chromium-h264'],
])('%s and %s in turn', (...names) => {
  const world = new RouterWorld();
  const traces = names.map((name) => readTrace(name));
  const sources = traces.map((trace) => [...publishedPackets(trace).values()]);
  const kinds = (['video', 'audio'] as const).filter((kind) =>
    traces.every(({ sections }) => sections.some((one) => one.kind === kind)),
  );
  const feeds = traces.map((trace, i) => ({
    transport: world.join(1 + i, publisherOf(trace, FIRST[i]!)),
    packets: whole(trace),
  }));
  const slots = kinds.map((kind, i) =>
    slotFor(
      traces.flatMap(({ sections }) => sections.filter((one) => one.kind === kind)),
      String(i),
    ),
  );
  const subscriber = new Subscriber(world, 3, slots, [FIRST[0], FIRST[0] + 1]);
  // Whoever looks at the same all the time has what is written for the other in between.
  const steady = new Subscriber(world, 4, slots, [FIRST[1], FIRST[1] + 1]);
  const startedAt = world.now;
  let bound = 0;
  let switches = 0;
  play(world, feeds, (us) => {
    if (us < (switches + 1) * SWITCH_US) return;
    switches++;
    bound = 1 - bound;
    world.bind(3, Object.fromEntries(slots.map(({ mid }, i) => [mid, FIRST[bound]! + i])));
  });
  expect(switches).toBeGreaterThan(10);
  for (const slot of slots) {
    const { segments, gaps } = checkForwarded(
      slot,
      subscriber.sentIn(slot),
      sources.flat(),
      startedAt,
    );
    expect(gaps).toEqual([]);
    const shown = segments.map(({ ssrc }) =>
      sources.findIndex((source) => source.some(([first]) => first?.ssrc === ssrc)),
    );
    expect(new Set(shown)).toEqual(new Set([0, 1]));
    // Sound changes at once, where there is any; pictures where a key frame is there, or was a moment ago.
    expect(segments.length).toBeGreaterThanOrEqual(slot.kind === 'audio' ? 9 : 5);
    const alone = checkForwarded(slot, steady.sentIn(slot), sources.flat(), startedAt);
    expect(alone.gaps).toEqual([]);
    expect(alone.packets).toBeGreaterThan(40);
  }
  world.close();
});
