// Joining: what `joined` says, who may, takeover, capacity, and what happens before it.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../signaling/protocol.ts';
import { Harness } from './harness.ts';
import { anyNumber, matching } from './matchers.ts';

let server: Harness;
const start = async (...args: Parameters<typeof Harness.start>): Promise<void> => {
  await server.stop();
  server = await Harness.start(...args);
};

beforeEach(async () => {
  server = await Harness.start();
});
afterEach(async () => server.stop());

describe('joined', () => {
  test('says everything a client needs, in one round trip', async () => {
    const client = await server.connect();
    const token = server.token('ann', {
      name: 'Ann',
      metadata: 'from token',
      attributes: { a: '1' },
    });
    const before = Date.now();
    const joined = await client.request({ type: 'join', token, attrs: { b: '2' } });
    expect(joined).toEqual({
      type: 'joined',
      re: 1,
      s: 0,
      session: {
        id: matching(/^SE_[\w-]{16}$/),
        secret: matching(/^[\w-]{43}$/),
        ttlMs: 30_000,
      },
      room: {
        sid: matching(/^RM_/),
        name: 'r',
        meta: '',
        createdAt: anyNumber,
        maxParticipants: 100,
        mode: 'p2p',
      },
      self: {
        sid: matching(/^PA_[\w-]{16}$/),
        identity: 'ann',
        name: 'Ann',
        v: anyNumber,
        state: 'active',
        joinedAt: anyNumber,
        meta: 'from token',
        attrs: { a: '1', b: '2' },
        perm: {
          canPublish: true,
          canSubscribe: true,
          canPublishData: true,
          roomAdmin: false,
          hidden: false,
        },
        tracks: [],
      },
      participants: [],
      ice: {
        servers: [{ urls: [`turn:${server.host}`], username: 'ann', credential: 'c' }],
        expiresAt: 123,
      },
      ping: { everyMs: 5000, timeoutMs: 15_000 },
      limits: LIMITS,
      server: {
        ver: '9.9.9',
        node: 'node-1',
        proto: 'sterna.v1',
        features: ['p2p', 'attrs', 'data', 'resume'],
      },
      resumed: false,
      lost: false,
    });
    if (joined.type !== 'joined') throw new Error('not joined');
    expect(joined.self.joinedAt).toBeGreaterThanOrEqual(before);
  });

  test('two see each other: one in `joined`, the other in `people`', async () => {
    const ann = await server.join('ann');
    const bob = await server.join('bob');
    expect(bob.joined.participants).toEqual([{ ...ann.joined.self, v: anyNumber }]);
    const people = await ann.client.people(({ upd }) => upd.some(({ sid }) => sid === bob.sid));
    expect(people).toEqual({
      type: 'people',
      s: anyNumber,
      upd: [bob.joined.self],
      gone: [],
    });
  });

  test('rooms are apart', async () => {
    await server.join('ann');
    const { joined } = await server.join('ann', { grants: { room: 'other' } });
    expect(joined.participants).toEqual([]);
    expect(server.signaling.rooms.list().map(({ name, size }) => [name, size])).toEqual([
      ['r', 1],
      ['other', 1],
    ]);
  });

  test('tells the limits that this server really has', async () => {
    const rates = {
      messagesPerSecond: 7,
      messagesBurst: 8,
      bytesPerSecond: 9,
      bytesBurst: 300_000,
    };
    await start({ rates, resumeMs: 777 });
    const { joined } = await server.join('ann');
    expect(joined.session.ttlMs).toBe(777);
    expect(joined.limits).toEqual({
      ...LIMITS,
      ratePerSecond: 7,
      rateBurst: 8,
      rateBytesPerSecond: 9,
      rateBytesBurst: 300_000,
    });
  });

  test('a server with a large room sends all of it, whatever the bound on unread bytes', async () => {
    await start({ bufferedBytesMax: 300_000 });
    const meta = 'x'.repeat(10_000);
    for (let i = 0; i < 50; i++) {
      const { client } = await server.join(`p${i}`);
      expect(await client.request({ type: 'attrs', meta, attrs: { a: meta } })).toMatchObject({
        type: 'ok',
      });
    }
    const last = await server.join('last');
    expect(last.joined.participants).toHaveLength(50);
    await last.client.settle();
    expect(last.client.closed).toBeNull();
  });
});

