// Rooms and participants over HTTP, as a service of others would run them, with real clients in the rooms.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { SignalClient } from '../support/signal-client.ts';

let sterna: Sterna;
const clients: SignalClient[] = [];
beforeAll(async () => {
  sterna = await Sterna.start({
    config: {
      sfu: { enabled: false },
      turn: { listeners: ['udp://127.0.0.1:0'], secrets: ['a secret of turn, for tests'] },
    },
  });
});
afterAll(async () => {
  for (const { connection } of clients) connection.close('done');
  await sterna.stop();
});

function tokenOf(
  grants: { room?: string; roomJoin?: boolean; roomAdmin?: boolean },
  identity: string,
): string {
  return mintToken({ key: API_KEY.name, secret: API_KEY.secret, identity, grants, ttlSeconds: 60 });
}

function ask(
  method: string,
  path: string,
  body?: object,
  fields: Record<string, string> = {},
  grants: { room?: string; roomAdmin?: boolean } = { roomAdmin: true },
): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${tokenOf(grants, 'ops')}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...fields,
  };
  const text = body === undefined ? undefined : JSON.stringify(body);
  return call(Number(new URL(sterna.url).port), method, path, headers, text);
}

async function join(room: string, identity: string): Promise<SignalClient> {
  const client = new SignalClient(sterna.url, () => tokenOf({ room, roomJoin: true }, identity));
  clients.push(client);
  await client.joined();
  return client;
}

const json = ({ body }: Answer): unknown => JSON.parse(body);

describe('rooms', () => {
  it('are made, listed in pages, changed and ended', async () => {
    for (const name of ['list-c', 'list-a', 'list-b']) {
      // oxlint-disable-next-line no-await-in-loop -- in this order
      expect((await ask('POST', '/v1/rooms', { name, emptyTimeoutSeconds: 600 })).status).toBe(201);
    }
    const first = await ask('GET', '/v1/rooms?limit=2');
    expect(json(first)).toMatchObject({
      rooms: [{ name: 'list-a' }, { name: 'list-b' }],
      next: 'list-b',
    });
    const second = await ask('GET', '/v1/rooms?after=list-b');
    expect(json(second)).toMatchObject({
      rooms: [{ name: 'list-c', participants: 0 }],
      next: null,
    });
    const same = await ask('GET', '/v1/rooms?after=list-b', undefined, {
      'if-none-match': String(second.headers['etag']),
    });
    expect([same.status, same.body]).toEqual([304, '']);

    const change = { metadata: '{"topic":1}', emptyTimeoutSeconds: 60 };
    const changed = await ask('PATCH', '/v1/rooms/list-a', change);
    expect(json(changed)).toMatchObject({ meta: '{"topic":1}', emptyTimeoutSeconds: 60 });
    const other = await ask('PATCH', '/v1/rooms/list-a', { name: 'x' });
    expect(problem(other)).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
    expect((await ask('DELETE', '/v1/rooms/list-a')).status).toBe(204);
    expect(problem(await ask('DELETE', '/v1/rooms/list-a')).reason).toBe('NOT_FOUND');
    expect(json(await ask('GET', '/v1/rooms'))).toMatchObject({
      rooms: [{ name: 'list-b' }, { name: 'list-c' }],
    });
  });

  it('are made once for one Idempotency-Key', async () => {
    const key = { 'idempotency-key': '6f1c' };
    const first = await ask('POST', '/v1/rooms', { name: 'once' }, key);
    await ask('DELETE', '/v1/rooms/once');
    const second = await ask('POST', '/v1/rooms', { name: 'once' }, key);
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(problem(await ask('PATCH', '/v1/rooms/once', {})).reason).toBe('NOT_FOUND');
    const wrong = await ask('POST', '/v1/rooms', { name: 'twice' }, key);
    expect(problem(wrong)).toMatchObject({ status: 422, reason: 'IDEMPOTENCY_KEY' });
  });

  it('open to a token for one room alone where it is that room', async () => {
    await ask('POST', '/v1/rooms', { name: 'mine' });
    const mine = { room: 'mine', roomAdmin: true };
    expect((await ask('PATCH', '/v1/rooms/mine', {}, {}, mine)).status).toBe(200);
    expect(problem(await ask('PATCH', '/v1/rooms/other', {}, {}, mine)).status).toBe(403);
    expect(problem(await ask('GET', '/v1/rooms', undefined, {}, mine)).status).toBe(403);
    expect(problem(await ask('DELETE', '/v1/rooms/mine', undefined, {}, {})).status).toBe(403);
  });
});

describe('tokens', () => {
  it('are minted for one participant of one room, by whoever has all rooms', async () => {
    const wanted = { room: 'minted', identity: 'ann', name: 'Ann', grants: { canPublish: false } };
    const answer = await ask('POST', '/v1/tokens', wanted);
    expect(answer.status).toBe(201);
    const { token, expiresAt } = z
      .strictObject({ token: z.string(), expiresAt: z.number() })
      .parse(json(answer));
    expect(expiresAt).toBeGreaterThan(Date.now() + 3_590_000);
    const client = new SignalClient(sterna.url, () => token);
    clients.push(client);
    await client.joined();
    expect(client.joins[0]?.message).toMatchObject({
      room: { name: 'minted' },
      self: { identity: 'ann', name: 'Ann', perm: { canPublish: false, roomAdmin: false } },
    });
    const ofOneRoom = { room: 'minted', roomAdmin: true };
    const refused = await ask('POST', '/v1/tokens', wanted, {}, ofOneRoom);
    expect(problem(refused)).toMatchObject({ status: 403, reason: 'NOT_ALLOWED' });
    const wrong = await ask('POST', '/v1/tokens', { ...wanted, identity: 'a\u0000' });
    expect(problem(wrong)).toMatchObject({ status: 400, reason: 'BAD_MESSAGE' });
    expect(problem(wrong).detail).toContain('sub');
  });
});

