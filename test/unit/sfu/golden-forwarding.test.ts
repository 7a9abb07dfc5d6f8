// What real browsers have published (test/fixtures/golden), through a real router: every subscriber gets all of it, as
// one stream without gaps, in numbers and identifiers of its own.

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkForwarded, type Forwarded } from '../../support/golden/forwarded.ts';
import { publishedPackets } from '../../support/golden/published.ts';
import { asItCame, play, shown, type Subscriber, whole } from '../../support/golden/replay.ts';
import { wrapping } from '../../support/golden/renumber.ts';
import { LOST, readTrace, type Trace, traceNames } from '../../support/golden/trace.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';

let world: RouterWorld;
let startedAt: number;

beforeEach(() => open());
afterEach(() => world.close());

/** @param random what all first numbers come from */
function open(random = 0.5): void {
  world = new RouterWorld({ random: () => random });
  startedAt = world.now;
}

/** Of each slot. */
function check(trace: Trace, subscriber: Subscriber): Forwarded[] {
  const published = [...publishedPackets(trace).values()];
  return subscriber.slots.map((slot) =>
    checkForwarded(slot, subscriber.sentIn(slot), published, startedAt),
  );
}

/** One stream, or the best one that there is of several, all of it from its first key frame. */
function expectWhole(trace: Trace, forwarded: readonly Forwarded[]): void {
  const streams = [...publishedPackets(trace).values()];
  for (const [i, section] of trace.sections.entries()) {
    const { segments, packets, gaps } = forwarded[i]!;
    const last = segments.at(-1)!;
    const stream = streams.find(([first]) => first?.ssrc === last.ssrc);
    expect(gaps).toEqual([]);
    expect(segments.reduce((sum, one) => sum + one.packets, 0)).toBe(packets);
    expect(last.last).toEqual(stream?.at(-1));
    expect(last.keyFrames).toBeGreaterThanOrEqual(section.kind === 'video' ? 3 : 0);
    if (section.simulcast.length > 0) continue;
    expect(segments).toHaveLength(1);
    expect(packets).toBe(stream?.length);
  }
}

/** Everything that was sent, of each slot. */
const summary = (subscriber: Subscriber): unknown[] =>
  subscriber.slots.map((slot) => {
    const sent = subscriber.sentIn(slot);
    const hash = createHash('sha256');
    for (const { bytes } of sent) hash.update(bytes);
    const bytes = sent.reduce((sum, one) => sum + one.bytes.length, 0);
    return { kind: slot.kind, packets: sent.length, bytes, sha256: hash.digest('hex') };
  });

describe.each(traceNames())('%s', (name) => {
  const trace = readTrace(name);

  test('all of it is forwarded, as it was before', () => {
    const { publisher, subscriber } = shown(world, trace);
    play(world, [{ transport: publisher, packets: whole(trace) }]);
    expectWhole(trace, check(trace, subscriber));
    expect(summary(subscriber)).toMatchSnapshot();
    // What came before its stream was known, and what browsers repeat to find out what a network can take.
    const { drops } = world.sfu.stats();
    const dropped = Object.entries(drops).flatMap(([reason, count]) => (count > 0 ? [reason] : []));
    expect(['unknown-ssrc', 'duplicate']).toEqual(expect.arrayContaining(dropped));
  });

  test('a subscriber without redundancy gets each frame once', () => {
    const { publisher, subscriber } = shown(world, trace, { redundancy: false });
    play(world, [{ transport: publisher, packets: whole(trace) }]);
    expectWhole(trace, check(trace, subscriber));
    const names = subscriber.slots.flatMap(({ codecs }) => codecs.map((codec) => codec.name));
    expect(names).not.toContain('red');
  });

  test('what was lost on the way in comes by retransmissions of the browser', () => {
    const { publisher, subscriber } = shown(world, trace);
    play(world, [{ transport: publisher, packets: asItCame(trace) }]);
    expect(trace.packets.filter(({ kind }) => kind === LOST).length).toBeGreaterThan(0);
    for (const { gaps } of check(trace, subscriber)) {
      // A browser sends nothing again after it has stopped, and nobody asks for what a key frame makes up for.
      expect(gaps.map(({ packet }) => packet.kind)).toEqual(gaps.map(() => LOST));
      expect(gaps.length).toBeLessThanOrEqual(1);
    }
  });

  test('numbers that wrap, of the browser or of the subscriber, make no difference', () => {
    const { publisher, subscriber } = shown(world, trace);
    play(world, [{ transport: publisher, packets: whole(trace) }]);
    const before = check(trace, subscriber).map(({ packets }) => packets);
    world.close();
    open(1 - 2 ** -17);
    const wrapped = wrapping(trace);
    const again = shown(world, wrapped);
    play(world, [{ transport: again.publisher, packets: whole(wrapped) }]);
    const forwarded = check(wrapped, again.subscriber);
    expectWhole(wrapped, forwarded);
    expect(forwarded.map(({ packets }) => packets)).toEqual(before);
    const [slot] = again.subscriber.slots;
    const timestamps = again.subscriber.sentIn(slot!).map(({ rtp }) => rtp.timestamp);
    expect(timestamps[0]).toBeGreaterThan(2 ** 31);
    expect(timestamps.at(-1)).toBeLessThan(2 ** 31);
  });

  test('transport-wide numbers count all packets to one subscriber', () => {
    const { publisher, subscriber } = shown(world, trace);
    play(world, [{ transport: publisher, packets: whole(trace) }]);
    const id = subscriber.slots[0]!.extensions.find((one) => one.name === 'transport-cc')!.id;
    const numbers = subscriber.transport.rtp.map(({ rtp }) => rtp.extensionU16(id));
    expect(numbers).toEqual(numbers.map((_number, i) => i));
  });
});
