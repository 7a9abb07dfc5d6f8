// The command line as its users meet it: the built program, its output and its exit codes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TokenVerifier } from '../../signaling/index.ts';
import { systemClock } from '../../shared/clock.ts';
import { endAll, runCli, temporaryFolder } from '../support/spawn-server.ts';

const SECRET = 'a-secret-for-the-tests-of-the-command-line';
const OTHER = 'another-secret-for-the-tests-of-the-command';

let folder: string;
let configured: string;

beforeAll(() => {
  folder = temporaryFolder();
  configured = join(folder, 'sterna.yaml');
  const keys = `keys:\n  first: ${SECRET}\n  second: ${OTHER}\n`;
  writeFileSync(configured, `${keys}turn:\n  secrets: [a-turn-secret-of-the-tests]\n`);
});

afterAll(endAll);

describe('help and version', () => {
  test('are printed', async () => {
    const [help, short, version] = await Promise.all([
      runCli(['--help']),
      runCli(['-h']),
      runCli(['--version']),
    ]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/Usage: sterna \[command\] \[flags\]/);
    for (const command of ['serve', 'token', 'load', 'doctor', 'config check']) {
      expect(help.stdout).toContain(`  ${command} `);
    }
    expect(short.stdout).toBe(help.stdout);
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('of each command name its flags', async () => {
    const [serve, token, doctor, check] = await Promise.all([
      runCli(['serve', '--help']),
      runCli(['token', '--identity', 'a', '-h']),
      runCli(['doctor', '--help']),
      runCli(['config', 'check', '--help']),
    ]);
    expect([serve.code, token.code, doctor.code, check.code]).toEqual([0, 0, 0, 0]);
    for (const name of ['--config', '--set', '--bind', '--port', '--log-level']) {
      expect(serve.stdout).toContain(name);
    }
    for (const name of ['--room', '--identity', '--ttl', '--grant', '--admin', '--key']) {
      expect(token.stdout).toContain(name);
    }
    expect(doctor.stdout).toContain('--config');
    expect(check.stdout).toContain('--config');
  });
});

describe('mistakes get one line and exit code 2', () => {
  test.each([
    [['serv'], 'sterna: unknown command "serv", did you mean "sterna serve"?'],
    [['config'], 'sterna: unknown command "config"'],
    [['config', 'chek'], 'did you mean "sterna config check"?'],
    [['nonsense-of-a-command'], 'see "sterna --help"'],
    [['--prot', '1'], 'sterna: unknown flag --prot, did you mean --port?'],
    [['serve', '--port'], 'sterna: --port needs a value'],
    [['--port', 'http'], 'sterna: gateway.port: expected a whole number from 0 to 65535'],
    [['--bind', '0.0.0.0'], 'sterna: bind: expected a loopback address'],
    [['--config', '/nowhere/sterna.yaml'], 'got no such file: /nowhere/sterna.yaml (--config)'],
    [['config', 'check', '--set', 'turn.relm=x'], 'did you mean "turn.realm"? (--set turn.relm)'],
    [['doctor', 'now'], 'sterna: unexpected argument "now"'],
    [['load', '--bitrate', '5'], 'sterna: --bitrate 5: expected 50k to 50m'],
    [['load', '--url', 'meet'], 'sterna: --url meet: expected an address'],
    [['token', '--room', 'r'], 'sterna: --identity is missing'],
    [['token', '-i', 'a'], 'sterna: --room is missing'],
    [['token', '-i', 'a', '-r', 'r', '--ttl', 'soon'], 'sterna: --ttl: expected a time such as'],
    [['token', '-i', 'a', '-r', 'r', '--ttl', '0s'], 'sterna: --ttl: expected a time such as'],
    [['token', '-i', 'a', '-r', 'r', '--ttl', '366d'], 'at most 365d'],
    [['token', '-i', 'a', '-r', 'r', '--grant', 'canPublsh=true'], 'did you mean canPublish?'],
    [['token', '-i', 'a', '-r', 'r', '--grant', 'hidden'], 'expected hidden=true or hidden=false'],
    [['token', '-i', '\u001b[2J', '-r', 'r', '--prt\u001b[2J'], 'unknown flag --prt\\u001b[2J'],
  ])('%j', async (args, expected) => {
    const result = await runCli(args, { TMPDIR: folder });
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(expected);
    expect(result.stderr).toMatch(/^sterna: [^\n]*\n$/);
  });

  test('also from the environment', async () => {
    const typo = await runCli(['config', 'check'], { STERNA_TURN_RELM: 'x' });
    expect(typo).toMatchObject({ code: 2, stdout: '' });
    expect(typo.stderr).toBe(
      'sterna: STERNA_TURN_RELM: unknown environment variable, did you mean STERNA_TURN_REALM?\n',
    );
  });
});

describe('config check', () => {
  test('prints what the layers come to, without secrets', async () => {
    const result = await runCli(['config', 'check', '-c', configured, '--set', 'log.level=warn'], {
      STERNA_TURN_REALM: 'meet.example.org',
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toMatch(/^ok \(.*sterna\.yaml\)\n/);
    expect(result.stdout).toContain('realm: meet.example.org');
    expect(result.stdout).toContain('level: warn');
    expect(result.stdout).toContain(`first: a secret of ${SECRET.length} characters`);
    expect(result.stdout).not.toContain(SECRET);
  });

  test('warns of what is probably not meant', async () => {
    const result = await runCli(['config', 'check', '-c', configured], {
      STERNA_TURN_LISTENERS: 'udp://192.0.2.1:3478',
    });
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('warning: turn.relay.addresses: all are loopback');
  });
});

describe('token', () => {
  const verifier = new TokenVerifier({ first: SECRET, second: OTHER }, { clock: systemClock });

  test('is signed with the first key, for an hour, with the usual grants', async () => {
    const before = Date.now();
    const { code, stdout, stderr } = await runCli(
      `token --config ${configured} --room daily --identity ann --name Ann`.split(' '),
    );
    expect([code, stderr]).toEqual([0, '']);
    const token = verifier.check(stdout.trim());
    expect(token).toMatchObject({
      key: 'first',
      identity: 'ann',
      name: 'Ann',
      grants: {
        room: 'daily',
        roomJoin: true,
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        roomAdmin: false,
      },
    });
    const expiresAt = 'expiresAt' in token ? token.expiresAt : 0;
    expect(expiresAt).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 + 3_600_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  test('takes grants, a time and another key', async () => {
    const { stdout } = await runCli(
      (
        `token -c ${configured} -r daily -i bob --ttl 2d --key second` +
        ' --grant canPublish=false --grant hidden=true'
      ).split(' '),
    );
    expect(verifier.check(stdout.trim())).toMatchObject({
      key: 'second',
      grants: { canPublish: false, hidden: true, canSubscribe: true },
    });
  });

  test('of an admin may be for all rooms', async () => {
    const { stdout } = await runCli(['token', '-c', configured, '-i', 'ops', '--admin']);
    const token = verifier.check(stdout.trim());
    expect(token).toMatchObject({ grants: { roomAdmin: true, roomJoin: false } });
    expect('grants' in token && token.grants.room).toBeUndefined();
  });

  test('needs only STERNA_KEYS', async () => {
    const result = await runCli(['token', '-r', 'r', '-i', 'a'], {
      STERNA_KEYS: `first=${SECRET}`,
    });
    expect(result.code).toBe(0);
    expect(verifier.check(result.stdout.trim())).toMatchObject({ key: 'first' });
  });

  test('cannot be signed by a key that is not there', async () => {
    const args = ['token', '-c', configured, '-r', 'r', '-i', 'a', '--key', 'third'];
    const result = await runCli(args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('--key third: no such API key; there are first, second');
  });

  test('without any key says where one could come from', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const result = await runCli(['token', '-r', 'r', '-i', 'a'], { TMPDIR: empty });
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^sterna: no API key: give --config FILE or STERNA_KEYS, or [^\n]*\n$/,
    );
  });

  test('for an identity that nobody may have is refused', async () => {
    const result = await runCli(['token', '-c', configured, '-r', 'r', '-i', 'a\u0007']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^sterna: sub: /);
  });
});
