import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rankTracks } from '../../../signaling/media/ranking.ts';
import { neededSlots, pointSlots } from '../../../signaling/media/slot-policy.ts';
import type { Slot } from '../../../signaling/media/slot-policy.ts';
import { Track } from '../../../signaling/media/track.ts';
import type { Publisher } from '../../../signaling/media/track.ts';
import type { TrackSource } from '../../../signaling/protocol.ts';

interface Made {
  joined?: number;
  speaking?: number;
  spokeAt?: number;
  source?: TrackSource;
  muted?: boolean;
  publication?: number;
  format?: string;
}

function made(sid: string, options: Made = {}): Track {
  const { joined = 0, speaking = -1, spokeAt = 0, source = 'camera', muted = false } = options;
  const identity = `${sid}'s`;
  const publisher: Publisher = { sid, identity, joined, speaking, spokeAt, plain: false };
  const track = new Track(publisher, 'video', { mid: '0', source, muted });
  track.publication = options.publication ?? 1;
  track.format = options.format ?? 'VP8';
  return track;
}

class TestSlot implements Slot {
  readonly mid: string;
  readonly kind = 'video';
  readonly formats: ReadonlySet<string>;
  track: Track | null;

  constructor(mid: number, track: Track | null = null, formats: readonly string[] = ['VP8']) {
    this.mid = String(mid);
    this.formats = new Set(formats);
    this.track = track;
  }
}

const NOBODY = { sid: 'me', pinned: new Set<Track>(), off: new Set<Track>(), only: null };

function point(
  slots: readonly TestSlot[],
  tracks: readonly Track[],
  wishes: { pinned?: readonly Track[]; off?: readonly Track[]; only?: string } = {},
): Map<TestSlot, Track | null> {
  const viewer = {
    sid: 'me',
    pinned: new Set(wishes.pinned),
    off: new Set(wishes.off),
    only: wishes.only ?? null,
  };
  const changes = pointSlots(slots, rankTracks(tracks), viewer);
  for (const [slot, track] of changes) slot.track = track;
  return changes;
}

const shown = (slots: readonly TestSlot[]): (string | undefined)[] =>
  slots.map(({ track }) => track?.publisher.sid);

describe('ranking', () => {
  test('of microphones, who is forwarded before who is not, and who has just begun before who was', () => {
    const microphone = (sid: string, heard: number, options: Made = {}): Track => {
      const track = made(sid, { source: 'microphone', ...options });
      track.heard = heard;
      return track;
    };
    const tracks = [
      microphone('louder, and not forwarded', -1, { speaking: 1, spokeAt: 9 }),
      microphone('has spoken', 2, { spokeAt: 4 }),
      microphone('speaks', 1, { speaking: 0, spokeAt: 9 }),
      microphone('begins', 0),
      made('an encoder', { speaking: 2 }),
      made('music', { source: 'screen-audio' }),
    ];
    const { order, tiers } = rankTracks(tracks);
    expect(order.map(({ publisher }) => publisher.sid)).toEqual([
      'music',
      'speaks',
      'an encoder',
      'begins',
      'has spoken',
      'louder, and not forwarded',
    ]);
    expect(tiers).toEqual([1, 2, 4, 5, 6, 6]);
  });

  test('screens, who speaks by loudness, who spoke last, who came first, who is muted', () => {
    const tracks = [
      made('muted', { muted: true, joined: 1, spokeAt: 9 }),
      made('no media', { publication: 0, joined: 2 }),
      made('late', { joined: 7 }),
      made('early', { joined: 3 }),
      made('spoke', { joined: 8, spokeAt: 4 }),
      made('spoke earlier', { joined: 4, spokeAt: 3 }),
      made('quieter', { joined: 5, speaking: 1, spokeAt: 5 }),
      made('loudest', { joined: 6, speaking: 0, spokeAt: 5 }),
      made('screen', { joined: 9, source: 'screen' }),
    ];
    expect(rankTracks(tracks).order.map(({ publisher }) => publisher.sid)).toEqual([
      'screen',
      'loudest',
      'quieter',
      'spoke',
      'spoke earlier',
      'early',
      'late',
      'muted',
      'no media',
    ]);
    expect(rankTracks(tracks).tiers).toEqual([1, 2, 3, 3, 7, 9]);
  });

  test('a muted screen is not wanted, and who speaks muted neither', () => {
    const tracks = [
      made('screen', { source: 'screen', muted: true }),
      made('loudest', { speaking: 0, muted: true }),
      made('other'),
    ];
    expect(rankTracks(tracks).order[0]?.publisher.sid).toBe('other');
  });

  test('nor one whose network is away', () => {
    const away = made('loudest', { speaking: 0 });
    away.cut = true;
    const tracks = [away, made('other')];
    expect(rankTracks(tracks).order.map(({ publisher }) => publisher.sid)).toEqual([
      'other',
      'loudest',
    ]);
  });
});

