// Loading a configuration: layers, modes, and the one line that each kind of mistake gets.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../shared/config/config-error.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import type { Config } from '../../../shared/config/load.ts';
import type { ConfigFlag } from '../../../shared/config/sources.ts';
import { configComplaint } from '../../support/config-complaint.ts';

const SECRET = 'abcdefghijklmnopqrstuvwxyzABCDEF';
const KEYS = `keys: { devkey: ${SECRET} }\n`;
const BASE = `${KEYS}turn: { secrets: [shared-secret] }\n`;

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sterna-config-'));
  chmodSync(folder, 0o755);
  file = join(folder, 'c.yaml');
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Layers {
  yaml?: string;
  environment?: Record<string, string>;
  flags?: ConfigFlag[];
}

function load({ yaml, environment = {}, flags = [] }: Layers): Config {
  if (yaml !== undefined) writeFileSync(file, yaml);
  return loadConfig({
    file: yaml === undefined ? undefined : file,
    environment,
    flags,
    ipv6Loopback: true,
    secret: () => 'made-up-secret-of-development-mode',
  });
}

/** The complaint, with the file's path shortened. */
function complaint({ yaml, environment = {} }: Layers): string {
  if (yaml !== undefined) writeFileSync(file, yaml);
  const message = configComplaint({ file: yaml === undefined ? undefined : file, environment });
  return message.replaceAll(file, 'c.yaml');
}

function longFile(name: string): void {
  writeFileSync(join(folder, name), '');
  truncateSync(join(folder, name), 1_048_577);
}

/** Root may read everything, so it steps down for the while. */
function asNobody<T>(run: () => T): T {
  const uid = process.geteuid?.();
  if (uid === 0) process.seteuid?.(65_534);
  try {
    return run();
  } finally {
    if (uid === 0) process.seteuid?.(0);
  }
}

function flag(key: string, value: string): ConfigFlag {
  return { flag: `--set ${key}`, key, value };
}

describe('layers', () => {
  test('the environment overrides the file, flags override both, the rest is default', () => {
    const config = load({
      yaml: `${BASE}bind: 127.0.0.2\nlog: { level: warn }\ngateway: { port: 1 }\n`,
      environment: { STERNA_BIND: '127.0.0.3', STERNA_GATEWAY_PORT: '2', PATH: '/bin' },
      flags: [flag('gateway.port', '3')],
    });
    expect(config).toMatchObject({
      mode: 'configured',
      file,
      bind: '127.0.0.3',
      gateway: { port: 3 },
      log: { level: 'warn', format: 'json' },
      engine: 'auto',
      keys: { devkey: SECRET },
    });
  });

  test('the environment reads lists and maps as comma lists or as YAML and JSON', () => {
    const config = load({
      environment: {
        STERNA_KEYS: `a=${SECRET}, b=${SECRET}=`,
        STERNA_TURN_SECRETS: '["with,comma", "12345678"]',
        STERNA_TURN_LISTENERS: 'udp://127.0.0.1:1, udp://[::1]:2',
        STERNA_TURN_RELAY_EXTERNAL: '{"127.0.0.1": "192.0.2.1"}',
        STERNA_TURN_QUOTA_PER_USER: '7',
        STERNA_TURN_LIFETIMES_ALLOCATION_MAX: '700',
        STERNA_TURN_LEGACY_CHANNELS: 'true',
        STERNA_TURN_REALM: '',
      },
    });
    expect(config.keys).toEqual({ a: SECRET, b: `${SECRET}=` });
    expect(config.turn).toMatchObject({
      realm: 'example.org',
      legacyChannels: true,
      secrets: ['with,comma', '12345678'],
      listeners: ['udp://127.0.0.1:1', 'udp://[::1]:2'],
      relay: { external: { '127.0.0.1': '192.0.2.1' } },
      quota: { perUser: 7 },
      lifetimes: { allocationMax: 700 },
    });
  });

  test('a flag may name an entry of a map, dots included', () => {
    const config = load({
      yaml: BASE,
      flags: [flag('turn.relay.external.127.0.0.1', '192.0.2.1'), flag('turn.users.ann', 'pass')],
    });
    expect(config.turn.relay.external).toEqual({ '127.0.0.1': '192.0.2.1' });
    expect(config.turn.users).toEqual({ ann: 'pass' });
  });

  test('a group or value that the file leaves empty is the default', () => {
    const config = load({ yaml: `${BASE}gateway:\nlog:\n  level:\n` });
    expect(config.gateway.port).toBe(7880);
    expect(config.log.level).toBe('info');
  });

  test('STERNA_CONFIG names the file, --config beats it', () => {
    writeFileSync(file, BASE);
    const environment = { STERNA_CONFIG: file };
    expect(loadConfig({ environment }).file).toBe(file);
    const other = join(folder, 'other.yaml');
    expect(() => loadConfig({ environment, file: other })).toThrow(
      `config: expected a readable YAML file, got no such file: ${other} (--config)`,
    );
    expect(() => loadConfig({ environment: { STERNA_CONFIG: other } })).toThrow('(STERNA_CONFIG)');
  });

  test('what Kubernetes injects for a Service named sterna is passed over', () => {
    const environment = {
      STERNA_PORT: 'tcp://10.0.0.1:7880',
      STERNA_SERVICE_HOST: '10.0.0.1',
      STERNA_SERVICE_PORT: '7880',
      STERNA_SERVICE_PORT_HTTP: '7880',
      STERNA_PORT_7880_TCP: 'tcp://10.0.0.1:7880',
      STERNA_PORT_7880_TCP_ADDR: '10.0.0.1',
    };
    expect(load({ environment }).mode).toBe('development');
    expect(complaint({ environment: { STERNA_PORT: '8080' } })).toMatch(/^STERNA_PORT: unknown/);
  });
});

