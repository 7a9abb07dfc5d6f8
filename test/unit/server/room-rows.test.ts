// Rooms as an operator sees them: in which order, in which pages, and how often media workers are asked for it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverviewQuery } from '../../../gateway/routes/overview.ts';
import { pageOfRows, RoomRows } from '../../../server/room-rows.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { RoomSummary } from '../../../sfu/router/room-summary.ts';
import { SignalingServer } from '../../../signaling/index.ts';

let now = 0;
const clock = { monotonic: () => now, wall: () => now };
const signaling = new SignalingServer({
  keys: { key: 'a secret for tests, long enough to be one' },
  node: 'test',
  version: '0.0.0',
  origins: [],
  iceServers: () => ({ servers: [], expiresAt: 0 }),
  log: silentLogger,
});
afterAll(() => signaling.close());

const sids = new Map<string, string>();
beforeAll(() => {
  for (const name of ['calm', 'paused', 'Lossy', 'gone']) {
    sids.set(name, signaling.rooms.create({ name }).sid);
  }
});

const summary = (name: string, over: Partial<RoomSummary> = {}): RoomSummary => ({
  sid: sids.get(name) ?? '',
  transports: 2,
  bitrateInBps: 1000,
  bitrateOutBps: 2000.4,
  disconnected: 0,
  lossy: 0,
  paused: 0,
  reduced: 0,
  troubled: [],
  ...over,
});

let asked = 0;
function rows(node: string): RoomRows {
  return new RoomRows({
    node,
    clock,
    rooms: signaling.rooms,
    summaries: () => {
      asked++;
      const of0 = [summary('calm', { reduced: 3 }), summary('Lossy', { lossy: 1 })];
      const of1 = [summary('Lossy'), summary('paused', { paused: 2, reduced: 1 })];
      return Promise.resolve([of0, undefined, of1]);
    },
  });
}

const query = (over: Partial<OverviewQuery> = {}): OverviewQuery => ({
  limit: 50,
  offset: 0,
  search: '',
  ...over,
});

test('the worst come first, and rooms of several workers are one', async () => {
  const { rooms, ...rest } = await rows('n').list({ search: '', count: 10 });
  expect(rooms.map(({ name, workers }) => [name, workers])).toEqual([
    ['paused', [2]],
    ['Lossy', [0, 2]],
    ['calm', [0]],
    ['gone', []],
  ]);
  expect(rooms[1]).toMatchObject({ bitrateInBps: 2000, bitrateOutBps: 4001, node: 'n' });
  expect(rest).toEqual({
    total: 4,
    matched: 4,
    troubledRooms: 3,
    troubles: { disconnected: 0, lossy: 1, paused: 2, reduced: 4 },
  });
});

test('a search finds by part of the name, in any case, and troubles are still those of all', async () => {
  const found = await rows('n').list({ search: 'LOS', count: 10 });
  expect([found.rooms.map(({ name }) => name), found.matched, found.total]).toEqual([
    ['Lossy'],
    1,
    4,
  ]);
  expect(found.troubledRooms).toBe(3);
});

test('workers are asked once a second, however many look', async () => {
  const looked = rows('n');
  asked = 0;
  await Promise.all([1, 2, 3].map(() => looked.list({ search: '', count: 1 })));
  await looked.list({ search: '', count: 1 });
  expect(asked).toBe(1);
  now += 1001;
  await looked.list({ search: '', count: 1 });
  expect(asked).toBe(2);
});

test('the pages of several nodes are one list', async () => {
  const nodes = await Promise.all(
    ['a', 'b'].map((node) => rows(node).list({ search: '', count: 5 })),
  );
  const first = pageOfRows(nodes, query({ limit: 3 }));
  const second = pageOfRows(nodes, query({ limit: 3, offset: 3 }));
  expect(first.rooms.map(({ name, node }) => name + node)).toEqual([
    'pauseda',
    'pausedb',
    'Lossya',
  ]);
  expect(second.rooms.map(({ name, node }) => name + node)).toEqual(['Lossyb', 'calma', 'calmb']);
  expect([first.total, first.troubledRooms]).toEqual([8, 6]);
});