describe('slots', () => {
  test('fill in the order of the slots, best first', () => {
    const slots = [new TestSlot(0), new TestSlot(1), new TestSlot(2)];
    point(slots, [made('b', { joined: 2 }), made('a', { joined: 1 })]);
    expect(shown(slots)).toEqual(['a', 'b', undefined]);
  });

  test('are never pointed at the own track, nor at one that is off', () => {
    const off = made('off');
    const slots = [new TestSlot(0), new TestSlot(1)];
    point(slots, [made('me'), off], { off: [off] });
    expect(shown(slots)).toEqual([undefined, undefined]);
  });

  test('stay when somebody comes who is no better', () => {
    const bound = made('late', { joined: 9 });
    const slots = [new TestSlot(0, bound)];
    expect(point(slots, [bound, made('early', { joined: 1 })]).size).toBe(0);
  });

  test('are let go of with the track, or when it is switched off', () => {
    const [gone, off] = [made('gone'), made('off')];
    const slots = [new TestSlot(0, gone), new TestSlot(1, off)];
    expect([...point(slots, [off], { off: [off] }).values()]).toEqual([null, null]);
  });

  test('who speaks takes the slot of who was silent longest, and the others stay', () => {
    const tracks = [
      made('a', { joined: 1, spokeAt: 3 }),
      made('b', { joined: 2, spokeAt: 1 }),
      made('c', { joined: 3, spokeAt: 2 }),
    ];
    const slots = tracks.map((track, i) => new TestSlot(i, track));
    const speaker = made('d', { joined: 4, speaking: 0, spokeAt: 4 });
    const changes = point(slots, [...tracks, speaker]);
    expect(shown(slots)).toEqual(['a', 'd', 'c']);
    expect(changes.size).toBe(1);
  });

  test('a screen takes the place of a camera, even of one that speaks when there is no other', () => {
    const camera = made('a', { speaking: 0 });
    const slots = [new TestSlot(0, camera)];
    point(slots, [camera, made('b', { source: 'screen' })]);
    expect(shown(slots)).toEqual(['b']);
  });

  test('what is pinned comes before screens, in the order of the pins', () => {
    const tracks = [made('screen', { source: 'screen' }), made('a'), made('b', { muted: true })];
    const slots = [new TestSlot(0), new TestSlot(1)];
    point(slots, tracks, { pinned: [tracks[2]!, tracks[1]!] });
    expect(shown(slots)).toEqual(['b', 'a']);
  });

  test('what is pinned anew takes no slot of what is pinned already', () => {
    const [better, pinned, anew] = [made('a', { joined: 1 }), made('b', { joined: 2 }), made('c')];
    const slots = [new TestSlot(0, better), new TestSlot(1, pinned)];
    point(slots, [better, pinned, anew], { pinned: [anew, pinned] });
    expect(shown(slots)).toEqual(['c', 'b']);
  });

  test('of more pins than slots the last one goes, and the others stay where they are', () => {
    const [first, second, third] = [made('a'), made('b'), made('c')];
    const slots = [new TestSlot(0, second), new TestSlot(1, third)];
    point(slots, [first, second, third], { pinned: [first, second, third] });
    expect(shown(slots)).toEqual(['b', 'a']);
  });

  test('who is muted makes room for who is not', () => {
    const muted = made('a', { muted: true });
    const slots = [new TestSlot(0, muted)];
    point(slots, [muted, made('b')]);
    expect(shown(slots)).toEqual(['b']);
  });

  test('the loudest is shown even where all slots show others who speak; the next loudest waits', () => {
    const speaking = [1, 2].map((place) => made(`s${place}`, { speaking: place }));
    const slots = speaking.map((track, i) => new TestSlot(i, track));
    expect(point(slots, [...speaking, made('s3', { speaking: 3 })]).size).toBe(0);
    point(slots, [...speaking, made('s0', { speaking: 0 })]);
    expect(shown(slots)).toEqual(['s1', 's0']);
  });

  test('a codec that a slot cannot show is passed over', () => {
    const tracks = [
      made('h265', { joined: 1, format: 'H265' }),
      made('av1', { joined: 2, format: 'AV1' }),
      made('vp8', { joined: 3 }),
    ];
    const slots = [new TestSlot(0), new TestSlot(1, null, ['VP8', 'AV1']), new TestSlot(2)];
    point(slots, tracks);
    expect(shown(slots)).toEqual(['vp8', 'av1', undefined]);
  });

  test('a slot whose codecs have changed passes its track on', () => {
    const track = made('a', { format: 'H264' });
    const slots = [new TestSlot(0, track), new TestSlot(1, null, ['VP8', 'H264'])];
    point(slots, [track]);
    expect(shown(slots)).toEqual([undefined, 'a']);
  });
});

