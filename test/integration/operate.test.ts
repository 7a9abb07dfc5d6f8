// Operating a real server over HTTP, with real TURN clients: allocations are listed, told of and ended, credentials
// minted and used. Every route wants a token of roomAdmin for all rooms.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { describeRelayed, TurnClient } from '../support/turn/client.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import { address, PASSWORD, REALM, USER } from '../support/turn/world.ts';

const WORKERS = 2;
const CLIENTS = 5;

const listAnswer = z.strictObject({
  allocations: z.array(
    z.strictObject({
      id: z.string(),
      worker: z.int(),
      user: z.string(),
      client: z.string(),
      transport: z.literal('udp'),
      relayed: z.array(z.string()),
      createdAt: z.int(),
      expiresInSeconds: z.int(),
      permissions: z.int(),
      channels: z.int(),
      sentPackets: z.int(),
      sentBytes: z.int(),
      receivedPackets: z.int(),
      receivedBytes: z.int(),
    }),
  ),
  next: z.string().nullable(),
  unanswered: z.array(z.int()),
});

const credentialAnswer = z.strictObject({
  username: z.string(),
  password: z.string(),
  ttl: z.int(),
  uris: z.array(z.string()),
});

let sterna: Sterna;
const endpoints: UdpEndpoint[] = [];

beforeAll(async () => {
  sterna = await Sterna.start({
    config: {
      engine: 'linux',
      workers: WORKERS,
      sfu: { enabled: false },
      turn: {
        realm: REALM,
        listeners: ['udp://127.0.0.1:0'],
        users: { [USER]: PASSWORD },
        secrets: ['the first secret of turn', 'an older secret of turn'],
        relay: { addresses: ['127.0.0.1'] },
        peers: { allow: ['127.0.0.0/8'] },
        limits: { unauthorizedPerSecond: 0 },
      },
    },
  });
});

afterAll(async () => {
  for (const endpoint of endpoints) endpoint.close();
  await sterna.stop();
});

async function newEndpoint(): Promise<UdpEndpoint> {
  const made = await udpEndpoint(4, () => sleep(30));
  endpoints.push(made);
  return made;
}

async function client(credential = { username: USER, password: PASSWORD }): Promise<TurnClient> {
  const { host, port } = sterna.listener(4);
  const made = new TurnClient(await newEndpoint(), address(host, port), credential);
  await made.challenge();
  return made;
}

function bearer(grants: { room?: string; roomAdmin?: boolean }): Record<string, string> {
  const { name: key, secret } = API_KEY;
  const token = mintToken({ key, secret, identity: 'ops', grants, ttlSeconds: 60 });
  return { authorization: `Bearer ${token}` };
}

const ADMIN = bearer({ roomAdmin: true });

function ask(method: string, path: string, body?: object, headers = ADMIN): Promise<Answer> {
  if (body === undefined) return call(sterna.port, method, path, headers);
  const json = { ...headers, 'content-type': 'application/json' };
  return call(sterna.port, method, path, json, JSON.stringify(body));
}

type Listed = z.output<typeof listAnswer>['allocations'];

/** Of all pages. */
async function listed(limit: number): Promise<Listed> {
  const found: Listed = [];
  let next = '';
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next begins
    const answer = await ask('GET', `/v1/turn/allocations?limit=${limit}${next}`);
    const page = listAnswer.parse(JSON.parse(answer.body));
    expect(page.unanswered).toEqual([]);
    found.push(...page.allocations);
    next = page.next === null ? '' : `&after=${page.next}`;
  } while (next !== '');
  return found;
}

