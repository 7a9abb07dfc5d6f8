import { expect, test } from 'vitest';
import { SfuPlane } from '../../../server/media/sfu-plane.ts';
import type { PipeCommand, SfuCommand } from '../../../sfu/control.ts';
import { CONNECTING_MAX } from '../../../sfu/transport/limits.ts';

function planeOf(workers: number, transportsMax = 100, participantsPerWorker = 100) {
  const sent: [number, SfuCommand | PipeCommand][] = [];
  const plane = new SfuPlane({
    workers,
    fingerprint: 'sha-256 AA',
    transportsMax,
    participantsPerWorker,
    send: (worker, command) => sent.push([worker, command]),
  });
  const heard: unknown[] = [];
  plane.onEvent((place, event) => heard.push([place, event]));
  for (let worker = 0; worker < workers; worker++) plane.setCandidates(worker, []);
  return { plane, sent, heard };
}

const ice = (ufrag: string) => ({
  local: { ufrag, password: 'p'.repeat(24) },
  remote: { ufrag: 'peer', password: 'q'.repeat(24) },
});

const open = (
  id: number,
  ufrag = `ufrag${id}`,
  room = `RM_${id}`,
): Extract<SfuCommand, { type: 'sfu.open' }> => ({
  type: 'sfu.open',
  id,
  room,
  ice: ice(ufrag),
  fingerprints: [],
  setup: 'passive',
  media: { sections: [], publications: [] },
  slots: [],
});

test('rooms go to the worker with the fewest transports, then with the fewest rooms', () => {
  const { plane, sent } = planeOf(3);
  const [first, second, third] = [plane.place('RM'), plane.place('RM'), plane.place('RM')];
  expect(new Set([first, second, third]).size).toBe(3);
  first.send(open(1));
  second.send(open(2));
  expect(plane.place('RM')).toBe(third);
  third.send(open(3));
  third.send(open(4));
  first.send({ type: 'sfu.close', id: 1 });
  expect(plane.place('RM')).toBe(first);
  expect(sent.map(([worker, { type }]) => `${worker} ${type}`)).toEqual([
    '0 sfu.open',
    '1 sfu.open',
    '2 sfu.open',
    '2 sfu.open',
    '0 sfu.close',
  ]);
});

test('a room goes where there is place, and one more transport than a worker takes is a shortage', () => {
  const { plane } = planeOf(2, 2);
  const [first, second] = [plane.place('RM'), plane.place('RM')];
  for (const [id, place] of [first, second, first].entries()) place.send(open(id));
  expect([first.shortage, second.shortage, plane.shortage]).toEqual(['full', null, null]);
  expect(plane.place('RM')).toBe(second);
  second.send(open(3));
  expect([second.shortage, plane.shortage]).toEqual(['full', 'full']);
  // Said to be closed, or told to be: either frees a place, and saying it twice no second one.
  plane.event(0, { type: 'sfu.state', id: 0, state: 'closed', path: '', reason: 'peer-closed' });
  first.send({ type: 'sfu.close', id: 0 });
  expect([first.shortage, plane.shortage]).toEqual([null, null]);
  first.send(open(4));
  expect(plane.shortage).toBe('full');
});

test('a worker that is dead has no place until it listens again, and then all of it', () => {
  const { plane } = planeOf(2, 1);
  const [first, second] = [plane.place('RM'), plane.place('RM')];
  first.send(open(1));
  plane.down(0);
  expect([first.shortage, plane.shortage]).toEqual(['down', null]);
  expect(plane.place('RM')).toBe(second);
  plane.down(1);
  expect(plane.shortage).toBe('down');
  plane.setCandidates(0, []);
  plane.lost(0);
  expect([first.shortage, plane.shortage]).toEqual([null, null]);
  expect(plane.place('RM')).toBe(first);
});

test('before they are connected, as many transports as a worker has handshakes for', () => {
  const { plane } = planeOf(1, CONNECTING_MAX + 10);
  const place = plane.place('RM');
  for (let id = 0; id < CONNECTING_MAX; id++) place.send(open(id));
  expect(place.shortage).toBe('full');
  const connected = { type: 'sfu.state', state: 'connected', path: 'udp', reason: '' } as const;
  plane.event(0, { ...connected, id: 7 });
  plane.event(0, { ...connected, id: 7 });
  expect(place.shortage).toBeNull();
  place.send({ type: 'sfu.close', id: 7 });
  place.send(open(CONNECTING_MAX));
  expect(place.shortage).toBe('full');
  place.send({ type: 'sfu.close', id: 8 });
  expect(place.shortage).toBeNull();
});

