// Who speaks: by hand, and that no more changes than must, whatever levels come.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActiveSpeakers } from '../../../sfu/feedback/active-speakers.ts';
import type { Speaker } from '../../../sfu/feedback/speaker.ts';
import { boxedTimes } from './feedback-times.ts';
import { bytesPerOperation } from './heap.ts';

const INTERVAL_MS = 300;
const PACKET_MS = 20;
const HANGOVER_MS = 1000;
const SILENCE = 127;
/** Until what is said from now on is told: a window, the rest of a half, an interval, and packets. */
const TOLD_MS = 400 + 200 + INTERVAL_MS + 3 * PACKET_MS;

/** What somebody says at a time: -dBov, or undefined for no packet. */
type Voice = (now: number) => number | undefined;

const at =
  (level: number): Voice =>
  () =>
    level;

class Room {
  readonly speakers = new ActiveSpeakers<string>(INTERVAL_MS);
  readonly all = new Map<string, Speaker<string>>();
  now = 1e6;
  /** What evaluations changed: when, and who is dominant, active, and in which order. */
  readonly told: { now: number; dominant: string; active: string; order: string }[] = [];

  constructor(names: string) {
    for (const name of names) this.all.set(name, this.speakers.add(name, this.now));
  }

  of(name: string): Speaker<string> {
    return this.all.get(name)!;
  }

  /** Everybody else sends silence. */
  run(forMs: number, voices: Record<string, Voice>, voice = false): this {
    const end = this.now + forMs;
    while (this.now < end) {
      this.now += PACKET_MS;
      for (const [name, speaker] of this.all) {
        const level = (voices[name] ?? at(SILENCE))(this.now);
        if (level !== undefined) speaker.received(level, voice && level < SILENCE, this.now);
      }
      if (this.now >= this.speakers.nextDeadline) this.evaluate();
    }
    return this;
  }

  evaluate(): void {
    if (!this.speakers.evaluate(this.now)) return;
    this.told.push({
      now: this.now,
      dominant: this.dominant,
      active: [...this.all.values()].map((each) => (each.active ? each.publication : '')).join(''),
      order: this.order,
    });
  }

  get dominant(): string {
    return this.speakers.dominant?.publication ?? '';
  }

  get order(): string {
    return this.speakers.loudest.map(({ publication }) => publication).join('');
  }
}

describe('a speaker', () => {
  it('is active above -35 dBov, at a level that is told in sixteenths of the amplitude', () => {
    const room = new Room('abcd');
    room.run(3000, { a: at(35), b: at(36), c: at(20), d: at(0) });
    expect([...room.all.values()].map(({ active, level }) => [active, level])).toEqual([
      [true, 1 / 16],
      [false, 0],
      [true, 2 / 16],
      [true, 1],
    ]);
  });

  it('gets louder by an average over some windows', () => {
    const room = new Room('a');
    room.run(TOLD_MS, {});
    const levels = Array.from({ length: 12 }, () => {
      room.run(200, { a: at(0) });
      room.evaluate();
      return room.of('a').level;
    });
    expect(levels.at(-1)).toBe(1);
    expect(levels[2]).toBeLessThan(1);
    expect(levels).toEqual(levels.toSorted((a, b) => a - b));
  });

  it('is as loud as the loudest of a window', () => {
    for (const period of [40, 400]) {
      const room = new Room('a');
      const voices = { a: (now: number) => (now % period < period / 2 ? 6 : 30) };
      room.run(3000, voices);
      const levels = Array.from({ length: 20 }, () => room.run(100, voices).of('a').level);
      expect(new Set(levels)).toEqual(new Set([9 / 16]));
    }
  });

  it.each([
    ['a third of the time', 60, false],
    ['half of the time', 100, true],
  ])('that speaks %s', (_name, ms, active) => {
    const room = new Room('a').run(4000, { a: (now) => (now % 200 < ms ? 20 : 90) });
    expect(room.of('a').active).toBe(active);
  });

  it('is none for a sound now and then, where silence sends no packets', () => {
    const room = new Room('a').run(8000, { a: (now) => (now % 400 === 0 ? 5 : undefined) });
    expect(room.told).toEqual([]);
  });

  it('is heard whether packets come one by one or in bursts', () => {
    const room = new Room('a');
    for (let i = 0; i < 40; i++) {
      room.now += 80;
      for (let burst = 0; burst < 4; burst++) room.of('a').received(20, false, room.now);
      room.evaluate();
    }
    expect(room.of('a')).toMatchObject({ active: true, level: 2 / 16 });
  });

  it('that flags voice speaks only where it does', () => {
    const room = new Room('ab').run(2000, { a: at(20) }, true);
    expect(room.of('a').active).toBe(true);
    room.run(3000, { a: at(20), b: at(20) }, false);
    expect([room.of('a').active, room.of('b').active]).toEqual([false, true]);
  });

  it('is active for a second more, and then no more, with packets or without', () => {
    for (const silence of [at(SILENCE), (): undefined => undefined]) {
      const room = new Room('a').run(3000, { a: at(20) });
      expect(room.told.length).toBeGreaterThan(0);
      room.told.length = 0;
      const stopped = room.now;
      room.run(HANGOVER_MS - PACKET_MS, { a: silence });
      expect(room.of('a').active).toBe(true);
      room.run(TOLD_MS, { a: silence });
      expect(room.of('a')).toMatchObject({ active: false, level: 0, rank: 0 });
      expect(room.told.at(-1)!.now - stopped).toBeGreaterThanOrEqual(HANGOVER_MS);
      room.run(5000, { a: silence });
      expect(room.told.at(-1)!.now).toBeLessThan(stopped + HANGOVER_MS + TOLD_MS);
    }
  });

  it('does not stop between words', () => {
    const room = new Room('a').run(30_000, { a: (now) => (now % 1300 < 700 ? 15 : 80) });
    expect(room.told.filter(({ active }) => active === '')).toEqual([]);
  });
});

