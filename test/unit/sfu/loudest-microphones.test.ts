// Of the microphones of a room the loudest are forwarded: at once where somebody begins to speak, without flapping, and
// as one stream to whoever listens.

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FRAME_MS,
  FRAME_TICKS,
  type Heard,
  type Level,
  Microphones,
  SILENCE,
  VOICE,
  whoIn,
} from '../../support/sfu-router/microphones.ts';
import { RouterWorld } from '../../support/sfu-router/router-world.ts';

const K = 3;
const HANGOVER_MS = 1000;
const SPEECH = 20;
/** What is louder is speech, where voices are not told apart. */
const SPEECH_MAX = 35;

let world: RouterWorld;

beforeEach(() => {
  world = new RouterWorld({ loudest: K });
});

afterEach(() => {
  world.close();
});

/** The lists of who is heard, as the main thread was told. */
const told = (): (readonly number[])[] =>
  world.take('sfu.heard').map(({ publications }) => publications);

describe('of five microphones', () => {
  it('those are forwarded that came first, until others speak', () => {
    const room = new Microphones(world, 5);
    expect(whoIn(room.run(3000))).toEqual([1, 2, 3]);
    expect(room.waits()).toBe('sends sends sends quiet quiet');
    expect(told().at(-1)).toEqual([3, 2, 1]);
    expect(world.sfu.stats().quietPackets).toBe((2 * 3000) / FRAME_MS);
  });

  it('who begins to speak is heard from the first packet that has speech', () => {
    const room = new Microphones(world, 5);
    room.run(3000, { 2: SPEECH, 3: SPEECH });
    told();
    const from = room.frame + 1;
    const heard = room.run(FRAME_MS, { 2: SPEECH, 3: SPEECH, 5: SPEECH });
    expect(whoIn(heard)).toEqual([2, 3, 5]);
    expect(heard.find(({ number }) => number === 5)).toMatchObject({ frame: from });
    expect(told()).toEqual([[5, 3, 2]]);
    expect(room.waits()).toBe('quiet sends sends quiet sends');
  });

  it('who pauses between words keeps the place, and loses it after that', () => {
    const room = new Microphones(world, 5);
    room.run(2000, { 1: SPEECH, 2: SPEECH, 3: SPEECH });
    const soon = HANGOVER_MS - 2 * FRAME_MS;
    room.run(soon, { 1: SPEECH, 2: SPEECH });
    expect(whoIn(room.run(FRAME_MS, { 1: SPEECH, 2: SPEECH, 4: SPEECH }))).toEqual([1, 2, 3]);
    room.run(2 * FRAME_MS, { 1: SPEECH, 2: SPEECH });
    expect(whoIn(room.run(FRAME_MS, { 1: SPEECH, 2: SPEECH, 4: SPEECH }))).toEqual([1, 2, 4]);
  });

  it('who is as loud as those who speak waits; who is clearly louder does not', () => {
    const room = new Microphones(world, 5);
    const three = { 1: 20, 2: 23, 3: 26 };
    room.run(3000, three);
    expect(whoIn(room.run(5000, { ...three, 4: 25 }))).toEqual([1, 2, 3]);
    room.run(1000, { ...three, 4: 15 });
    expect(whoIn(room.run(1000, { ...three, 4: 15 }))).toEqual([1, 2, 4]);
  });

  it('a low voice is heard where nobody else speaks', () => {
    const room = new Microphones(world, 5);
    room.run(3000, { 1: 60, 2: 62, 3: 64 });
    const low = { 1: 60, 2: 62, 3: 64, 5: 45 };
    room.run(1500, low);
    expect(whoIn(room.run(1000, low))).toEqual([1, 2, 5]);
    expect(told()).toHaveLength(K + 1);
  });

  it('a sound that is no voice takes no place, where voices are told apart', () => {
    const room = new Microphones(world, 5);
    const voices = { 1: SPEECH | VOICE, 2: SPEECH | VOICE };
    room.run(2000, { ...voices, 5: SPEECH | VOICE });
    room.run(3000, voices);
    room.run(200, { ...voices, 4: SPEECH | VOICE });
    room.run(3000, voices);
    expect(whoIn(room.run(FRAME_MS, { ...voices, 5: 10 }))).toEqual([1, 2, 4]);
  });

  it('who is muted, or goes, gives the place to another one at once', () => {
    const room = new Microphones(world, 5);
    room.run(100);
    world.command({ type: 'sfu.mute', publication: 2, muted: true });
    expect(whoIn(room.run(100))).toEqual([1, 3, 4]);
    world.command({ type: 'sfu.mute', publication: 2, muted: false });
    world.command({ type: 'sfu.close', id: 1 });
    expect(whoIn(room.run(100))).toEqual([2, 3, 4]);
    world.command({ type: 'sfu.close', id: 4 });
    expect(whoIn(room.run(100))).toEqual([2, 3, 5]);
    expect(told().at(-1)).toEqual([5, 2, 3]);
  });
});

