// A real server whose configuration file changes: by HTTP and by SIGHUP it goes by the new one, and no allocation ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call, problem } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { TurnClient } from '../support/turn/client.ts';
import { type UdpEndpoint, udpEndpoint } from '../support/turn/udp-endpoint.ts';
import { address, PASSWORD, REALM, USER } from '../support/turn/world.ts';

const TURN = {
  realm: REALM,
  listeners: ['udp://127.0.0.1:0'],
  users: { [USER]: PASSWORD },
  secrets: ['the first secret of the server'],
  relay: { addresses: ['127.0.0.1'] },
  limits: { unauthorizedPerSecond: 0 },
};
const BASE = { engine: 'linux', workers: 2, sfu: { enabled: false } };

let sterna: Sterna;
let folder: string;
let userFile: string;
const endpoints: UdpEndpoint[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sterna-reload-'));
  userFile = join(folder, 'users.txt');
  writeFileSync(userFile, '');
  sterna = await Sterna.start({ config: { ...BASE, turn: { ...TURN, userFile } } });
});

afterAll(async () => {
  for (const endpoint of endpoints) endpoint.close();
  await sterna.kill();
  rmSync(folder, { recursive: true });
});

/** What the configuration file says from now on, besides what `BASE` and `TURN` say. */
function write(turn: object = {}, more: object = {}): void {
  const keys = { [API_KEY.name]: API_KEY.secret };
  const config = {
    gateway: { port: 0 },
    keys,
    ...BASE,
    turn: { ...TURN, userFile, ...turn },
    ...more,
  };
  writeFileSync(join(sterna.folder, 'sterna.yaml'), JSON.stringify(config));
}

function headers(grants: { room?: string; roomAdmin?: boolean }): Record<string, string> {
  const { name: key, secret } = API_KEY;
  const token = mintToken({ key, secret, identity: 'ops', grants, ttlSeconds: 60 });
  return { authorization: `Bearer ${token}` };
}

const ADMIN = headers({ roomAdmin: true });

function reload(): Promise<Answer> {
  return call(sterna.port, 'POST', '/v1/reload', ADMIN);
}

beforeEach(async () => {
  write();
  await reload();
});

async function client(username: string, password: string): Promise<TurnClient> {
  const endpoint = await udpEndpoint(4, () => sleep(30));
  endpoints.push(endpoint);
  const { host, port } = sterna.listener(4);
  const made = new TurnClient(endpoint, address(host, port), { username, password });
  await made.challenge();
  return made;
}

const credentialAnswer = z.looseObject({ username: z.string(), password: z.string() });

it('by HTTP: users, secrets and quotas change in every worker, and allocations go on', async () => {
  const old = await client(USER, PASSWORD);
  await old.allocate();
  const users = { [USER]: PASSWORD, ann: 'the password of ann' };
  write({ users, secrets: ['a newer secret of the server'], quota: { perUser: 3 } });
  const answer = await reload();
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    200,
    { applied: ['turn.users', 'turn.secrets', 'turn.quota.perUser'], needRestart: [] },
  ]);
  expect((await old.refresh()).outcome).toBe('success');
  // As many clients as make it all but sure that both workers are met.
  const clients = await Promise.all(
    Array.from({ length: 12 }, () => client('ann', 'the password of ann')),
  );
  for (const one of clients.slice(0, 3)) {
    // oxlint-disable-next-line no-await-in-loop -- the fourth is one too many
    await one.allocate();
  }
  for (const one of clients.slice(3)) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is fine
    await expect(one.allocate()).rejects.toThrow('486');
  }
  const minted = await call(sterna.port, 'POST', '/v1/turn/credentials', ADMIN);
  const { username, password } = credentialAnswer.parse(JSON.parse(minted.body));
  await (await client(username, password)).allocate();
});

it('by SIGHUP: the log says what was applied and what needs a restart, and no secret', async () => {
  write(
    { users: { bob: 'the password of bob' }, realm: 'example.net' },
    { log: { level: 'debug' } },
  );
  process.kill(sterna.pid, 'SIGHUP');
  const [line] = await sterna.waitForEvents('config.reloaded', 1, ({ by }) => by === 'SIGHUP');
  expect(line).toMatchObject({ applied: ['turn.users', 'log.level'], needRestart: ['turn.realm'] });
  await (await client('bob', 'the password of bob')).allocate();
  expect(sterna.output).not.toContain('the password of bob');
  expect(sterna.output).not.toContain('a newer secret');
});

it('a level of the log holds for the workers, too', async () => {
  write({}, { log: { level: 'warn' } });
  expect((await reload()).status).toBe(200);
  await (await client(USER, PASSWORD)).allocate();
  const quiet = sterna.events('allocation.created').length;
  write();
  expect((await reload()).status).toBe(200);
  await (await client(USER, PASSWORD)).allocate();
  await sterna.waitForEvents('allocation.created', quiet + 1);
  expect(sterna.events('allocation.created')).toHaveLength(quiet + 1);
});

it('an invalid file changes nothing, and is answered with its one line', async () => {
  const broken = { users: { cid: 'the password of cid' }, quota: { perUser: 'many' } };
  write(broken);
  const answer = problem(await reload());
  expect(answer).toMatchObject({ status: 400, reason: 'CONFIG_INVALID' });
  expect(answer.detail).toContain('turn.quota.perUser: expected a whole number');
  expect(answer.detail).not.toContain('\n');
  const complaints = await sterna.waitForEvents('config.invalid');
  expect(complaints[0]).toMatchObject({ level: 'error', problem: answer.detail, by: 'http' });
  process.kill(sterna.pid, 'SIGHUP');
  await sterna.waitForEvents('config.invalid', 1, ({ by }) => by === 'SIGHUP');
  const cid = await client('cid', 'the password of cid');
  await expect(cid.allocate()).rejects.toThrow('401');
  await (await client(USER, PASSWORD)).allocate();
});

it('the file of users is read again when it changes, and nothing else is', async () => {
  // Its path was known from the start; what follows is the file's own doing.
  write({ realm: 'example.net' }, { log: { level: 'warn' } });
  writeFileSync(userFile, 'dora:the password of dora\n');
  const [line] = await sterna.waitForEvents(
    'config.reloaded',
    1,
    ({ by }) => by === 'turn.userFile',
  );
  expect(line).toMatchObject({ applied: ['turn.users'], needRestart: [] });
  await (await client('dora', 'the password of dora')).allocate();
});

it('is for tokens that grant roomAdmin for all rooms', async () => {
  write({ users: {} });
  const refused: [Record<string, string>, number][] = [
    [{}, 401],
    [headers({ room: 'r' }), 403],
    [headers({ room: 'r', roomAdmin: true }), 403],
  ];
  const answers = await Promise.all(
    refused.map(([from]) => call(sterna.port, 'POST', '/v1/reload', from)),
  );
  expect(answers.map((answer) => problem(answer).status)).toEqual(
    refused.map(([, status]) => status),
  );
  await (await client(USER, PASSWORD)).allocate();
});