describe('who may not join', () => {
  test.each<[string, (s: Harness) => string, string, number]>([
    ['no JWT', () => 'x', 'TOKEN_INVALID', 4401],
    ['another key', (s) => s.token('ann', { secret: 'x'.repeat(32) }), 'TOKEN_INVALID', 4401],
    [
      'an expired token',
      (s) => s.token('ann', { clock: { wall: () => Date.now() - 1e6, monotonic: () => 0 } }),
      'TOKEN_EXPIRED',
      4402,
    ],
    ['no roomJoin', (s) => s.token('ann', { grants: { room: 'r' } }), 'NOT_ALLOWED', 4403],
    ['no room', (s) => s.token('ann', { grants: { roomJoin: true } }), 'NOT_ALLOWED', 4403],
  ])('%s: error, bye and close say the same', async (_, token, reason, code) => {
    const client = await server.connect();
    expect(await client.request({ type: 'join', token: token(server) })).toMatchObject({
      type: 'error',
      re: 1,
      code,
      reason,
      retry: 'never',
    });
    expect(await client.next('bye')).toMatchObject({ code, reason });
    expect(await client.close()).toEqual({ code, reason });
    expect(server.signaling.stats()).toMatchObject({ joins: 0, sessions: 0, rooms: 0 });
  });

  test('a join without a token or a session is told that it needs one', async () => {
    const client = await server.connect();
    expect(await client.request({ type: 'join' })).toMatchObject({
      reason: 'TOKEN_INVALID',
      message: 'token: expected a JWT, or a session to resume',
    });
  });

  test('a token that is revoked while its verification is cached', async () => {
    const token = server.token('ann');
    const first = await server.connect();
    expect(await first.request({ type: 'join', token })).toMatchObject({ type: 'joined' });
    expect(server.signaling.stats().tokens.accepted.size).toBe(1);
    server.signaling.tokens.revoke(token);
    const second = await server.connect();
    expect(await second.request({ type: 'join', token })).toMatchObject({
      reason: 'TOKEN_INVALID',
    });
  });

  test('attributes over their bounds: TOO_LARGE, and no room was made', async () => {
    const client = await server.connect();
    const attrs = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, '']));
    const reply = await client.request({ type: 'join', token: server.token('ann'), attrs });
    expect(reply).toMatchObject({ reason: 'TOO_LARGE', code: 4413 });
    expect(server.signaling.rooms.size).toBe(0);
  });
});

describe('before joining', () => {
  test('any other message is BAD_MESSAGE, and the socket may still join', async () => {
    const client = await server.connect();
    for (const message of [
      { type: 'signal', to: 'x', candidate: null },
      { type: 'data', payload: '' },
      { type: 'attrs' },
    ]) {
      expect(await client.request(message)).toMatchObject({
        reason: 'BAD_MESSAGE',
        message: `type: expected join before any ${message.type}`,
      });
    }
    client.send({ type: 'ping', t: 1 });
    expect(await client.next('error')).toMatchObject({ reason: 'BAD_MESSAGE' });
    expect(await client.request({ type: 'join', token: server.token('ann') })).toMatchObject({
      type: 'joined',
      re: 4,
    });
  });

  test('a join over 64 KiB is TOO_LARGE, and the socket may still join', async () => {
    const client = await server.connect();
    const message = {
      type: 'join',
      token: server.token('ann'),
      meta: 'x'.repeat(LIMITS.joinBytes),
    };
    expect(await client.request(message)).toMatchObject({ reason: 'TOO_LARGE', re: 1 });
    expect(await client.request({ type: 'join', token: server.token('ann') })).toMatchObject({
      type: 'joined',
    });
  });

  test('more than 128 KiB before joining closes with 4413, even in half a message', async () => {
    const client = await server.connect();
    client.ws.send('x'.repeat(140_000), { fin: false });
    expect(await client.next('bye')).toMatchObject({ reason: 'TOO_LARGE' });
    expect((await client.close()).code).toBe(4413);
  });

  test('a silent socket is closed with 4408', async () => {
    await start({ authTimeoutMs: 60 });
    const client = await server.connect();
    expect(await client.next('bye')).toMatchObject({ reason: 'AUTH_TIMEOUT', action: 'rejoin' });
    expect(await client.close()).toEqual({ code: 4408, reason: 'AUTH_TIMEOUT' });
    await expect
      .poll(() => server.signaling.stats())
      .toMatchObject({ sockets: 0, unauthenticated: 0, closes: { AUTH_TIMEOUT: 1 } });
  });

  test('a socket that only sends pings is closed with 4408 as well', async () => {
    await start({ authTimeoutMs: 60 });
    const client = await server.connect();
    const pings = setInterval(() => client.ws.ping(), 5);
    expect((await client.close()).code).toBe(4408);
    clearInterval(pings);
  });

  test('who has joined is left alone', async () => {
    await start({ authTimeoutMs: 500 });
    const { client } = await server.join('ann');
    await new Promise((resolve) => setTimeout(resolve, 600));
    await client.settle();
    expect(client.closed).toBeNull();
  });
});