describe('development mode', () => {
  test('is what neither file nor keys give: loopback and made-up secrets', () => {
    const config = load({});
    expect(config).toMatchObject({
      mode: 'development',
      file: undefined,
      bind: '127.0.0.1',
      keys: { devkey: 'made-up-secret-of-development-mode' },
      warnings: [],
    });
    expect(config.turn).toMatchObject({
      secrets: ['made-up-secret-of-development-mode'],
      listeners: [
        'udp://127.0.0.1:3478',
        'udp://[::1]:3478',
        'tcp://127.0.0.1:3478',
        'tcp://[::1]:3478',
      ],
      relay: { addresses: ['127.0.0.1', '::1'] },
      peers: { allow: ['127.0.0.0/8', '::1/128'], deny: [] },
    });
  });

  test('makes other secrets each time, of 256 bits', () => {
    const [first, second] = [loadConfig({ environment: {} }), loadConfig({ environment: {} })];
    expect(first.keys['devkey']).toMatch(/^[\w-]{43}$/);
    expect(first.keys['devkey']).not.toBe(second.keys['devkey']);
    expect(first.turn.secrets[0]).not.toBe(first.keys['devkey']);
  });

  test('does without ::1 where the machine has none, unless it was asked for', () => {
    const without = loadConfig({ environment: {}, ipv6Loopback: false });
    expect(without.turn.listeners).toEqual(['udp://127.0.0.1:3478', 'tcp://127.0.0.1:3478']);
    expect(without.turn.relay.addresses).toEqual(['127.0.0.1']);
    const environment = { STERNA_TURN_LISTENERS: 'udp://[::1]:5' };
    const asked = loadConfig({ environment, ipv6Loopback: false });
    expect(asked.turn.listeners).toEqual(['udp://[::1]:5']);
  });

  test('keeps TURN settings that were given', () => {
    const config = load({ environment: { STERNA_TURN_USERS: 'ann=pass' } });
    expect(config.mode).toBe('development');
    expect(config.turn).toMatchObject({ users: { ann: 'pass' }, secrets: [] });
  });

  test.each([
    ['STERNA_BIND', '0.0.0.0', 'bind'],
    ['STERNA_BIND', '192.0.2.1', 'bind'],
    ['STERNA_BIND', '::', 'bind'],
    ['STERNA_TURN_LISTENERS', 'udp://127.0.0.1:1,udp://0.0.0.0:3478', 'turn.listeners'],
    ['STERNA_TURN_RELAY_ADDRESSES', '192.0.2.1', 'turn.relay.addresses'],
    ['STERNA_TURN_NAT_DISCOVERY', 'udp://192.0.2.1:3479', 'turn.natDiscovery'],
    ['STERNA_SFU_ADDRESSES', '127.0.0.1,::', 'sfu.addresses'],
  ])('refuses the public address in %s=%s and says what to set', (variable, value, key) => {
    const message = complaint({ environment: { [variable]: value } });
    expect(message).toContain(`${key}: expected a loopback address`);
    expect(message).toContain('set keys and turn.secrets');
    expect(message).toContain(`(${variable})`);
  });
});

