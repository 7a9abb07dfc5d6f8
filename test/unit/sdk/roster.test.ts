import { expect, test } from 'vitest';
import { Roster } from '../../../sdk/roster.ts';
import type { RosterChange } from '../../../sdk/roster.ts';
import { participantInfo as info } from '../../support/participant-info.ts';

/** Node has no media streams, and a roster only hands them on. */
const newRoster = (): Roster =>
  new Roster(() => {
    const stream: unknown = {};
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return stream as MediaStream;
  });

const sids = ({ joined, updated, left }: RosterChange): string[][] => [
  joined.map(({ sid }) => sid),
  updated.map(({ sid }) => sid),
  left.map(({ participant, reason }) => `${participant.sid} ${reason}`),
];

test('newcomers, changes and departures are told apart', () => {
  const roster = newRoster();
  expect(sids(roster.apply([info('a'), info('b')], []))).toEqual([['a', 'b'], [], []]);
  const change = roster.apply(
    [info('a', 2, { attrs: { 'sterna.mic': 'off' } }), info('c')],
    [{ sid: 'b', reason: 'LEFT' }],
  );
  expect(sids(change)).toEqual([['c'], ['a'], ['b LEFT']]);
  expect(roster.participants.get('a')).toMatchObject({ microphone: 'off', camera: 'none' });
});

test('late and repeated news change nothing', () => {
  const roster = newRoster();
  roster.apply([info('a', 5, { name: 'new' })], []);
  expect(sids(roster.apply([info('a', 4, { name: 'old' }), info('a', 5)], []))).toEqual([
    [],
    [],
    [],
  ]);
  expect(roster.participants.get('a')?.name).toBe('new');
  expect(sids(roster.apply([], [{ sid: 'nobody', reason: 'LEFT' }]))).toEqual([[], [], []]);
});

test('who came and went in one message is gone', () => {
  const roster = newRoster();
  roster.apply([info('a')], [{ sid: 'a', reason: 'LEFT' }]);
  expect(roster.participants.size).toBe(0);
});

test('a snapshot removes those who are not in it, and keeps the objects of the others', () => {
  const roster = newRoster();
  roster.apply([info('a'), info('b')], []);
  const before = roster.participants.get('a');
  expect(sids(roster.replace([info('a', 2), info('c')]))).toEqual([['c'], ['a'], ['b UNSEEN']]);
  expect(roster.participants.get('a')).toBe(before);
});