describe('takeover', () => {
  test('the newer one of an identity wins; others see one leave and one come, at once', async () => {
    const bob = await server.join('bob');
    await bob.client.next('people');
    const first = await server.join('ann');
    await bob.client.people(({ upd }) => upd.some(({ sid }) => sid === first.sid));
    const second = await server.join('ann');
    expect(await first.client.next('bye')).toMatchObject({
      code: 4409,
      reason: 'DUPLICATE_IDENTITY',
      action: 'stop',
    });
    expect(await first.client.close()).toEqual({ code: 4409, reason: 'DUPLICATE_IDENTITY' });
    expect(second.joined.participants.map(({ identity }) => identity)).toEqual(['bob']);
    const people = await bob.client.next('people');
    expect(people).toMatchObject({
      upd: [{ sid: second.sid, identity: 'ann' }],
      gone: [{ sid: first.sid, reason: 'DUPLICATE_IDENTITY' }],
    });
    await bob.client.settle();
    expect(bob.client.heard).toEqual([]);
    expect(server.signaling.stats()).toMatchObject({ sessions: 2, takeovers: 1 });
  });

  test('works on one who is away, and its session cannot be resumed any more', async () => {
    const first = await server.join('ann');
    first.client.ws.terminate();
    await first.client.close();
    const second = await server.join('ann');
    expect(second.joined.participants).toEqual([]);
    const { reply } = await server.resume(first.joined, 0);
    expect(reply).toMatchObject({ reason: 'SESSION_GONE', code: 4450 });
  });

  test('needs no free place', async () => {
    server.signaling.rooms.create({ name: 'r', maxParticipants: 1 });
    await server.join('ann');
    expect((await server.join('ann')).joined.type).toBe('joined');
  });
});

describe('capacity', () => {
  test('of the room: ROOM_FULL until somebody leaves', async () => {
    server.signaling.rooms.create({ name: 'r', maxParticipants: 2 });
    const ann = await server.join('ann');
    await server.join('bob');
    await expect(server.join('cid')).rejects.toThrow(
      '"reason":"ROOM_FULL","message":"The room has',
    );
    ann.client.send({ type: 'leave' });
    expect(await ann.client.close()).toEqual({ code: 1000, reason: 'LEFT' });
    expect((await server.join('cid')).joined.participants).toHaveLength(1);
  });

  test('of a room that was not created: the default', async () => {
    await start({ maxParticipantsPerRoom: 1 });
    await server.join('ann');
    await expect(server.join('bob')).rejects.toThrow('"code":4430');
  });

  test('of the server in rooms', async () => {
    await start({ maxRooms: 1 });
    await server.join('ann');
    await expect(server.join('ann', { grants: { room: 'other' } })).rejects.toThrow(
      'maximum of rooms',
    );
  });

  test('of the server in sessions, away ones included; a takeover still goes', async () => {
    await start({ maxSessions: 1 });
    const ann = await server.join('ann');
    ann.client.ws.terminate();
    await ann.client.close();
    await expect(server.join('bob')).rejects.toThrow('"reason":"RATE_LIMITED"');
    await server.join('ann');
  });
});

describe('hidden', () => {
  test('sees the others, and is seen by nobody', async () => {
    const ann = await server.join('ann');
    await ann.client.next('people');
    const ghost = await server.join('ghost', { grants: { hidden: true } });
    expect(ghost.joined.participants.map(({ identity }) => identity)).toEqual(['ann']);
    const bob = await server.join('bob');
    expect(bob.joined.participants.map(({ identity }) => identity)).toEqual(['ann']);
    expect((await ghost.client.next('people')).upd[0]?.sid).toBe(bob.sid);
    expect((await ann.client.next('people')).upd.map(({ sid }) => sid)).toEqual([bob.sid]);
    ghost.client.send({ type: 'leave' });
    await ghost.client.close();
    await ann.client.settle();
    expect(ann.client.heard).toEqual([]);
  });

  test('hears data, and may neither signal nor send data', async () => {
    const ann = await server.join('ann');
    const ghost = await server.join('ghost', { grants: { hidden: true } });
    expect(await ann.client.request({ type: 'data', payload: 'aGk=' })).toMatchObject({
      type: 'ok',
    });
    expect(await ghost.client.next('data')).toMatchObject({ from: ann.sid, payload: 'aGk=' });
    for (const message of [
      { type: 'signal', to: ann.sid, candidate: null },
      { type: 'data', payload: 'aGk=' },
      { type: 'data', payload: 'aGk=', to: [ann.sid] },
    ]) {
      expect(await ghost.client.request(message)).toMatchObject({ reason: 'NOT_ALLOWED' });
    }
    for (const message of [
      { type: 'signal', to: ghost.sid, candidate: null },
      { type: 'data', payload: 'aGk=', to: [ghost.sid] },
    ]) {
      expect(await ann.client.request(message)).toMatchObject({ reason: 'NOT_FOUND' });
    }
  });
});

test('the log names who joined, and holds neither tokens nor secrets', async () => {
  const token = server.token('ann');
  const client = await server.connect();
  const joined = await client.request({ type: 'join', token, client: { sdk: 'x', ver: '1' } });
  client.send({ type: 'leave', reason: 'bye' });
  await client.close();
  expect(server.kept.events()).toEqual(['room.created', 'session.joined', 'session.left']);
  expect(server.kept.text()).toContain('"identity":"ann"');
  expect(server.kept.text()).not.toContain(token.slice(0, 30));
  expect(server.kept.text()).not.toContain(joined.type === 'joined' ? joined.session.secret : 'x');
});
