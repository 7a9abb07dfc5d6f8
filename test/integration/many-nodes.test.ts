// Three nodes and a real Redis are one service: nobody has to know where a room is, and whatever dies, freezes or is
// cut off, everybody ends up in one room, once.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { CUT_OFF, Nodes } from '../support/nodes.ts';
import type { SignalClient } from '../support/signal-client.ts';

/** The lease is one second here; by then nobody holds one that could not renew it. */
const LEASE_OVER_MS = 1500;

type People = Readonly<Record<'ann' | 'bob' | 'eve', SignalClient>>;

let nodes: Nodes;

beforeAll(async () => {
  nodes = await Nodes.start(3, {
    sfu: { enabled: false },
    turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of the test'] },
  });
});

afterEach(() => nodes.closeClients());
afterAll(() => nodes.stop(CUT_OFF));

/** Ann at the node that has the room, bob at the next one, eve at the third. Bob and eve never come to the owner. */
async function people(room: string, owner: number): Promise<People> {
  const ann = nodes.client(room, 'ann', owner, {
    token: nodes.token(room, 'ann', { roomAdmin: true }),
  });
  await ann.joined();
  const others = [(owner + 1) % 3, (owner + 2) % 3] as const;
  const bob = nodes.client(room, 'bob', others[0], { nodes: others });
  const eve = nodes.client(room, 'eve', others[1], { nodes: others });
  await Promise.all([bob.joined(), eve.joined()]);
  await nodes.together(room, { ann, bob, eve });
  return { ann, bob, eve };
}

/** Whose session is the one that it was, resumed or not, and whose is another one. */
function sessions(all: People): string[] {
  return Object.values(all).map(({ how }) => (how.includes('rejoined') ? 'another' : 'the same'));
}

const rejoined = (client: SignalClient): Promise<void> =>
  client.until(() => client.how.includes('rejoined'));

/** As whoever administers that room, or all. */
function ask(
  at: number,
  method: string,
  path: string,
  { room, body }: { room?: string; body?: object } = {},
): Promise<Answer> {
  const token = nodes.token(room, 'admin', { roomAdmin: true });
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { authorization: `Bearer ${token}`, ...type };
  const text = body === undefined ? undefined : JSON.stringify(body);
  return call(nodes.all[at]!.sterna.port, method, path, headers, text);
}

const makeRoom = (at: number, name: string, metadata: string): Promise<Answer> =>
  ask(at, 'POST', '/v1/rooms', { room: name, body: { name, metadata } });

const lastTime = (at: number, event: string): number =>
  Date.parse(String(nodes.all[at]!.sterna.events(event).at(-1)?.['time']));

test('people at three nodes are in one room, and talk', async () => {
  const all = await people('talk', 0);
  const rooms = Object.values(all).map(({ joins }) => joins[0]?.message.room.sid);
  expect(new Set(rooms).size).toBe(1);
  expect(sessions(all)).toEqual(['the same', 'the same', 'the same']);
});

test('who is put out stays out, at every node', async () => {
  const { ann } = await people('kick', 1);
  const token = nodes.token('kick', 'max');
  const max = nodes.client('kick', 'max', 0, { token });
  await max.joined();
  await ann.connection.request({ type: 'mod', op: 'kick', to: max.sid });
  await max.until(() => max.closed !== undefined);
  expect(max.closed?.reason).toBe('KICKED');
  for (const at of [0, 1, 2]) {
    const again = nodes.client('kick', 'max', at, { nodes: [at], token });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await again.until(() => again.closed !== undefined);
    expect(again.closed?.reason).toBe('TOKEN_INVALID');
  }
});

test('the API of any node makes a room, and every node knows it', async () => {
  const made = await makeRoom(0, 'api', 'of the API');
  expect(made.status).toBe(201);
  const found = await makeRoom(1, 'api', 'too late');
  expect([found.status, JSON.parse(found.body)]).toEqual([200, JSON.parse(made.body)]);
  const bob = nodes.client('api', 'bob', 2);
  await bob.joined();
  expect(bob.joins[0]?.message.room).toEqual(JSON.parse(made.body));
  // The node that has it says so.
  const stats = await ask(1, 'GET', '/v1/rooms/api/stats', { room: 'api' });
  expect([stats.status, stats.body]).toEqual([409, expect.stringContaining('ROOM_P2P')]);
  const nobody = await ask(1, 'GET', '/v1/rooms/nowhere/participants', { room: 'nowhere' });
  expect(nobody.status).toBe(404);
});

test('the API of any node moderates, changes and ends a room, and lists the rooms of all', async () => {
  await Promise.all([0, 1, 2].map((at) => makeRoom(at, `list ${at}`, '')));
  const bob = nodes.client('list 0', 'bob', 2);
  await bob.joined();
  const names = z.object({
    rooms: z.array(z.object({ name: z.string(), meta: z.string() })),
    next: z.string().nullable(),
  });
  const list = async (query: string): Promise<z.output<typeof names>> =>
    names.parse(JSON.parse((await ask(1, 'GET', `/v1/rooms${query}`)).body));
  const first = await list('?limit=2&after=list');
  expect([first.rooms.map(({ name }) => name), first.next]).toEqual([
    ['list 0', 'list 1'],
    'list 1',
  ]);
  const rest = await list('?limit=2&after=list%201');
  expect(rest.rooms[0]?.name).toBe('list 2');
  const change = { room: 'list 0', body: { metadata: 'changed' } };
  expect((await ask(1, 'PATCH', '/v1/rooms/list%200', change)).status).toBe(200);
  expect((await list('?limit=1&after=list')).rooms[0]?.meta).toBe('changed');
  const told = await Promise.all(
    [0, 1].map((at) => ask(at, 'GET', '/v1/rooms/list%200', { room: 'list 0' })),
  );
  expect(told.map(({ status }) => status)).toEqual([200, 200]);
  expect(told[1]?.headers.etag).toBe(told[0]?.headers.etag);
  const of = { room: 'list 0' };
  const kicked = await ask(1, 'DELETE', '/v1/rooms/list%200/participants/bob', of);
  expect(kicked.status).toBe(204);
  await bob.until(() => bob.closed !== undefined);
  expect(bob.closed?.reason).toBe('KICKED');
  expect((await ask(2, 'DELETE', '/v1/rooms/list%200', of)).status).toBe(204);
  expect((await ask(0, 'GET', '/v1/rooms/list%200/participants', of)).status).toBe(404);
});

