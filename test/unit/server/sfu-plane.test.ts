import { expect, test } from 'vitest';
import { SfuPlane } from '../../../server/media/sfu-plane.ts';
import type { SfuCommand } from '../../../sfu/control.ts';
import { CONNECTING_MAX } from '../../../sfu/transport/limits.ts';

function planeOf(workers: number, transportsMax = 100, participantsPerWorker = 100) {
  const sent: [number, SfuCommand][] = [];
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

const open = (id: number, ufrag = `ufrag${id}`): SfuCommand => ({
  type: 'sfu.open',
  id,
  room: 'RM_1',
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