describe('the order', () => {
  it('has the loudest first, then who spoke last', () => {
    const room = new Room('abcde').run(3000, { b: at(30), d: at(10), e: at(20) });
    expect(room.order).toBe('debac');
    room.run(5000, {});
    expect(room.order).toBe('debac');
    room.run(3000, { c: at(34) });
    expect(room.order).toBe('cdeba');
  });

  it('does not change between those who are about as loud', () => {
    const room = new Room('abc').run(3000, { b: at(20), c: at(20) });
    const { order } = room;
    room.told.length = 0;
    room.run(30_000, {
      b: (now) => 20 + Math.round(Math.sin(now / 700)),
      c: (now) => 20 + Math.round(Math.cos(now / 900)),
    });
    expect(room.order).toBe(order);
    expect(room.told.filter((each) => each.order !== order)).toEqual([]);
  });

  it('rises at once and falls after the hangover, whenever that begins', () => {
    for (let more = 0; more < 1200; more += 100) {
      const room = new Room('ab').run(3000, { a: at(20) });
      room.run(TOLD_MS + more, { a: at(20), b: at(5) });
      expect(room.order).toBe('ba');
      room.run(HANGOVER_MS, { a: at(20) });
      expect(room.order).toBe('ba');
      room.run(TOLD_MS, { a: at(20) });
      expect(room.order).toBe('ab');
    }
  });
});

describe('the dominant speaker', () => {
  it('is the first who speaks, and stays it through silence', () => {
    const room = new Room('ab').run(2000, {});
    expect([room.dominant, room.told]).toEqual(['', []]);
    room.run(TOLD_MS, { b: at(25) });
    expect(room.dominant).toBe('b');
    room.run(10_000, {});
    expect(room.dominant).toBe('b');
    room.run(TOLD_MS, { a: at(34) });
    expect(room.dominant).toBe('a');
  });

  it('keeps the floor against a short word, and against who is no louder', () => {
    const room = new Room('ab').run(3000, { a: at(20) });
    room.run(600, { a: at(20), b: at(3) });
    room.run(5000, { a: at(20) });
    room.run(10_000, { a: at(20), b: at(20) });
    expect(room.dominant).toBe('a');
    expect(new Set(room.told.map(({ dominant }) => dominant))).toEqual(new Set(['a']));
  });

  it('is another after a second of being louder', () => {
    const room = new Room('ab').run(3000, { a: at(25) });
    const began = room.now;
    room.run(6000, { a: at(25), b: at(5) });
    expect(room.dominant).toBe('b');
    const taken = room.told.find(({ dominant }) => dominant === 'b')!.now;
    expect(taken - began).toBeGreaterThan(1000);
    expect(taken - began).toBeLessThanOrEqual(1000 + TOLD_MS + INTERVAL_MS);
  });

  it('that leaves is nobody, or who else speaks', () => {
    const room = new Room('ab').run(3000, { a: at(10), b: at(30) });
    room.speakers.remove(room.of('a'));
    room.speakers.remove(room.of('a'));
    room.all.delete('a');
    expect([room.dominant, room.order]).toEqual(['', 'b']);
    room.evaluate();
    expect(room.told.at(-1)).toMatchObject({ dominant: 'b', order: 'b' });
    room.run(5000, {});
    room.speakers.remove(room.of('b'));
    room.told.length = 0;
    room.evaluate();
    room.evaluate();
    expect(room.told).toMatchObject([{ dominant: '', order: '' }]);
  });
});