describe('is never held back', () => {
  it('any microphone, where there are no more than may be forwarded', () => {
    const room = new Microphones(world, K);
    expect(whoIn(room.run(3000))).toEqual([1, 2, 3]);
    expect(world.sfu.stats().quietPackets).toBe(0);
  });

  it('any microphone, where all may be', () => {
    world.close();
    world = new RouterWorld();
    const room = new Microphones(world, 5);
    expect(whoIn(room.run(1000, { 5: SPEECH }))).toEqual([1, 2, 3, 4, 5]);
    // Slots may be few, so who speaks is told nevertheless.
    expect(told().at(-1)).toEqual([5, 3, 2]);
  });

  it('what is no microphone, or does not say how loud it is', () => {
    const room = new Microphones(world, 7, { 6: { gated: false }, 7: { levels: false } });
    expect(whoIn(room.run(3000))).toEqual([1, 2, 3, 6, 7]);
    expect(whoIn(room.run(FRAME_MS, { 4: SPEECH }))).toEqual([2, 3, 4, 6, 7]);
  });

  it('what a subscriber has pinned, and for nobody else', () => {
    const room = new Microphones(world, 5);
    room.run(500);
    room.pin(5);
    expect(whoIn(room.run(500))).toEqual([1, 2, 3, 5]);
    expect(room.waits()).toBe('sends sends sends quiet sends');
    room.pin();
    expect(whoIn(room.run(500))).toEqual([1, 2, 3]);
    room.pin(4, 5);
    const heard = room.run(500, { 4: SPEECH });
    expect(whoIn(heard)).toEqual([2, 3, 4, 5]);
    expectOneStreamEach(heard);
  });
});

/** RFC 3550 s5.1: numbers without a gap; the marker, and time that went by, where the stream was held back. */
function expectOneStreamEach(heard: readonly Heard[]): void {
  const last = new Map<number, Heard>();
  for (const one of heard) {
    const before = last.get(one.number);
    last.set(one.number, one);
    if (before === undefined) continue;
    const { rtp } = one.packet;
    const numbers = (rtp.sequenceNumber - before.packet.rtp.sequenceNumber) & 0xffff;
    const ticks = (rtp.timestamp - before.packet.rtp.timestamp) >>> 0;
    const frames = one.frame - before.frame;
    // Said so often that `expect` would take most of the time.
    if (numbers !== 1) throw new Error(`${numbers} numbers for ${frames} frames`);
    if (frames > 1 && !rtp.marker) throw new Error('no marker after a silence');
    if (Math.abs(ticks - FRAME_TICKS * frames) > 1)
      throw new Error(`${ticks} for ${frames} frames`);
  }
}

it('a slot whose microphone was held back goes on as one stream', () => {
  const room = new Microphones(world, 5);
  const heard: Heard[] = [];
  for (const speaker of [4, 5, 1, 2, 4]) heard.push(...room.run(3000, { [speaker]: SPEECH }));
  const own = heard.filter(({ number }) => number === 4);
  const holes = own.filter(({ frame }, i) => i > 0 && frame !== own[i - 1]!.frame + 1);
  expect(heard.length).toBe((K * 15_000) / FRAME_MS);
  expect(holes).toHaveLength(1);
  expectOneStreamEach(heard);
});

it('who gives way to somebody in the same turn, and is pinned then, misses no number', () => {
  const room = new Microphones(world, 6);
  const heard = room.run(3 * FRAME_MS);
  heard.push(...room.run(FRAME_MS, { 5: 0 }));
  room.pin(1);
  const after = room.run(5 * FRAME_MS);
  expect(whoIn(after)).toContain(1);
  expectOneStreamEach([...heard, ...after]);
});

it('whatever is said, never more than k are heard, and nobody loses the place who has just spoken', () => {
  const level = fc.oneof(
    fc.constant<Level>(SILENCE),
    fc.constant<Level>(undefined),
    fc.integer({ min: 0, max: 70 }),
  );
  const step = fc.record({
    ms: fc.integer({ min: 1, max: 100 }).map((frames) => frames * FRAME_MS),
    levels: fc.dictionary(fc.constantFrom('1', '2', '3', '4', '5', '6'), level),
    pinned: fc.subarray([1, 2, 3, 4, 5, 6], { maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 15 }), (steps) => {
      world.close();
      world = new RouterWorld({ loudest: K });
      const room = new Microphones(world, 6);
      const heard: Heard[] = [];
      const since = new Map<number, number>();
      const spoken = new Map<number, number>();
      let audible: readonly number[] = [];
      for (const { ms, levels, pinned } of steps) {
        room.pin(...pinned);
        for (const one of room.all) one.level = one.number in levels ? levels[one.number] : SILENCE;
        for (let passed = 0; passed < ms; passed += FRAME_MS) {
          room.step();
          // An evaluation may come behind the packets.
          const allowed = new Set(audible);
          let places = K;
          for (const { publications } of world.take('sfu.heard')) {
            for (const gone of audible.filter((one) => !publications.includes(one))) {
              const at = Math.min(since.get(gone)!, spoken.get(gone) ?? -Infinity);
              if (world.now - at < HANGOVER_MS - FRAME_MS)
                throw new Error(`${gone} has just spoken`);
            }
            const came = publications.filter((one) => !audible.includes(one));
            for (const one of came) since.set(one, world.now);
            // Whose place it is now may have been heard in the same step before.
            places += came.length;
            audible = publications;
            for (const one of publications) allowed.add(one);
          }
          for (const { number, level: said } of room.all) {
            if (said !== undefined && said <= SPEECH_MAX) spoken.set(number, world.now);
          }
          const now = room.take();
          const others = whoIn(now).filter((one) => !pinned.includes(one));
          if (others.length > places) throw new Error(`${others.join()} at once`);
          if (!others.every((one) => allowed.has(one))) throw new Error(`${others.join()} heard`);
          heard.push(...now);
        }
      }
      expectOneStreamEach(heard);
      expect(audible).toHaveLength(K);
    }),
    { numRuns: 8, interruptAfterTimeLimit: 3000 },
  );
}, 30_000);
