// Draining a real server, over HTTP and by SIGTERM: nobody new, while who is here goes on until all are gone or the
// time is over.

import { afterEach, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call, problem } from '../support/http-call.ts';
import { ALLOCATE, lifetime, REFRESH, TurnClient, UDP } from '../support/turn/client.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import { address, PASSWORD, REALM, USER } from '../support/turn/world.ts';

let sterna: Sterna | undefined;
const open: (UdpEndpoint | WebSocket)[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await sterna?.kill();
  sterna = undefined;
});

async function start(timeout: number): Promise<Sterna> {
  sterna = await Sterna.start({
    config: {
      workers: 1,
      sfu: { enabled: false },
      drain: { timeout },
      turn: {
        realm: REALM,
        listeners: ['udp://127.0.0.1:0'],
        users: { [USER]: PASSWORD },
        relay: { addresses: ['127.0.0.1'] },
        limits: { unauthorizedPerSecond: 0 },
      },
    },
  });
  return sterna;
}

async function clientOf(server: Sterna): Promise<TurnClient> {
  const endpoint = await udpEndpoint(4, () => sleep(30));
  open.push(endpoint);
  const { host, port } = server.listener(4);
  const made = new TurnClient(endpoint, address(host, port));
  await made.challenge();
  return made;
}

function tokenOf(grants: { room?: string; roomJoin?: boolean; roomAdmin?: boolean }): string {
  const { name: key, secret } = API_KEY;
  return mintToken({ key, secret, identity: 'ann', grants, ttlSeconds: 60 });
}

/** The first message that answers the join. */
function join({ port }: Sterna): Promise<{ type: string; reason?: string }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/signal`, 'sterna.v1');
  open.push(socket);
  const token = tokenOf({ room: 'r', roomJoin: true });
  socket.on('open', () => socket.send(JSON.stringify({ type: 'join', i: 1, token })));
  return new Promise((resolve, reject) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the server sends
    const take = (data: Buffer) => resolve(JSON.parse(data.toString()) as { type: string });
    socket.once('message', take);
    socket.once('error', reject);
  });
}

const JSON_ADMIN = {
  authorization: `Bearer ${tokenOf({ roomAdmin: true })}`,
  'content-type': 'application/json',
};

async function drain({ port }: Sterna, on: boolean): Promise<unknown> {
  const answer = await call(port, 'POST', '/v1/drain', JSON_ADMIN, JSON.stringify({ on }));
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body);
}

describe('over HTTP', () => {
  it('takes nobody new until it is ended, and who is here goes on', async () => {
    const server = await start(0);
    const [old, fresh] = [await clientOf(server), await clientOf(server)];
    await old.allocate();
    expect(await join(server)).toMatchObject({ type: 'joined' });

    const draining = { draining: true, participants: 1, allocations: 1 };
    expect(await drain(server, true)).toEqual(draining);
    expect(await drain(server, true)).toEqual(draining);
    const told = await call(server.port, 'GET', '/v1/drain', JSON_ADMIN);
    expect(JSON.parse(told.body)).toEqual(draining);
    expect(problem(await call(server.port, 'GET', '/readyz'))).toMatchObject({
      status: 503,
      reason: 'DRAINING',
    });
    expect((await call(server.port, 'GET', '/healthz')).status).toBe(200);
    const room = await call(server.port, 'POST', '/v1/rooms', JSON_ADMIN, '{"name":"n"}');
    expect(problem(room).reason).toBe('DRAINING');
    expect(await join(server)).toMatchObject({ type: 'error', reason: 'DRAINING' });
    expect((await fresh.request(ALLOCATE, UDP)).outcome).toContain('508');
    expect((await old.refresh()).outcome).toBe('success');

    expect(await drain(server, false)).toMatchObject({ draining: false });
    expect((await call(server.port, 'GET', '/readyz')).status).toBe(200);
    await fresh.allocate();
    const lines = await server.waitForEvents('server.drain', 2);
    expect(lines.map(({ draining: on, by }) => [on, by])).toEqual([
      [true, 'http'],
      [false, 'http'],
    ]);
  });
});

describe('by SIGTERM', () => {
  it('waits for the last allocation, and ends with 0', async () => {
    const server = await start(600);
    const old = await clientOf(server);
    await old.allocate();
    process.kill(server.pid, 'SIGTERM');
    const [begun] = await server.waitForEvents('server.drain');
    expect(begun).toMatchObject({ draining: true, by: 'SIGTERM', allocations: 1 });
    expect(problem(await call(server.port, 'GET', '/readyz')).reason).toBe('DRAINING');
    expect((await old.refresh()).outcome).toBe('success');
    expect(server.events('server.drained')).toEqual([]);
    expect((await old.request(REFRESH, lifetime(0))).outcome).toBe('success');
    const [drained] = await server.waitForEvents('server.drained');
    expect(drained).toMatchObject({ participants: 0, allocations: 0 });
    expect(await server.ended).toMatchObject({ code: 0 });
  });

  it('ends what is left when the time is over', async () => {
    const server = await start(1);
    await (await clientOf(server)).allocate();
    process.kill(server.pid, 'SIGTERM');
    const [drained] = await server.waitForEvents('server.drained');
    expect(drained).toMatchObject({ participants: 0, allocations: 1 });
    await server.waitForEvents('server.closed');
  });

  it('twice ends it at once', async () => {
    const server = await start(600);
    await (await clientOf(server)).allocate();
    process.kill(server.pid, 'SIGTERM');
    await server.waitForEvents('server.drain');
    process.kill(server.pid, 'SIGTERM');
    expect(await server.ended).toMatchObject({ code: 143 });
    expect(server.events('server.drained')).toEqual([]);
  });
});
