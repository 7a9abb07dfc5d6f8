// The server itself: what it upgrades and what not, socket options, caps per address, draining and closing.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SignalingServer } from '../../../signaling/index.ts';
import { Harness, SECRET } from './harness.ts';

const iceServers = () => ({ servers: [], expiresAt: 0 });

let server: Harness;
const start = async (...args: Parameters<typeof Harness.start>): Promise<void> => {
  await server.stop();
  server = await Harness.start(...args);
};

beforeEach(async () => {
  server = await Harness.start();
});
afterEach(async () => server.stop());

describe('upgrade', () => {
  test('chooses sterna.v1 and no extension, though deflate was offered', async () => {
    const client = await server.connect();
    expect(client.ws.protocol).toBe('sterna.v1');
    expect(client.ws.extensions).toBe('');
  });

  test('sets TCP_NODELAY on the server’s socket', async () => {
    const sockets: Socket[] = [];
    server.http.on('connection', (socket: Socket) => sockets.push(socket));
    await server.connect();
    expect(sockets).toHaveLength(1);
    const noDelay = Object.getOwnPropertySymbols(sockets[0]).find(
      ({ description }) => description === 'kSetNoDelay',
    );
    expect(noDelay && Reflect.get(sockets[0]!, noDelay)).toBe(true);
  });

  test('without the subprotocol: 426 and what to offer', async () => {
    for (const protocols of [[], ['sterna.v2']]) {
      const { status, headers, body } = await server.refused({}, undefined, protocols);
      expect(status).toBe(426);
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        upgrade: 'websocket',
        'sec-websocket-protocol': 'sterna.v1',
      });
      expect(body).toEqual({
        type: 'about:blank',
        title: 'Upgrade Required',
        status: 426,
        detail: 'Expected Sec-WebSocket-Protocol to offer sterna.v1',
        reason: 'UPGRADE_PROTOCOL',
        code: 4426,
        retry: 'never',
      });
    }
  });

  test('with a token in the URL: 400, and where it belongs; the log does not get it', async () => {
    const { status, body } = await server.refused({}, '/v1/signal?access_token=very-secret');
    expect(status).toBe(400);
    expect(body['detail']).toContain('first WebSocket message');
    expect(JSON.stringify(body) + server.kept.text()).not.toContain('very-secret');
  });

  test('from a foreign page: 403; from its own, an allowed one, or no page: yes', async () => {
    await start({}, { origins: ['https://app.example'] });
    const refused = await server.refused({ origin: 'https://evil.example' });
    expect(refused).toMatchObject({ status: 403, body: { reason: 'NOT_ALLOWED' } });
    for (const origin of [`http://${server.host}`, 'https://app.example']) {
      await server.connect({ origin });
    }
    await server.connect();
  });

  test('a request that is no WebSocket handshake: 400 as JSON', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      `GET /v1/signal HTTP/1.1\r\nHost: ${server.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Protocol: sterna.v1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n',
    );
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    await once(socket, 'end');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('"reason":"BAD_MESSAGE"');
    expect(server.signaling.stats().sockets).toBe(0);
  });

  test('a client that hangs up amid the handshake costs nothing', async () => {
    for (let n = 0; n < 20; n++) {
      const ws = server.socket();
      ws.on('error', () => undefined);
      if (n % 2 === 0) ws.terminate();
      else setTimeout(() => ws.terminate(), n);
    }
    await server.connect();
    await expect.poll(() => server.signaling.stats().sockets).toBe(1);
  });
});

describe('caps', () => {
  test('sockets that have not joined, per address: 429 until they have', async () => {
    await start({ maxConnectionsPerAddress: { unauthenticated: 2, total: 10 } });
    const first = await server.connect();
    await server.connect();
    const { status, headers, body } = await server.refused();
    expect([status, headers['retry-after'], body['reason']]).toEqual([429, '1', 'RATE_LIMITED']);
    await first.request({ type: 'join', token: server.token('ann') });
    await server.connect();
    expect((await server.refused()).status).toBe(429);
  });

  test('all sockets, per address: 429 until one closes', async () => {
    await start({ maxConnectionsPerAddress: { unauthenticated: 10, total: 2 } });
    const ann = await server.join('ann');
    await server.join('bob');
    expect((await server.refused()).status).toBe(429);
    ann.client.ws.close();
    await ann.client.close();
    await expect.poll(() => server.signaling.stats().sockets).toBe(1);
    await server.join('cid');
  });

  test('sockets that have not joined, over all addresses', async () => {
    await start({ maxUnauthenticated: 1 });
    await server.connect();
    expect((await server.refused()).body['detail']).toBe('Too many connections');
  });
});

describe('admit', () => {
  test('off: who joins is refused with the pause, who is here goes on and resumes', async () => {
    const ann = await server.join('ann');
    server.signaling.admit(false);
    const fresh = await server.connect();
    const refused = await fresh.request({ type: 'join', token: server.token('bob') });
    expect(refused).toMatchObject({ type: 'error', reason: 'DRAINING', retryAfterMs: 5000 });
    expect((await fresh.close()).code).toBe(4503);
    expect(server.signaling.rooms.participants).toBe(1);
    ann.client.ws.terminate();
    await ann.client.close();
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ resumed: true });
  });

  test('on again: participants join', async () => {
    server.signaling.admit(false);
    server.signaling.admit(true);
    await server.join('ann');
    expect(server.signaling.rooms.participants).toBe(1);
  });
});

describe('drain', () => {
  test('says bye to all with the pause, closes with 4503, and refuses new ones with 503', async () => {
    const ann = await server.join('ann');
    const bob = await server.join('bob', { grants: { room: 'other' } });
    const fresh = await server.connect();
    await server.signaling.drain(2500);
    for (const { client } of [ann, bob, { client: fresh }]) {
      expect(await client.next('bye')).toEqual({
        type: 'bye',
        code: 4503,
        reason: 'DRAINING',
        message: 'The server is shutting down',
        action: 'rejoin',
        afterMs: 2500,
      });
      expect((await client.close()).code).toBe(4503);
    }
    const { status, headers } = await server.refused();
    expect([status, headers['retry-after']]).toEqual([503, '3']);
    expect(server.signaling.stats()).toMatchObject({ sockets: 0, sessions: 0, rooms: 0 });
    await server.signaling.drain();
  });

  test('does not wait for a client that never answers', async () => {
    await start({ closeTimeoutMs: 50 });
    const ann = await server.join('ann');
    ann.client.ws.pause();
    await server.signaling.drain();
    expect(server.signaling.stats().sockets).toBe(0);
  });
});

describe('close', () => {
  test('ends every socket, also half-open ones, and leaves no timer that keeps a process up', async () => {
    const ann = await server.join('ann');
    await server.connect();
    await server.signaling.close();
    expect((await ann.client.close()).code).toBe(1006);
    expect(server.signaling.stats()).toMatchObject({ sockets: 0, sessions: 0, rooms: 0 });
    await server.signaling.close();
  });
});

describe('rooms and options', () => {
  test('rooms.end: bye ROOM_ENDED to everybody, then the name is free', async () => {
    const ann = await server.join('ann');
    const bob = await server.join('bob');
    expect(server.signaling.rooms.end('r')).toBe(true);
    for (const { client } of [ann, bob]) {
      expect(await client.next('bye')).toMatchObject({ code: 4410, action: 'stop' });
      expect((await client.close()).code).toBe(4410);
    }
    expect((await server.resume(ann.joined, 0)).reply).toMatchObject({ reason: 'SESSION_GONE' });
    const again = await server.join('ann');
    expect(again.joined.room.sid).not.toBe(ann.joined.room.sid);
  });

  test('a room made by the API keeps its metadata for those who join', async () => {
    server.signaling.rooms.create({ name: 'r', meta: 'topic', maxParticipants: 7 });
    const { joined } = await server.join('ann');
    expect(joined.room).toMatchObject({ meta: 'topic', maxParticipants: 7 });
  });

  test('stats count joins and how long they took', async () => {
    await server.join('ann');
    await server.join('bob');
    const { joins, messages, joinDurations } = server.signaling.stats();
    expect([joins, messages, joinDurations.count]).toEqual([2, 2, 2]);
    expect(joinDurations.p99Ms).toBeGreaterThan(0);
  });

  test('wrong options throw at once', () => {
    const options = { node: 'n', version: 'v', origins: [], log: server.kept.log };
    expect(() => new SignalingServer({ ...options, iceServers, keys: { app: 'short' } })).toThrow(
      'keys.app',
    );
    const limits = { resumeMs: -1 };
    expect(
      () => new SignalingServer({ ...options, iceServers, keys: { app: SECRET }, limits }),
    ).toThrow('limits.resumeMs');
  });
});