describe('evaluations', () => {
  it('are due while there is somebody', () => {
    const speakers = new ActiveSpeakers<number>(200);
    expect(speakers.nextDeadline).toBe(Infinity);
    const first = speakers.add(1, 1000);
    const second = speakers.add(2, 1100);
    expect(speakers.nextDeadline).toBe(1200);
    speakers.evaluate(1250);
    expect(speakers.nextDeadline).toBe(1450);
    speakers.remove(first);
    expect(speakers.nextDeadline).toBe(1450);
    speakers.remove(second);
    expect(speakers.nextDeadline).toBe(Infinity);
    speakers.evaluate(2000);
    expect(speakers.nextDeadline).toBe(Infinity);
    expect(new ActiveSpeakers().add(1, 0).publication).toBe(1);
  });

  const step = fc.record({
    who: fc.nat({ max: 5 }),
    level: fc.oneof(fc.integer({ min: 0, max: 127 }), fc.integer({ min: 5, max: 40 })),
    voice: fc.boolean(),
    packets: fc.nat({ max: 40 }),
    wait: fc.nat({ max: 60 }),
    leave: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
  });

  it('tell what changed and nothing else, whatever came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const speakers = new ActiveSpeakers<number>(INTERVAL_MS);
        const all = new Map<number, Speaker<number>>();
        const before = new Map<number, string>();
        let now = 1e6;
        let dominant: Speaker<number> | undefined;
        for (const { who, level, voice, packets, wait, leave } of steps) {
          const speaker = all.get(who) ?? speakers.add(who, now);
          all.set(who, speaker);
          for (let i = 0; i < packets; i++) {
            now += PACKET_MS;
            speaker.received(level, voice, now);
          }
          now += wait;
          if (leave) {
            speakers.remove(speaker);
            all.delete(who);
            before.delete(who);
          }
          const changed = speakers.evaluate(now);
          const { loudest } = speakers;
          expect(new Set(loudest)).toEqual(new Set(all.values()));
          let anything = speakers.dominant !== dominant;
          dominant = speakers.dominant;
          for (const [i, each] of loudest.entries()) {
            expect(each.rank).toBeLessThanOrEqual(loudest[i - 1]?.rank ?? Infinity);
            expect(each.active).toBe(each.rank > 0);
            expect(each.level >= 0 && each.level <= 1 && (each.level * 16) % 1 === 0).toBe(true);
            const state = `${each.level} ${each.active}`;
            expect(each.changed).toBe(state !== (before.get(each.publication) ?? '0 false'));
            before.set(each.publication, state);
            anything ||= each.changed;
          }
          expect(changed).toBe(anything);
          expect(dominant === undefined || loudest.includes(dominant)).toBe(true);
        }
      }),
    );
  });

  it('allocate nothing, nor do packets', () => {
    const speakers = new ActiveSpeakers<number>(INTERVAL_MS);
    const next = boxedTimes(1.7);
    const start = next();
    const all = Array.from({ length: 10 }, (_, i) => speakers.add(i, start));
    let packets = 0;
    let changes = 0;
    const operation = (): void => {
      const now = next();
      packets++;
      all[packets % 10]!.received((packets >> 5) & 0x3f, true, now);
      if (now >= speakers.nextDeadline && speakers.evaluate(now)) changes++;
    };
    expect(bytesPerOperation(operation)).toBeLessThan(1);
    expect(changes).toBeGreaterThan(2);
  });
});