describe('participants', () => {
  it('are listed, told of, and hear data and changes of the room', async () => {
    const ann = await join('talk', 'ann');
    const bob = await join('talk', 'bob');
    const list = json(await ask('GET', '/v1/rooms/talk/participants'));
    expect(list).toMatchObject({
      total: 2,
      participants: [{ identity: 'ann' }, { identity: 'bob' }],
      next: null,
    });
    const one = await ask('GET', '/v1/rooms/talk/participants/bob');
    expect(json(one)).toMatchObject({ sid: bob.sid, perm: { canPublish: true }, tracks: [] });
    const tag = { 'if-none-match': String(one.headers['etag']) };
    const path = `/v1/rooms/talk/participants/${bob.sid}`;
    expect((await ask('GET', path, undefined, tag)).status).toBe(304);
    const change = await ask('PATCH', `${path}/permissions`, { canPublish: false });
    expect(json(change)).toMatchObject({ perm: { canPublish: false } });
    expect((await ask('GET', path, undefined, tag)).status).toBe(200);

    const payload = Buffer.from('hello').toString('base64');
    expect(json(await ask('POST', '/v1/rooms/talk/data', { payload }))).toEqual({ recipients: 2 });
    await ask('POST', '/v1/rooms/talk/data', { payload, to: ['ann'] });
    await ann.until(() => ann.data.length === 2);
    expect(bob.data).toEqual(['hello']);
    await ask('PATCH', '/v1/rooms/talk', { metadata: 'changed' });
    await ann.until(() => ann.pushes.some((push) => push.type === 'room'));
  });

  it('are put out for good', async () => {
    const eve = await join('out', 'eve');
    const answer = await ask('DELETE', '/v1/rooms/out/participants/eve?reason=enough');
    expect(answer.status).toBe(204);
    await eve.until(() => eve.closed !== undefined);
    expect(eve.closed).toMatchObject({ reason: 'KICKED' });
    const again = await ask('DELETE', '/v1/rooms/out/participants/eve');
    expect(problem(again)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
  });

  it('have their connection go wrong on purpose', async () => {
    const sam = await join('bad', 'sam');
    const path = '/v1/rooms/bad/participants/sam/simulate';
    const before = await ask('POST', path, { op: 'network', down: { loss: 0.1 } });
    // Of rooms of mode p2p the server sees no media.
    expect(problem(before).detail).toContain('mode p2p');
    expect(json(await ask('POST', path, { op: 'lift' }))).toEqual({ op: 'lift', ms: 0 });
    expect(json(await ask('POST', path, { op: 'signal-drop' }))).toEqual({
      op: 'signal-drop',
      ms: 0,
    });
    await sam.until(() => sam.joins.length === 2);
    expect(sam.joins[1]?.how).toBe('resumed');
    const nobody = await ask('POST', path.replace('sam', 'eve'), { op: 'lift' });
    expect(problem(nobody)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
    const elsewhere = { room: 'good', roomAdmin: true };
    const refused = await ask('POST', path, { op: 'lift' }, {}, elsewhere);
    expect(problem(refused)).toMatchObject({ status: 403, reason: 'NOT_ALLOWED' });
    const wrong: [object, string][] = [
      [{}, 'op'],
      [{ op: 'explode' }, 'op'],
      [{ op: 'speaker', ms: 300_001 }, 'ms'],
      [{ op: 'network', down: { loss: 2 } }, 'down.loss'],
      [{ op: 'network', up: { delay: 20 } }, 'up'],
      [{ op: 'ice-tcp', seed: 1 }, 'seed'],
    ];
    for (const [body, field] of wrong) {
      const answer = problem(await ask('POST', path, body));
      expect([body, answer.status]).toEqual([body, 400]);
      expect(answer.detail).toContain(field);
    }
  });

  it('are told of wrong requests by field', async () => {
    await join('wrong', 'ann');
    const one = '/v1/rooms/wrong/participants/ann';
    const answers = [
      await ask('PATCH', `${one}/permissions`, {}),
      await ask('PATCH', `${one}/permissions`, { canFly: true }),
      await ask('POST', `${one}/mute`, { track: 7 }),
      await ask('POST', '/v1/rooms/wrong/data', { payload: '***' }),
      await ask('POST', '/v1/rooms/wrong/data', { payload: 'aGk=', to: [] }),
    ];
    expect(answers.map(problem).map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    expect(problem(answers[2]!).detail).toContain('track');
    const muted = await ask('POST', `${one}/mute`, {});
    expect(problem(muted).detail).toContain('mode p2p');
  });
});