describe('a configured server needs credentials', () => {
  test.each([
    ['', 'keys: expected at least one API key'],
    ['# nothing but a comment\n', 'keys: expected at least one API key'],
    ['keys: {}\n', 'keys: expected at least one API key'],
    [
      KEYS,
      'turn.secrets: expected a secret here, a user in turn.users, one of turn.userSources, or a key in turn.oauth.keys',
    ],
  ])('%j is refused', (yaml, expected) => {
    const message = complaint({ yaml });
    expect(message).toContain(expected);
    expect(message).toContain('got nothing (c.yaml)');
  });

  test('a user instead of a secret will do, with a warning', () => {
    const config = load({ yaml: `${KEYS}turn: { users: { ann: pass } }\n` });
    expect(config.warnings).toEqual([
      'turn.secrets: empty, so participants get STUN but no TURN credentials',
    ]);
  });

  test('warns of what is probably not meant', () => {
    const yaml = `${KEYS}turn:
  secrets: [shared-secret]
  listeners: ["udp://192.0.2.1:3478"]
  peers: { allow: ["127.0.0.0/8"] }
`;
    expect(load({ yaml }).warnings.map((text) => text.split(':')[0])).toEqual([
      'turn.relay.addresses',
      'turn.peers.allow',
      'turn.secrets',
    ]);
  });
});

test('warns of media that no other machine can send', () => {
  const yaml = `${KEYS}bind: 0.0.0.0\nturn: { secrets: [${'s'.repeat(32)}] }\n`;
  const warnings = (more: string): readonly string[] => load({ yaml: yaml + more }).warnings;
  expect(warnings('')).toEqual([
    'sfu.addresses: all are loopback, so no other machine can send media',
  ]);
  for (const more of ['addresses: [0.0.0.0]', 'announce: [192.0.2.1]', 'enabled: false']) {
    expect(warnings(`sfu: { ${more} }\n`)).toEqual([]);
  }
});

describe('files that cannot be read', () => {
  test.each([
    ['a folder', () => mkdirSync(join(folder, 'd')), 'd', 'a directory'],
    ['a missing file', () => {}, 'missing.yaml', 'no such file'],
    ['a path through a file', () => writeFileSync(join(folder, 'f'), ''), 'f/x', 'no such file'],
    ['a long file', () => longFile('long'), 'long', '1048577 bytes (at most 1048576)'],
    ['bytes that are no text', () => writeFileSync(join(folder, 'b'), '\0'), 'b', 'a binary file'],
    [
      'bytes that are not UTF-8',
      () => writeFileSync(join(folder, 'l'), Buffer.from([0xff, 0xfe, 0x41])),
      'l',
      'bytes that are not UTF-8',
    ],
  ])('%s', (_what, make, name, got) => {
    make();
    const path = join(folder, name);
    expect(() => loadConfig({ environment: {}, file: path })).toThrow(
      new ConfigError(`config: expected a readable YAML file, got ${got}: ${path} (--config)`),
    );
  });

  test('a file that this user may not read', () => {
    const path = join(folder, 'private.yaml');
    writeFileSync(path, BASE);
    chmodSync(path, 0o000);
    const message = asNobody(() => configComplaint({ environment: {}, file: path }));
    expect(message).toBe(
      `config: expected a readable YAML file, got no permission to read: ${path} (--config)`,
    );
  });

  test.each([
    ['a: [', /^c\.yaml:\d: expected YAML/],
    [`${BASE}${KEYS}`, /^c\.yaml:3: expected each key once, got "keys" again/],
    [`${BASE}log:\n\tlevel: info`, /^c\.yaml:4: expected spaces, not tabs/],
    [`${BASE}log:\n  level: info\n format: json`, /^c\.yaml:\d: expected YAML \(check the columns/],
    ['- a\n- b', /^c\.yaml:1: expected a map of keys$/],
    ['just text', /^c\.yaml:1: expected a map of keys$/],
    [`${BASE}---\nbind: ::1\n`, /^c\.yaml:\d: expected one document/],
    [`${BASE}x: *Secret123`, /^c\.yaml:3: expected text that starts with "\*" in quotes/],
    [`${BASE}x: !Secret123 y`, /^c\.yaml:3: expected text that starts with "!" in quotes/],
  ])('%j is not the YAML it should be', (yaml, expected) => {
    const message = complaint({ yaml });
    expect(message).toMatch(expected);
    expect(message).not.toContain('Secret123');
  });

  test('a bomb of aliases is refused', () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
      lines.push(`${to}: &${to} [${Array.from({ length: 10 }, () => `*${from}`).join(', ')}]`);
    }
    expect(complaint({ yaml: lines.join('\n') })).toBe('c.yaml:1: expected YAML with few aliases');
  });
});
