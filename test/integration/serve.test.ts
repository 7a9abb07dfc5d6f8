// The whole server as a process: development mode from start to end, a configured server, ports that are
// taken, draining.

import { statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { call, problem } from '../support/http-call.ts';
import {
  ANY_PORT,
  endAll,
  endProcesses,
  runCli,
  startServer,
  temporaryFolder,
} from '../support/spawn-server.ts';
import type { RunningServer } from '../support/spawn-server.ts';

const SECRET = 'a-secret-for-the-tests-of-the-whole-server';
const JSON_TYPE = { 'content-type': 'application/json' };

let folder: string;
let environment: Record<string, string>;

beforeAll(() => {
  folder = temporaryFolder();
  environment = { TMPDIR: folder };
});

afterEach(endProcesses);
afterAll(endAll);

const joined = z.looseObject({
  type: z.literal('joined'),
  room: z.looseObject({ name: z.string() }),
  self: z.looseObject({ identity: z.string() }),
  ice: z.object({
    servers: z.array(
      z.object({
        urls: z.array(z.string()),
        username: z.string().optional(),
        credential: z.string().optional(),
      }),
    ),
    expiresAt: z.number(),
  }),
});

interface Conversation {
  socket: WebSocket;
  first: unknown;
  /** All messages, and how it was closed. */
  closed: Promise<{ code: number; messages: unknown[] }>;
}

/** Joins by hand, as docs/protocol.md describes it. */
function joinByHand(server: RunningServer, token: string): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/signal`, 'sterna.v1');
    const messages: unknown[] = [];
    const closed = new Promise<{ code: number; messages: unknown[] }>((done) => {
      socket.on('close', (code) => done({ code, messages }));
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'join', i: 1, token })));
    socket.on('message', (data: Buffer) => {
      const message: unknown = JSON.parse(data.toString('utf8'));
      messages.push(message);
      if (messages.length === 1) resolve({ socket, first: message, closed });
    });
    socket.on('error', reject);
  });
}

async function pageToken(server: RunningServer, identity: string): Promise<string> {
  const body = JSON.stringify({ room: 'demo', identity });
  const answer = await call(server.port, 'POST', '/dev/token', JSON_TYPE, body);
  return z.object({ token: z.string() }).parse(JSON.parse(answer.body)).token;
}

describe('development mode', () => {
  test('serves the page, tokens and a room, and says how', async () => {
    const server = await startServer(ANY_PORT, environment);
    expect(server.stdout()).toContain(`Meeting    ${server.url}/?room=demo`);
    const [, dashboard, admin = ''] = /Dashboard {2}(\S+)#token=(\S+)/.exec(server.stdout()) ?? [];
    expect(dashboard).toBe(`${server.url}/dashboard`);
    const authorization = `Bearer ${admin}`;
    expect((await call(server.port, 'GET', '/v1/nodes', { authorization })).status).toBe(200);
    expect(server.stdout()).toMatch(/API key {4}devkey\n {2}Secret {5}[\w-]{43}\n/);
    expect(server.stdout()).toContain(`STUN/TURN  ${server.listeners[0]}`);
    const page = await call(server.port, 'GET', '/');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect((await call(server.port, 'GET', '/sterna.js')).status).toBe(200);
    expect((await call(server.port, 'GET', '/readyz')).status).toBe(200);

    const { socket, first } = await joinByHand(server, await pageToken(server, 'ann'));
    const answer = joined.parse(first);
    expect([answer.room.name, answer.self.identity]).toEqual(['demo', 'ann']);
    const turnPort = new URL(server.listeners[0]?.replace('udp:', 'http:') ?? '').port;
    expect(answer.ice.servers.map(({ urls }) => urls)).toEqual([
      [`stun:127.0.0.1:${turnPort}`],
      [`turn:127.0.0.1:${turnPort}?transport=udp`],
    ]);
    expect(answer.ice.servers[1]?.username).toMatch(/^\d+:[\w-]{16}$/);
    socket.close();
  });

  test('lets `sterna token` of the same user sign with its key, only while it runs', async () => {
    const server = await startServer(ANY_PORT, environment);
    const file = join(folder, `sterna-${userInfo().uid}`, 'dev.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = await runCli(['token', '-r', 'demo', '-i', 'bob'], environment);
    expect(token).toMatchObject({ code: 0 });
    expect(token.stderr).toBe(`signed with the key of the development server at ${server.url}\n`);
    const { first, socket } = await joinByHand(server, token.stdout.trim());
    expect(joined.parse(first).self.identity).toBe('bob');
    socket.close();
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
    expect((await runCli(['token', '-r', 'demo', '-i', 'bob'], environment)).code).toBe(1);
  });

  test('makes rooms by the API, for admins alone', async () => {
    const server = await startServer(ANY_PORT, environment);
    const token = async (...flags: string[]): Promise<Record<string, string>> => {
      const { stdout } = await runCli(['token', '-i', 'ops', ...flags], environment);
      return { ...JSON_TYPE, authorization: `Bearer ${stdout.trim()}` };
    };
    const [everywhere, here, nobody] = await Promise.all([
      token('--admin'),
      token('--admin', '-r', 'daily'),
      token('-r', 'daily'),
    ]);
    const post = async (
      headers: Record<string, string>,
      room: object,
    ): Promise<[number, unknown]> => {
      const answer = await call(server.port, 'POST', '/v1/rooms', headers, JSON.stringify(room));
      return [answer.status, JSON.parse(answer.body)];
    };
    const room = { name: 'daily', maxParticipants: 3, metadata: 'm', mode: 'auto' };
    expect(await post(here, room)).toMatchObject([
      201,
      { name: 'daily', maxParticipants: 3, meta: 'm', mode: 'auto' },
    ]);
    expect(await post(everywhere, { name: 'daily' })).toMatchObject([200, { maxParticipants: 3 }]);
    expect(await post(everywhere, { name: 'other' })).toMatchObject([201, { maxParticipants: 50 }]);
    expect(await post(here, { name: 'other' })).toMatchObject([403, { reason: 'NOT_ALLOWED' }]);
    expect(await post(nobody, { name: 'daily' })).toMatchObject([403, { reason: 'NOT_ALLOWED' }]);
    expect(await post(everywhere, { name: 'a\u0007' })).toMatchObject([
      400,
      { reason: 'BAD_MESSAGE' },
    ]);
    const forged = { ...JSON_TYPE, authorization: 'Bearer a.b.c' };
    expect(await post(forged, room)).toMatchObject([401, { reason: 'TOKEN_INVALID' }]);
  });

  test('is found healthy by the doctor, relay included', async () => {
    const server = await startServer(ANY_PORT, environment);
    const args = ['doctor', '--set', `gateway.port=${server.port}`];
    const { code, stdout } = await runCli(args, environment);
    expect(stdout).toContain(`Sterna 0.1.0 answers at ${server.url}`);
    expect(stdout).toMatch(/^ok {4}engine {5}(?:linux, with.* UDP_GRO\b.*|portable \(.+\))$/m);
    expect(stdout).toMatch(/^ok {4}ready {6}takes participants$/m);
    expect(stdout).toMatch(
      /^ok {4}stun {7}udp:\/\/127\.0\.0\.1:\d+ answers, we are 127\.0\.0\.1:\d+$/m,
    );
    expect(stdout).toMatch(
      /^ok {4}turn IPv4 {2}relayed there and back by udp, between 127\.0\.0\.1:\d+ and /m,
    );
    expect(stdout).toMatch(/^ok {4}media {6}udp:\/\/127\.0\.0\.1:\d+ is in use$/m);
    expect(stdout).not.toContain('FAIL');
    expect(code).toBe(0);
    const health = await runCli([...args, '--health'], environment);
    expect(health).toMatchObject({ code: 0, stdout: `ok    health     ${server.url}/healthz\n` });
    server.kill('SIGTERM');
    await server.ended;
    const gone = await runCli([...args, '--health'], environment);
    expect(gone).toMatchObject({ code: 1 });
    expect(gone.stdout).toBe(`FAIL  health     ${server.url}/healthz: no answer\n`);
  });
});

describe('a configured server', () => {
  test('logs JSON lines, prints no secret, and has no /dev/token', async () => {
    const file = join(folder, 'sterna.yaml');
    writeFileSync(
      file,
      `keys: { mykey: ${SECRET} }\nturn: { secrets: [shared-secret], listeners: ["udp://127.0.0.1:0"] }\n`,
    );
    const server = await startServer(['serve', '--config', file, '--port', '0'], environment);
    const answer = await call(server.port, 'POST', '/dev/token', JSON_TYPE, '{}');
    expect(problem(answer).status).toBe(404);
    const token = await runCli(['token', '-c', file, '-r', 'daily', '-i', 'ann'], environment);
    const { first, socket } = await joinByHand(server, token.stdout.trim());
    expect(joined.parse(first).room.name).toBe('daily');
    socket.close();
    server.kill('SIGINT');
    const { code, stdout, stderr } = await server.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(/a-secret-for|shared-secret|eyJ/);
    const line = z.looseObject({ level: z.string(), time: z.iso.datetime(), event: z.string() });
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((text) => line.parse(JSON.parse(text)).event);
    expect(events.slice(0, 2)).toEqual(['media.engine', 'server.ready']);
    expect(events).toEqual(expect.arrayContaining(['room.created', 'session.joined']));
    expect(events.slice(-1)).toEqual(['server.closed']);
  });

  test('says in one line which port is taken, and exits with 1', async () => {
    const server = await startServer(ANY_PORT, environment);
    const [gateway, turn] = await Promise.all([
      runCli([...ANY_PORT.slice(2), '--port', String(server.port)], environment),
      runCli(['--port', '0', '--set', `turn.listeners=${server.listeners[0]}`], environment),
    ]);
    expect(gateway.code).toBe(1);
    expect(gateway.stderr).toBe(
      `sterna: gateway.port: ${server.port} on 127.0.0.1 is in use; ` +
        'stop what holds it, or choose another (--port)\n',
    );
    expect(turn.code).toBe(1);
    expect(turn.stderr).toMatch(/^sterna: [^\n]*the port is in use[^\n]*turn\.listeners[^\n]*\n$/);
    const doctor = await runCli(
      ['doctor', '--set', 'gateway.port=0', '--set', `turn.listeners=${server.listeners[0]}`],
      { TMPDIR: join(folder, 'nothing') },
    );
    expect(doctor.stdout).toMatch(/^ok {4}stun/m);
  });
});

describe('being told to stop', () => {
  test('says bye to participants and ends with 0', async () => {
    const server = await startServer(ANY_PORT, environment);
    const [ann, bob] = await Promise.all([
      joinByHand(server, await pageToken(server, 'ann')),
      joinByHand(server, await pageToken(server, 'bob')),
    ]);
    server.kill('SIGTERM');
    const ends = await Promise.all([ann.closed, bob.closed]);
    for (const { code, messages } of ends) {
      expect(code).toBe(4503);
      expect(messages.at(-1)).toMatchObject({ type: 'bye', code: 4503, reason: 'DRAINING' });
    }
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
  });

  test('twice ends it at once', async () => {
    const server = await startServer(ANY_PORT, environment);
    // A participant that never answers the closing handshake keeps draining busy.
    const { socket } = await joinByHand(server, await pageToken(server, 'ann'));
    socket.pause();
    server.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.kill('SIGTERM');
    const { code } = await server.ended;
    expect(code).toBe(143);
    expect(server.stdout()).not.toContain('server.closed');
    socket.terminate();
  });
});
