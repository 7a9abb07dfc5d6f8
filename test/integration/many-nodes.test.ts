// Three nodes and a real Redis are one service: nobody has to know where a room is, and whatever dies, freezes or is
// cut off, everybody ends up in one room, once.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { call } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { Nodes } from '../support/nodes.ts';
import type { SignalClient } from '../support/signal-client.ts';

/** What nodes complain of when they are cut off. */
const EXPECTED = [
  'redis.down',
  'cluster.lease.lost',
  'cluster.room.lost',
  'cluster.node.lost',
  'cluster.not_revoked',
];

type People = Readonly<Record<'ann' | 'bob' | 'eve', SignalClient>>;

let nodes: Nodes;

beforeAll(async () => {
  nodes = await Nodes.start(3, {
    sfu: { enabled: false },
    turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of the test'] },
  });
});

afterEach(() => nodes.closeClients());
afterAll(() => nodes.stop(EXPECTED));

/** Ann at the node that has the room, bob at the next one, eve at the third. */
async function people(room: string, owner: number): Promise<People> {
  const ann = nodes.client(room, 'ann', owner, {
    token: nodes.token(room, 'ann', { roomAdmin: true }),
  });
  await ann.joined();
  const bob = nodes.client(room, 'bob', (owner + 1) % 3);
  const eve = nodes.client(room, 'eve', (owner + 2) % 3);
  await Promise.all([bob.joined(), eve.joined()]);
  return { ann, bob, eve };
}

/** How each came to be where it is, without repetitions. */
function ways(all: People): string[] {
  return Object.values(all).map(({ how }) => how.filter((one, i) => one !== how[i - 1]).join(', '));
}

test('people at three nodes are in one room, and talk', async () => {
  const all = await people('talk', 0);
  const rooms = Object.values(all).map(({ joins }) => joins[0]?.message.room.sid);
  expect(new Set(rooms).size).toBe(1);
  await nodes.together('talk', all);
  expect(ways(all)).toEqual(['joined', 'joined', 'joined']);
});

test('who is put out stays out, at every node', async () => {
  const { ann } = await people('kick', 1);
  const token = nodes.token('kick', 'max');
  const max = nodes.client('kick', 'max', 0, { token });
  await max.joined();
  await ann.connection.request({ type: 'mod', op: 'kick', to: max.sid });
  await max.until(() => max.closed !== undefined);
  expect(max.closed?.reason).toBe('KICKED');
  // Also at a room of another node, and where it is refused without asking.
  for (const at of [0, 1, 2]) {
    const again = nodes.client('kick', 'max', at, { nodes: [at], token });
    await again.until(() => again.closed !== undefined);
    expect(again.closed?.reason).toBe('TOKEN_INVALID');
  }
});

test('the API of any node makes a room, and every node knows it', async () => {
  const token = nodes.token('api', 'admin', { roomAdmin: true });
  const make = (at: number, metadata: string): Promise<Answer> =>
    call(
      nodes.all[at]!.sterna.port,
      'POST',
      '/v1/rooms',
      { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      JSON.stringify({ name: 'api', metadata }),
    );
  const made = await make(0, 'of the API');
  expect(made.status).toBe(201);
  const found = await make(1, 'too late');
  expect([found.status, JSON.parse(found.body)]).toEqual([200, JSON.parse(made.body)]);
  const bob = nodes.client('api', 'bob', 2);
  await bob.joined();
  expect(bob.joins[0]?.message.room).toEqual(JSON.parse(made.body));
  const stats = await call(nodes.all[1]!.sterna.port, 'GET', '/v1/rooms/api/stats', {
    authorization: `Bearer ${token}`,
  });
  // The node that has it says so.
  expect(stats.body).toContain('ROOM_P2P');
});

test('Redis is frozen for longer than a lease: the same sessions go on', async () => {
  const all = await people('frozen', 0);
  await nodes.together('frozen', all);
  nodes.redis.freeze();
  await sleep(2500);
  nodes.redis.thaw();
  await nodes.together('frozen', all);
  console.log(ways(all));
});

test('Redis is killed, and another one knows nothing', async () => {
  const all = await people('empty', 1);
  await nodes.together('empty', all);
  await nodes.redis.kill();
  await sleep(2500);
  await nodes.redis.restart();
  await nodes.together('empty', all);
  console.log(ways(all));
});

test('the node that has the room is cut off from Redis: it goes on at another one, and stays there', async () => {
  const all = await people('cut', 2);
  await nodes.together('cut', all);
  nodes.all[2]!.wire.cut();
  await sleep(3500);
  const { ann, bob, eve } = all;
  console.log(ways(all), ann.away, bob.away, eve.away);
  nodes.all[2]!.wire.mend();
  await nodes.together('cut', all);
  console.log(ways(all));
});

test('a node is cut off through which people speak to another one', async () => {
  const all = await people('edge', 2);
  await nodes.together('edge', all);
  nodes.all[0]!.wire.cut();
  await sleep(3000);
  nodes.all[0]!.wire.mend();
  await nodes.together('edge', all);
  console.log(ways(all));
});

test('the node that has the room stands still for longer than a lease', async () => {
  const all = await people('still', 1);
  await nodes.together('still', all);
  process.kill(nodes.all[1]!.sterna.pid, 'SIGSTOP');
  await sleep(3000);
  process.kill(nodes.all[1]!.sterna.pid, 'SIGCONT');
  await nodes.together('still', all);
  console.log(ways(all));
});

test('the node that has the room is told to stop: the room is elsewhere at once, as it was made', async () => {
  const all = await people('stop', 0);
  await nodes.together('stop', all);
  const stopped = nodes.all[0]!.sterna.stop('SIGTERM', EXPECTED);
  await nodes.together('stop', all);
  await stopped;
  console.log(ways(all));
  await nodes.replace(0);
});

test('the node that has the room is killed: it goes on elsewhere within seconds, as it was made', async () => {
  const all = await people('kill', 2);
  await nodes.together('kill', all);
  const began = performance.now();
  await nodes.all[2]!.sterna.kill();
  await nodes.together('kill', all);
  console.log(performance.now() - began);
  expect(ways(all)).toEqual(['joined, rejoined', 'joined, rejoined', 'joined, rejoined']);
  await nodes.replace(2);
});
