// The audit log of real servers: what is in it and what is not, crashes, restarts, a disk that is full, rotation, and
// `sterna audit verify` over what they have left.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AuditLog } from '../../server/audit/audit-log.ts';
import { verifyFile } from '../../server/audit/verify-file.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { call } from '../support/http-call.ts';
import type { Answer } from '../support/http-call.ts';
import { SignalClient } from '../support/signal-client.ts';
import { endAll, runCli, temporaryFolder } from '../support/spawn-server.ts';
import type { LaunchOptions } from '../support/spawn-server.ts';

const TURN_SECRET = 'a secret of TURN for these tests';

const recordLine = z.strictObject({
  seq: z.int(),
  time: z.iso.datetime(),
  actor: z.looseObject({ type: z.string() }),
  action: z.string(),
  target: z.record(z.string(), z.unknown()),
  outcome: z.string(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
type Line = z.output<typeof recordLine>;

let folder: string;

function signal(name: string): object {
  return { type: 'signal', name };
}

function at(name: string): string {
  return join(folder, name);
}

beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => endAll());

function newFile(): string {
  return join(temporaryFolder(), 'audit.jsonl');
}

function read(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => recordLine.parse(JSON.parse(line)));
}

function start(file: string, launch: LaunchOptions = {}): Promise<Sterna> {
  const config = {
    engine: 'portable',
    sfu: { enabled: false },
    turn: { secrets: [TURN_SECRET], listeners: ['udp://127.0.0.1:0'] },
    audit: { file },
  };
  return Sterna.start({ config, ...launch });
}

function tokenOf(identity: string, grants: object): string {
  const { name: key, secret } = API_KEY;
  return mintToken({ key, secret, identity, grants, ttlSeconds: 60 });
}

const ADMIN = tokenOf('ops', { roomAdmin: true });

function ask(
  sterna: Sterna,
  method: string,
  path: string,
  body?: object,
  token = ADMIN,
): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (body === undefined) return call(sterna.port, method, path, headers);
  headers['content-type'] = 'application/json';
  return call(sterna.port, method, path, headers, JSON.stringify(body));
}