describe('allocations', () => {
  it('of all workers are listed in pages, told of, and ended', async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => client()));
    const made = await Promise.all(clients.map((one) => one.allocate()));
    const all = await listed(2);
    expect(new Set(all.map(({ id }) => id)).size).toBe(CLIENTS);
    expect(all.map(({ client: of, relayed }) => `${of} ${relayed.join()}`).toSorted()).toEqual(
      clients
        .map((one, i) => `${one.endpoint.address.toString()} ${made[i]!.relayed.toString()}`)
        .toSorted(),
    );

    const [first] = clients;
    const peer = await newEndpoint();
    await first!.bind(0x4001, peer.address);
    first!.sendChannel(0x4001, Buffer.from('12345'));
    await peer.receive();
    peer.send(Buffer.from('123'), made[0]!.relayed);
    expect(describeRelayed((await first!.endpoint.receive()).bytes)).toContain('channel 0x4001');
    const mine = all.find(({ client: of }) => of === first!.endpoint.address.toString());
    const path = `/v1/turn/allocations/${mine?.id}`;
    const one = await ask('GET', path);
    expect(one.headers['cache-control']).toBe('no-store');
    expect(JSON.parse(one.body)).toMatchObject({
      ...mine,
      user: USER,
      permissions: [{ peer: '127.0.0.1' }],
      channels: [{ number: 0x4001, peer: peer.address.toString() }],
      sentPackets: 1,
      sentBytes: 5,
      receivedPackets: 1,
      receivedBytes: 3,
    });

    const ended = await ask('DELETE', path);
    expect([ended.status, ended.body]).toEqual([204, '']);
    const again = [await ask('DELETE', path), await ask('GET', path)];
    expect(again.map((answer) => problem(answer).reason)).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    expect((await first!.refresh()).outcome).toContain('437');
    const [line] = await sterna.waitForEvents('allocation.deleted');
    expect(line).toMatchObject({ reason: 'ended-by-admin', client: mine?.client, sentBytes: 5 });
    expect(await listed(200)).toHaveLength(CLIENTS - 1);

    await first!.allocate();
    const ids = (await listed(200)).map(({ id }) => id);
    expect(ids).toHaveLength(CLIENTS);
    expect(ids).not.toContain(mine?.id);
  });
});

describe('a credential', () => {
  it('is minted with the first secret, and good for allocations of its user', async () => {
    const answer = await ask('POST', '/v1/turn/credentials', { user: 'ann', ttl: 600 });
    const { username, password, ttl, uris } = credentialAnswer.parse(JSON.parse(answer.body));
    expect([username.split(':')[1], ttl]).toEqual(['ann', 600]);
    expect(uris).toEqual([`turn:127.0.0.1:${sterna.listener(4).port}?transport=udp`]);
    const ann = await client({ username, password });
    await ann.allocate();
    expect((await listed(200)).filter(({ user }) => user === 'ann')).toHaveLength(1);
  });

  it('without a user is a user of its own', async () => {
    const answers = [
      await ask('POST', '/v1/turn/credentials'),
      await ask('POST', '/v1/turn/credentials', {}),
    ];
    const users = answers.map((answer) => {
      const { username, ttl } = credentialAnswer.parse(JSON.parse(answer.body));
      expect(ttl).toBe(86_400);
      return username.split(':')[1];
    });
    expect(new Set(users).size).toBe(2);
  });
});

const ROUTES: readonly [method: string, path: string, body?: object][] = [
  ['GET', '/v1/turn/allocations'],
  ['GET', '/v1/turn/allocations/0-1'],
  ['DELETE', '/v1/turn/allocations/0-1'],
  ['POST', '/v1/turn/credentials', {}],
  ['GET', '/v1/drain'],
  ['POST', '/v1/drain', { on: true }],
];

describe.each(ROUTES)('%s %s', (method, path, body) => {
  it('is for tokens that grant roomAdmin for all rooms', async () => {
    const { authorization = '' } = ADMIN;
    const forged = { authorization: `${authorization.slice(0, -6)}AAAAAA` };
    const refused: [Record<string, string>, number, string][] = [
      [{}, 401, 'TOKEN_INVALID'],
      [forged, 401, 'TOKEN_INVALID'],
      [{ authorization: `Bearer ${API_KEY.name}:x` }, 401, 'TOKEN_INVALID'],
      [bearer({ room: 'daily' }), 403, 'NOT_ALLOWED'],
      [bearer({ room: 'daily', roomAdmin: true }), 403, 'NOT_ALLOWED'],
    ];
    const answers = await Promise.all(refused.map(([headers]) => ask(method, path, body, headers)));
    expect(answers.map((answer) => [answer.status, problem(answer).reason])).toEqual(
      refused.map(([, status, reason]) => [status, reason]),
    );
  });
});