test('any node tells of all nodes and their rooms, drains any, and without Redis tells of itself', async () => {
  const told = z.object({
    self: z.string(),
    nodes: z.array(z.object({ id: z.string(), state: z.string(), participants: z.int() })),
    missing: z.array(z.unknown()),
    redis: z.string(),
  });
  const look = async (at: number): Promise<z.output<typeof told>> =>
    told.parse(JSON.parse((await ask(at, 'GET', '/v1/nodes')).body));
  await people('seen', 1);
  const [first, third] = [await look(0), await look(2)];
  expect([first.redis, first.missing]).toEqual(['up', []]);
  const ids = first.nodes.map(({ id }) => id);
  expect(third.nodes.map(({ id }) => id)).toEqual(ids);
  expect([ids.length, new Set(ids).size, first.self === third.self]).toEqual([3, 3, false]);
  const overview = await ask(2, 'GET', '/v1/overview?search=EVE&limit=1');
  expect(JSON.parse(overview.body)).toMatchObject({ matched: 1, rooms: [{ name: 'seen' }] });

  const drain = async (node: string, on: boolean): Promise<number> =>
    (await ask(0, 'POST', '/v1/drain', { body: { on, node } })).status;
  const states = async (): Promise<string[]> => {
    const { nodes: all } = await look(1);
    return all.filter(({ state }) => state !== 'ready').map(({ id }) => id);
  };
  expect([await drain(third.self, true), await states()]).toEqual([200, [third.self]]);
  expect([await drain(third.self, false), await states()]).toEqual([200, []]);
  expect(await drain('nobody', true)).toBe(404);

  nodes.redis.freeze();
  const alone = await look(0);
  nodes.redis.thaw();
  expect([alone.redis, alone.nodes.map(({ id }) => id)]).toEqual(['down', [first.self]]);
  await expect.poll(async () => (await look(0)).nodes.length).toBe(3);
});

test('Redis stands still for longer than a lease: all sessions go on', async () => {
  const all = await people('frozen', 0);
  nodes.redis.freeze();
  await sleep(LEASE_OVER_MS);
  nodes.redis.thaw();
  await nodes.together('frozen', all);
  expect(sessions(all)).toEqual(['the same', 'the same', 'the same']);
});

test('Redis dies, and the next one knows nothing: all sessions go on', async () => {
  const all = await people('empty', 1);
  await nodes.redis.kill();
  await sleep(LEASE_OVER_MS);
  await nodes.redis.restart();
  await nodes.together('empty', all);
  expect(sessions(all)).toEqual(['the same', 'the same', 'the same']);
});

test('the owner is cut off from Redis: the room goes on at another node, and stays there', async () => {
  const all = await people('cut', 2);
  nodes.all[2]!.wire.cut();
  await Promise.all(Object.values(all).map(rejoined));
  nodes.all[2]!.wire.mend();
  await nodes.together('cut', all);
  expect(sessions(all)).toEqual(['another', 'another', 'another']);
  const takers = [0, 1].filter((at) => nodes.all[at]!.sterna.output.includes('taken_over'));
  expect(takers).toHaveLength(1);
  // There never were two owners.
  expect(lastTime(2, 'cluster.lease.lost')).toBeLessThan(
    lastTime(takers[0]!, 'cluster.room.taken_over'),
  );
});

test('a node is cut off through which somebody speaks: the session goes on through another', async () => {
  const all = await people('edge', 2);
  nodes.all[0]!.wire.cut();
  await all.bob.joined(2);
  nodes.all[0]!.wire.mend();
  await nodes.together('edge', all);
  expect(sessions(all)).toEqual(['the same', 'the same', 'the same']);
});

test('the owner stands still for longer than a lease: it comes back to a room that is not its own', async () => {
  const all = await people('still', 1);
  process.kill(nodes.all[1]!.sterna.pid, 'SIGSTOP');
  await Promise.all([all.bob, all.eve].map(rejoined));
  process.kill(nodes.all[1]!.sterna.pid, 'SIGCONT');
  await nodes.together('still', all);
  expect(sessions(all)).toEqual(['another', 'another', 'another']);
});

test('the owner is told to stop: the room is elsewhere at once, as it was made', async () => {
  await makeRoom(0, 'stop', 'kept');
  const all = await people('stop', 0);
  await nodes.all[0]!.sterna.stop('SIGTERM', CUT_OFF);
  await nodes.together('stop', all);
  expect(sessions(all)).toEqual(['another', 'another', 'another']);
  expect(all.ann.joins.at(-1)?.message.room.meta).toBe('kept');
  await nodes.replace(0);
});

test('the owner is killed: the room goes on elsewhere within five seconds, as it was made', async () => {
  await makeRoom(2, 'kill', 'kept');
  const all = await people('kill', 2);
  await nodes.kill(2);
  await nodes.together('kill', all);
  expect(sessions(all)).toEqual(['another', 'another', 'another']);
  expect(all.ann.joins.at(-1)?.message.room.meta).toBe('kept');
});