describe('a server', () => {
  it('writes down who did what, and no secret; a moved file is followed by a new one', async () => {
    const file = newFile();
    const sterna = await start(file);
    await ask(sterna, 'POST', '/v1/rooms', { name: 'daily' });
    const minted = await ask(sterna, 'POST', '/v1/turn/credentials', { user: 'ann' });
    await ask(sterna, 'DELETE', '/v1/turn/allocations/0-99');
    await ask(sterna, 'POST', '/v1/drain', { on: true });
    await ask(sterna, 'POST', '/v1/drain', { on: false });
    // Who may not has done nothing, and who looks neither.
    await ask(sterna, 'POST', '/v1/rooms', { name: 'x' }, tokenOf('eve', { room: 'y' }));
    await ask(sterna, 'GET', '/v1/drain');
    const grants = { room: 'daily', roomJoin: true };
    const boss = new SignalClient(sterna.url, () =>
      tokenOf('boss', { ...grants, roomAdmin: true }),
    );
    const loud = new SignalClient(sterna.url, () => tokenOf('loud\u2028"}', grants));
    await Promise.all([boss.joined(), loud.joined()]);
    await ask(sterna, 'POST', '/v1/rooms/daily/participants/boss/simulate', { op: 'lift' });
    await boss.connection.request({ type: 'mod', op: 'kick', to: loud.sid, reason: 'too loud' });
    boss.connection.close('bye');
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const old = `${file}.1`;
    renameSync(file, old);
    process.kill(sterna.pid, 'SIGHUP');
    await sterna.waitForEvents('audit.reopened');
    await ask(sterna, 'POST', '/v1/reload');
    const metrics = await call(sterna.port, 'GET', '/metrics');
    expect(metrics.body).toMatch(/^sterna_audit_records_total 11$/m);
    await sterna.stop();

    const ops = { type: 'token', key: API_KEY.name, identity: 'ops' };
    const said = [...read(old), ...read(file)].map(({ actor, action, target, outcome }) => ({
      actor,
      action,
      target,
      outcome,
    }));
    expect(said).toMatchObject([
      { actor: { type: 'server' }, action: 'server.start', outcome: 'ok' },
      {
        actor: ops,
        action: 'room.create',
        target: { room: 'daily', created: true },
        outcome: 'ok',
      },
      { actor: ops, action: 'turn.mint', target: { user: 'ann', ttl: 86_400 }, outcome: 'ok' },
      { actor: ops, action: 'turn.end-allocation', outcome: 'NOT_FOUND' },
      { actor: ops, action: 'server.drain', target: { on: true } },
      { actor: ops, action: 'server.drain', target: { on: false } },
      {
        actor: ops,
        action: 'participant.simulate',
        target: { room: 'daily', participant: 'boss', op: 'lift' },
        outcome: 'ok',
      },
      {
        actor: { type: 'participant', sid: boss.sid, identity: 'boss' },
        action: 'participant.kick',
        target: { room: 'daily', participant: loud.sid, identity: 'loud\\u2028"}' },
        outcome: 'ok',
      },
      { actor: { type: 'server' }, action: 'audit.reopened' },
      { actor: signal('SIGHUP'), action: 'config.reload', outcome: 'ok' },
      { actor: ops, action: 'config.reload', target: { applied: [], needRestart: [] } },
      { actor: signal('SIGTERM'), action: 'server.stop', outcome: 'ok' },
    ]);
    expect(said).toHaveLength(12);
    const texts = readFileSync(old, 'utf8') + readFileSync(file, 'utf8');
    const { password } = z.object({ password: z.string() }).parse(JSON.parse(minted.body));
    for (const secret of [password, TURN_SECRET, API_KEY.secret, ADMIN.split('.')[2]!]) {
      expect(texts).not.toContain(secret);
    }

    const end = read(old).at(-1)!.hash;
    const last = read(file).at(-1)!.hash;
    expect(await verifyFile(old, {})).toMatchObject({
      fault: undefined,
      records: 8,
      lastHash: end,
    });
    const [good, bad] = await Promise.all([
      runCli(['audit', 'verify', file, '--from', end, '--expect-hash', last]),
      runCli(['audit', 'verify', file]),
    ]);
    expect([good.code, good.stdout]).toEqual([0, `ok: 4 records up to 12, last hash ${last}\n`]);
    expect([bad.code, bad.stdout.split(':')[1]]).toEqual([1, ' line 1, removed']);
    expect(sterna.output).toContain(`"event":"audit.closed","seq":12,"hash":"${last}"`);
  });

  it('goes on while its file cannot be written, and loses nothing that it can keep', async () => {
    const file = newFile();
    const sterna = await start(file, { fileBlocks: 2 });
    const names = Array.from({ length: 10 }, (_, i) => `room-${i}`);
    const answers = await Promise.all(
      names.map((name) => ask(sterna, 'POST', '/v1/rooms', { name })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    await sterna.waitForEvents('audit.failed');
    expect(statSync(file).size).toBe(1024);
    const metrics = await call(sterna.port, 'GET', '/metrics');
    expect(metrics.body).toMatch(/^sterna_audit_failures_total [1-9]/m);
    execFileSync('prlimit', ['--pid', String(sterna.pid), '--fsize=unlimited:unlimited']);
    await sterna.waitForEvents('audit.written');
    await sterna.kill();
    expect(await verifyFile(file, {})).toMatchObject({ fault: undefined, records: 11 });
  });
});

describe('an audit log', () => {
  const actor = { type: 'server' } as const;

  it('is one chain over many servers, whatever the last one left', async () => {
    const file = newFile();
    for (const rest of ['', '{"seq":1,"ti', '{"seq', 'not even JSON', '\n\n', 'two\nlines']) {
      /* oxlint-disable no-await-in-loop -- one after the other */
      appendFileSync(file, rest);
      const log = await AuditLog.open(file, systemClock, silentLogger);
      log.record(actor, 'test', {}, 'ok');
      await log.close();
      expect(await verifyFile(file, {}), rest).toMatchObject({ fault: undefined });
      /* oxlint-enable no-await-in-loop */
    }
  });

  it('of which the last newline alone is missing has lost nothing', async () => {
    const file = newFile();
    for (const nth of [1, 2]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const log = await AuditLog.open(file, systemClock, silentLogger);
      log.record(actor, 'test', { nth }, 'ok');
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await log.close();
      if (nth === 1) truncateSync(file, statSync(file).size - 1);
    }
    expect(read(file).map(({ seq, action }) => [seq, action])).toEqual([
      [1, 'test'],
      [2, 'test'],
    ]);
  });

  it('is none of another file, which it does not touch', async () => {
    writeFileSync(at('other'), 'bind: 127.0.0.1\n');
    mkdirSync(at('folder'));
    symlinkSync('/etc/hostname', at('link'));
    const whys = { other: 'no audit log', folder: 'EISDIR', link: 'ELOOP', 'none/file': 'ENOENT' };
    for (const [name, why] of Object.entries(whys)) {
      const opened = AuditLog.open(at(name), systemClock, silentLogger);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(opened).rejects.toThrow(why);
    }
    expect(readFileSync(at('other'), 'utf8')).toBe('bind: 127.0.0.1\n');
  });

  it('may have lines of any length when it is verified', async () => {
    const file = newFile();
    writeFileSync(file, 'x'.repeat(300_000));
    expect((await verifyFile(file, {})).fault).toMatchObject({ line: 1, kind: 'torn' });
    appendFileSync(file, '\n');
    expect((await verifyFile(file, {})).fault).toMatchObject({ line: 1, kind: 'changed' });
    await expect(verifyFile(`${file}x`, {})).rejects.toThrow('ENOENT');
  });

  it('stays where it is when nobody has moved it, and where a new one cannot be made', async () => {
    const file = newFile();
    const log = await AuditLog.open(file, systemClock, silentLogger);
    log.record(actor, 'test', {}, 'ok');
    await log.reopen();
    renameSync(file, `${file}.1`);
    mkdirSync(file);
    await log.reopen();
    log.record(actor, 'test', {}, 'ok');
    await log.close();
    expect(log.stats()).toMatchObject({ records: 2, failures: 1 });
    expect(read(`${file}.1`)).toHaveLength(2);
  });
});