test('a session is found by each of its newest fragments until it is closed', () => {
  const { plane } = planeOf(2);
  plane.place('RM');
  const place = plane.place('RM');
  place.send(open(7, 'old'));
  expect(plane.workerOf('old')).toBe(1);
  const media = { sections: [], publications: [] };
  for (const ufrag of ['r1', 'r2', 'r3', 'r4']) {
    place.send({ type: 'sfu.change', id: 7, media, ice: ice(ufrag) });
  }
  expect(plane.workerOf('old')).toBeUndefined();
  expect(['r1', 'r2', 'r3', 'r4'].map((ufrag) => plane.workerOf(ufrag))).toEqual([1, 1, 1, 1]);
  plane.event(1, { type: 'sfu.state', id: 7, state: 'closed', path: '', reason: 'ice-timeout' });
  expect(plane.workerOf('r4')).toBeUndefined();
  // A restart that crossed it in the air finds nothing to belong to.
  place.send({ type: 'sfu.change', id: 7, media, ice: ice('late') });
  expect(plane.workerOf('late')).toBeUndefined();
});

test('what a worker says and its death reach signaling with the place it is about', () => {
  const { plane, heard } = planeOf(2);
  const place = plane.place('RM');
  place.send(open(1));
  plane.event(0, { type: 'sfu.live', publication: 9 });
  plane.lost(0);
  expect(heard).toEqual([
    [place, { type: 'sfu.live', publication: 9 }],
    [place, { type: 'sfu.lost' }],
  ]);
  expect(plane.workerOf('ufrag1')).toBeUndefined();
});

/** Places so many in a room, one after the other; the workers that they came to. */
function fill(plane: SfuPlane, room: string, ids: readonly number[]): number[] {
  return ids.map((id) => {
    const place = plane.place(room);
    place.send(open(id, `ufrag${id}`, room));
    return place.worker;
  });
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

test('a room stays in one worker until that has enough of it, and then takes the least busy', () => {
  const { plane } = planeOf(3, 100, 4);
  expect(fill(plane, 'A', range(0, 4))).toEqual([0, 0, 0, 0]);
  expect(fill(plane, 'B', [10])).toEqual([1]);
  expect(fill(plane, 'A', range(4, 8))).toEqual([2, 2, 2, 2]);
  expect(fill(plane, 'A', range(20, 22))).toEqual([1, 1]);
  // Who leaves makes room where the room began.
  plane.event(0, { type: 'sfu.state', id: 2, state: 'closed', path: '', reason: 'ice-timeout' });
  expect(fill(plane, 'A', [22, 23])).toEqual([0, 1]);
  // All have enough of it: from here on by load.
  expect(fill(plane, 'A', range(30, 34))).toEqual([1, 2, 0, 2]);
});

test('a room goes on elsewhere when its worker is much busier than another, or cannot take more', () => {
  const { plane } = planeOf(2, 12, 4);
  expect(fill(plane, 'A', [0])).toEqual([0]);
  const busy = plane.place('other');
  expect(busy.worker).toBe(1);
  const [first] = fill(plane, 'B', [1]);
  expect(first).toBe(1);
  for (const id of range(10, 13)) plane.place('B').send(open(id, `b${id}`, 'B'));
  // One here and four there: not enough of a difference.
  expect(fill(plane, 'A', [2])).toEqual([0]);
  for (const id of range(20, 26)) busy.send(open(id, `c${id}`, `C${id}`));
  plane.event(1, { type: 'sfu.state', id: 12, state: 'closed', path: '', reason: 'ice-timeout' });
  expect(fill(plane, 'B', [30])).toEqual([0]);
  plane.down(0);
  expect(fill(plane, 'A', [31])).toEqual([1]);
});

test('with one worker nobody is told of anybody else', () => {
  const { plane, sent } = planeOf(1, 100, 1);
  expect(fill(plane, 'A', range(0, 3))).toEqual([0, 0, 0]);
  plane.event(0, { type: 'sfu.watch', publication: 7, isWatched: true });
  expect(sent.map(([, { type }]) => type)).toEqual(['sfu.open', 'sfu.open', 'sfu.open']);
});

const encodings = (wanted: boolean): SfuCommand => ({
  type: 'sfu.encodings',
  publication: 7,
  wanted: [true, wanted],
});

test('which encodings rest is told wherever the track is, and to whoever comes later', () => {
  const { plane, sent } = planeOf(2, 100, 1);
  const publications = [{ publication: 7, mid: '0', muted: false }];
  const media = { sections: [], publications };
  const home = plane.place('A');
  home.send({ ...open(1, 'one', 'A'), media });
  home.send(encodings(false));
  plane.place('A').send(open(2, 'two', 'A'));
  home.send(encodings(true));
  home.send({ type: 'sfu.close', id: 1 });
  const away = sent.flatMap(([worker, command]) =>
    worker === 1 && command.type !== 'sfu.heard' ? [command] : [],
  );
  expect(away.map(({ type }) => type)).toEqual([
    'sfu.open',
    'sfu.mirror',
    'sfu.encodings',
    'sfu.encodings',
    'sfu.unmirror',
  ]);
  expect(away.slice(2, 4)).toEqual([encodings(false), encodings(true)]);
});
