import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SlotTable } from '../../../sdk/slot-table.ts';
import type { Filled, SlotChange } from '../../../sdk/slot-table.ts';
import type { Binding, TrackInfo } from '../../../signaling/protocol.ts';

const info = (sid: string, more: Partial<TrackInfo> = {}): TrackInfo => ({
  sid,
  kind: 'video',
  source: 'camera',
  name: '',
  muted: false,
  ...more,
});
const to = (mid: string, participant: string, track: string): Binding => ({
  mid,
  participant,
  track,
});
const empty = (mid: string): Binding => ({ mid, participant: null, track: null });

const text = ({ mid, participant, info: { sid } }: Filled): string =>
  `${mid} ${participant} ${sid}`;
const said = ({ emptied, filled }: SlotChange): string[] => [
  ...emptied.map((slot) => `- ${text(slot)}`),
  ...filled.map((slot) => `+ ${text(slot)}`),
];

/** Ada and Bob with a camera each. */
function table(): SlotTable {
  const slots = new SlotTable();
  slots.setTracks('ada', [info('a')]);
  slots.setTracks('bob', [info('b')]);
  return slots;
}

describe('a slot', () => {
  test('is filled, pointed elsewhere and emptied; each is said once', () => {
    const slots = table();
    slots.bind([to('4', 'ada', 'a')]);
    expect(said(slots.changes())).toEqual(['+ 4 ada a']);
    expect(said(slots.changes())).toEqual([]);
    slots.bind([to('4', 'bob', 'b')]);
    expect(said(slots.changes())).toEqual(['- 4 ada a', '+ 4 bob b']);
    slots.bind([empty('4')]);
    expect(said(slots.changes())).toEqual(['- 4 bob b']);
  });

  test('that is not named stays as it is, unless all are told', () => {
    const slots = table();
    slots.bind([to('4', 'ada', 'a')]);
    slots.bind([to('5', 'bob', 'b')]);
    expect(said(slots.changes())).toEqual(['+ 4 ada a', '+ 5 bob b']);
    slots.bindAll([to('5', 'bob', 'b')]);
    expect(said(slots.changes())).toEqual(['- 4 ada a']);
  });

  test('that changes and changes back in between is no change', () => {
    const slots = table();
    slots.bind([to('4', 'ada', 'a')]);
    slots.changes();
    slots.bind([to('4', 'bob', 'b')]);
    slots.bind([to('4', 'ada', 'a')]);
    expect(said(slots.changes())).toEqual([]);
  });

  test('waits for the news of who publishes its track', () => {
    const slots = new SlotTable();
    slots.bind([to('4', 'ada', 'a')]);
    expect(said(slots.changes())).toEqual([]);
    slots.setTracks('ada', [info('other')]);
    expect(said(slots.changes())).toEqual([]);
    slots.setTracks('ada', [info('other'), info('a')]);
    expect(said(slots.changes())).toEqual(['+ 4 ada a']);
  });

  test('loses a track that is not published any more, and all of who has left', () => {
    const slots = table();
    slots.bind([to('4', 'ada', 'a'), to('5', 'bob', 'b')]);
    slots.changes();
    slots.setTracks('ada', []);
    expect(said(slots.changes())).toEqual(['- 4 ada a']);
    slots.forget('bob');
    expect(said(slots.changes())).toEqual(['- 5 bob b']);
  });

  test('a change of the mute state is none of the slot', () => {
    const slots = table();
    slots.bind([to('4', 'ada', 'a')]);
    slots.changes();
    slots.setTracks('ada', [info('a', { muted: true })]);
    expect(said(slots.changes())).toEqual([]);
  });
});

test('a track that moves leaves the slot where it was', () => {
  const slots = table();
  slots.bind([to('4', 'ada', 'a')]);
  slots.changes();
  slots.bind([to('5', 'ada', 'a')]);
  expect(said(slots.changes())).toEqual(['- 4 ada a', '+ 5 ada a']);
  expect([...slots.filled()].map(text)).toEqual(['5 ada a']);
});

test('whatever the server says: a slot has one track, a track one slot, and changes add up', () => {
  const name = fc.constantFrom('ada', 'bob', 'cleo');
  const track = fc.constantFrom('a', 'b', 'c', 'd');
  const mid = fc.constantFrom('1', '2', '3');
  const step = fc.oneof(
    fc.tuple(mid, name, track).map((names) => (s: SlotTable) => s.bind([to(...names)])),
    mid.map((one) => (s: SlotTable) => s.bind([empty(one)])),
    fc
      .array(fc.tuple(mid, name, track))
      .map((all) => (s: SlotTable) => s.bindAll(all.map((names) => to(...names)))),
    fc.tuple(name, fc.array(track)).map(
      ([who, sids]) =>
        (s: SlotTable) =>
          s.setTracks(
            who,
            sids.map((sid) => info(sid)),
          ),
    ),
    name.map((who) => (s: SlotTable) => s.forget(who)),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const slots = new SlotTable();
      const shown = new Set<string>();
      for (const apply of steps) {
        apply(slots);
        const { emptied, filled } = slots.changes();
        for (const slot of emptied) expect(shown.delete(text(slot))).toBe(true);
        for (const slot of filled) shown.add(text(slot));
        const now = [...slots.filled()];
        expect(new Set(now.map(text))).toEqual(shown);
        expect(new Set(now.map((slot) => slot.mid)).size).toBe(now.length);
        expect(new Set(now.map((slot) => slot.info.sid)).size).toBe(now.length);
      }
    }),
  );
});