describe('properties', () => {
  const source = fc.constantFrom<TrackSource>('camera', 'camera', 'screen');
  const someTrack = fc
    .record({
      owner: fc.constantFrom('me', 'a', 'b', 'c', 'd', 'e', 'f'),
      joined: fc.nat(20),
      speaking: fc.constantFrom(-1, -1, -1, 0, 1, 2),
      spokeAt: fc.nat(5),
      source,
      muted: fc.boolean(),
    })
    .map(({ owner, ...options }) => made(owner, options));

  /** Slots that show some of the tracks, each once; wishes for some. */
  const world = fc
    .record({
      tracks: fc.array(someTrack, { maxLength: 14 }),
      slots: fc.nat(8),
      seed: fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
    })
    .map(({ tracks, slots: count, seed }) => {
      const at = (i: number): number => seed[i]! % 4;
      const bound = tracks.filter(({ publisher }, i) => at(i) === 0 && publisher.sid !== 'me');
      const slots = Array.from(
        { length: count },
        (_, i) => new TestSlot(i, seed[20 + i]! % 3 === 0 ? null : (bound[i] ?? null)),
      );
      return {
        tracks: tracks.filter((_, i) => seed[i]! % 7 !== 6),
        slots,
        pinned: tracks.filter((_, i) => seed[14 + (i % 16)]! % 5 === 1),
        off: tracks.filter((_, i) => seed[(i * 3) % 30]! % 5 === 2),
      };
    });

  test('whatever is shown may be shown, once; nothing changes when it is asked again', () => {
    fc.assert(
      fc.property(world, ({ tracks, slots, pinned, off }) => {
        point(slots, tracks, { pinned, off });
        const showing = slots.flatMap(({ track }) => track ?? []);
        expect(new Set(showing).size).toBe(showing.length);
        for (const track of showing) {
          expect(tracks).toContain(track);
          expect(off).not.toContain(track);
          expect(track.publisher.sid).not.toBe('me');
        }
        expect(point(slots, tracks, { pinned, off }).size).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test('the best tiers are shown, no slot stays empty that is of use, and only what must changes', () => {
    fc.assert(
      fc.property(world, ({ tracks, slots, pinned, off }) => {
        const before = slots.map(({ track }) => track);
        const changes = point(slots, tracks, { pinned, off });
        const ranking = rankTracks(tracks);
        const tier = (track: Track): number =>
          pinned.includes(track)
            ? -1
            : ranking.tiers.findIndex((end) => ranking.places.get(track)! < end);
        const eligible = tracks.filter(
          (track) => track.publisher.sid !== 'me' && !off.includes(track),
        );
        const showing = slots.flatMap(({ track }) => track ?? []);
        expect(showing).toHaveLength(Math.min(slots.length, eligible.length));
        const best = eligible.map(tier).toSorted((a, b) => a - b);
        expect(showing.map(tier).toSorted((a, b) => a - b)).toEqual(best.slice(0, showing.length));
        // What was shown and still is, is where it was.
        const stayed = slots.filter((_, n) => before[n] !== null && showing.includes(before[n]!));
        expect(stayed.map(({ track }) => track)).toEqual(
          before.filter((track) => track !== null && showing.includes(track)),
        );
        const came = showing.filter((track) => !before.includes(track)).length;
        const emptied = slots.filter(({ track }, i) => track === null && before[i] !== null).length;
        expect(changes.size).toBe(came + emptied);
        // Of a tier that does not fit whole, nothing goes that was shown for what was not; pins have an order.
        const replaced = slots.flatMap(({ track }, n) => {
          const was = before[n];
          const gone = was && eligible.includes(was) && !showing.includes(was) ? was : null;
          return gone === null || track === null || pinned.includes(track)
            ? []
            : [tier(gone) - tier(track)];
        });
        expect(replaced.filter((better) => better <= 0)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('how many slots there should be', () => {
  test.each([
    [0, 0, 9, 0],
    [1, 0, 9, 2],
    [2, 0, 9, 2],
    [3, 2, 9, 4],
    [5, 4, 9, 8],
    [9, 8, 9, 9],
    [400, 9, 9, 9],
    [400, 0, 64, 64],
    [400, 0, 0, 0],
    [3, 0, 1, 1],
    [-1, 0, 9, 0],
    // Enough of them: no more are of use.
    [1, 1, 9, 1],
    [3, 3, 9, 3],
    [2, 5, 9, 2],
    [4, 3, 9, 4],
    [400, 12, 9, 9],
  ])('for %i tracks, where there are %i of at most %i: %i', (tracks, slots, most, needed) => {
    expect(neededSlots(tracks, slots, most)).toBe(needed);
  });

  test('a room that grows to 200 costs few offers', () => {
    const asked: number[] = [];
    for (let tracks = 0, slots = 0; tracks < 200; tracks++) {
      const needed = neededSlots(tracks, slots, 64);
      if (needed <= slots) continue;
      slots = needed;
      asked.push(needed);
    }
    expect(asked).toEqual([2, 4, 8, 16, 32, 64]);
  });

  test('who looks at one participant alone is shown nobody else, however loud or pinned', () => {
    const slots = [new TestSlot(0), new TestSlot(1), new TestSlot(2)];
    const [loud, camera] = [made('loud', { speaking: 0 }), made('ann')];
    const screen = made('ann', { source: 'screen' });
    point(slots, [loud, camera, screen], { only: "ann's", pinned: [loud] });
    expect(slots.map(({ track }) => track)).toEqual([screen, camera, null]);
    point(slots, [loud], { only: "ann's" });
    expect(shown(slots)).toEqual([undefined, undefined, undefined]);
  });

  test('nobody is shown without slots', () => {
    expect(pointSlots([], rankTracks([made('a')]), NOBODY).size).toBe(0);
  });
});
