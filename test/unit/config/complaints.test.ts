// The one line that a wrong key, name, type or value gets, from each of the three sources.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConfigFlag, Environment } from '../../../shared/config/sources.ts';
import { configComplaint } from '../../support/config-complaint.ts';

const SECRET = 'abcdefghijklmnopqrstuvwxyzABCDEF';
const KEYS = `keys: { devkey: ${SECRET} }\n`;
const BASE = `${KEYS}turn: { secrets: [shared-secret] }\n`;
const TURN = `${KEYS}turn:\n  secrets: [shared-secret]\n`;

let folder: string;

beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'sterna-complaints-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function complaint(yaml: string, environment: Environment = {}, flags: ConfigFlag[] = []): string {
  const file = join(folder, 'c.yaml');
  writeFileSync(file, yaml);
  const message = configComplaint({ file, environment, flags });
  expect(message).not.toContain(SECRET);
  return message.replaceAll(file, 'c.yaml');
}

describe('in the file', () => {
  test.each([
    ['bnd: ::1', 'bnd: unknown key, did you mean "bind"? (c.yaml:3)'],
    ['Bind: ::1', 'Bind: unknown key, did you mean "bind"? (c.yaml:3)'],
    ['realm: x', 'realm: unknown key, did you mean "turn.realm"? (c.yaml:3)'],
    ['gateway: { prt: 1 }', 'gateway.prt: unknown key, did you mean "gateway.port"? (c.yaml:3)'],
    ['log: { q: 1 }', 'log.q: unknown key, expected one of level, format (c.yaml:3)'],
    ['<<: { bind: x }', '<<: unknown key, expected one of bind, engine'],
    ['__proto__: { bind: x }', '__proto__: unknown key, expected one of bind, engine'],
    ['bind: localhost', 'bind: expected an IP address, such as 127.0.0.1 or ::1, got "localhost"'],
    ['bind: 127.1', 'bind: expected text (in quotes where it looks like a number), got 127.1'],
    ['bind: "::1%lo"', 'bind: expected an IP address, such as 127.0.0.1 or ::1, got "::1%lo"'],
    ['engine: fast', 'engine: expected one of auto, linux, portable, got "fast" (c.yaml:3)'],
    ['workers: 33', 'workers: expected a whole number from 0 to 32, got 33'],
    [
      'engine: portable\nworkers: 2',
      'workers: expected 1 with engine: portable (only the linux engine shares a port among workers), got 2',
    ],
    [
      'workerCpus: 3-1',
      'workerCpus: expected CPU numbers and ranges, such as 1-3 or 0,2, got "3-1"',
    ],
    [
      'engine: portable\nworkerCpus: "1"',
      'workerCpus: expected nothing with engine: portable (only the linux engine pins its workers), got "1"',
    ],
    ['rooms: { mode: mesh }', 'rooms.mode: expected one of auto, sfu, p2p, got "mesh"'],
    [
      'sfu: { enabled: false }\nrooms: { mode: auto }',
      'rooms.mode: expected p2p, since sfu.enabled is false, got "auto"',
    ],
    ['sfu: { addresses: [] }', 'sfu.addresses: expected at least one IP address of this machine'],
    ['sfu: { addresses: [224.0.0.1] }', 'sfu.addresses.0: expected an IP address of this machine'],
    ['sfu: { announce: [0.0.0.0] }', 'sfu.announce.0: expected an IP address that clients reach'],
    ['sfu: { addresses: ["::1", "::1"] }', 'sfu.addresses: expected each entry once, got "::1"'],
    [
      'workers: 4\nsfu: { port: 65533 }',
      'sfu.port: expected a port that leaves room for one each of 4 workers, got 65533',
    ],
    [
      'webhooks: { urls: ["https://a.example/?s=hush"] }',
      'webhooks.key: expected the name of the API key that signs: one of ',
    ],
    ['webhooks: { urls: ["https://a.example/"], key: constructor }', 'webhooks.key: expected the'],
    [
      'webhooks: { urls: ["ftp://a.example/hush"] }',
      'webhooks.urls.0: expected an http:// or https:// URL without user name and password, got a secret of 20',
    ],
    [
      'webhooks: { urls: ["https://a:hush@b.example/"] }',
      'webhooks.urls.0: expected an http:// or',
    ],
    ['webhooks: { events: [room_ended] }', 'webhooks.events.0: expected one of room_started, '],
    ['gateway: 7880', 'gateway: expected a map of keys, got 7880 (c.yaml:3)'],
    ['gateway: { port: "1" }', 'gateway.port: expected a whole number from 0 to 65535, got "1"'],
    [
      'gateway: { port: 65536 }',
      'gateway.port: expected a whole number from 0 to 65535, got 65536',
    ],
    ['gateway: { port: 1.5 }', 'gateway.port: expected a whole number from 0 to 65535, got 1.5'],
    ['log: { level: loud }', 'log.level: expected one of trace, debug, info, warn, error, fatal'],
    ['rooms: { maxParticipants: 1 }', 'rooms.maxParticipants: expected a whole number from 2 to'],
    ['rooms: { emptyTimeout: soon }', 'rooms.emptyTimeout: expected a whole number from 0 to'],
    ['signaling: { origins: x }', 'signaling.origins: expected a list, got "x" (c.yaml:3)'],
    [
      'signaling:\n  origins:\n    - https://a.example\n    - https://b.example/\n',
      'signaling.origins.1: expected an origin, such as https://meet.example.org, or "*", ' +
        'got "https://b.example/" (c.yaml:6)',
    ],
    ['bind: "\\e[31m\\u202e"', 'got "\\u001b[31m\\u202e" (c.yaml:3)'],
    [`bind: ${'x'.repeat(500)}`, `got "${'x'.repeat(59)}... (c.yaml:3)`],
  ])('%s', (yaml, expected) => {
    expect(complaint(`${BASE}${yaml}`)).toContain(expected);
  });

  test.each([
    ['relm: x', 'turn.relm: unknown key, did you mean "turn.realm"? (c.yaml:4)'],
    ['realm: ""', 'turn.realm: expected text of 1 to 127 characters, got "" (c.yaml:4)'],
    ['listeners: []', 'turn.listeners: expected at least one listener'],
    [
      'listeners: ["udp://h:1"]',
      'turn.listeners.0: expected udp://, tcp://, tls:// or dtls:// and address:port with an IP',
    ],
    [
      'listeners: ["udp://::1:1"]',
      'turn.listeners.0: expected udp://, tcp://, tls:// or dtls:// and address:port with an IP',
    ],
    [
      'listeners: ["udp://[127.0.0.1]:1"]',
      'turn.listeners.0: expected udp://, tcp://, tls:// or dtls:// and',
    ],
    [
      'listeners: ["udp://127.0.0.1"]',
      'turn.listeners.0: expected udp://, tcp://, tls:// or dtls:// and address:port with an IP',
    ],
    ['listeners: ["udp://127.0.0.1:70000"]', 'with a port up to 65535, got'],
    ['listeners: ["udp://224.0.0.1:1"]', 'with an address of this machine, got'],
    ['listeners: ["udp://[::1]:5", "udp://[::1]:5"]', 'turn.listeners: expected each entry once'],
    [
      'natDiscovery: 192.0.2.1',
      'turn.natDiscovery: expected udp://address:port, such as udp://192.0.2.11:3479, or nothing',
    ],
    ['natDiscovery: "tcp://127.0.0.2:3479"', 'turn.natDiscovery: expected udp://address:port'],
    ['natDiscovery: "udp://127.0.0.2:0"', 'turn.natDiscovery: expected udp://address:port'],
    ['natDiscovery: "udp://0.0.0.0:3479"', 'turn.natDiscovery: expected udp://address:port'],
    [
      'natDiscovery: "udp://127.0.0.2:3478"',
      'expected another IP address and another port than 127.0.0.1, 3478',
    ],
    [
      'natDiscovery: "udp://127.0.0.1:3479"',
      'expected another IP address and another port than 127.0.0.1, 3478',
    ],
    [
      'natDiscovery: "udp://127.0.0.2:9"\n  listeners: ["udp://[::1]:1"]',
      'turn.natDiscovery: expected its first udp:// listener of that family',
    ],
    [
      'natDiscovery: "udp://127.0.0.2:9"\n  listeners: ["udp://127.0.0.1:0"]',
      'turn.natDiscovery: expected its first udp:// listener',
    ],
    [
      'natDiscovery: "udp://127.0.0.2:9"\n  listeners: ["udp://0.0.0.0:1"]',
      'turn.natDiscovery: expected its first udp:// listener',
    ],
    ['advertise: ["turn:"]', 'turn.advertise.0: expected an ICE URL, such as turn:turn.example'],
    ['advertise: ["stun:a?transport=udp"]', 'turn.advertise.0: expected an ICE URL'],
    ['relay: { addresses: [] }', 'turn.relay.addresses: expected at least one IP address'],
    ['relay: { addresses: ["0.0.0.0"] }', 'turn.relay.addresses.0: expected an IP address of'],
    ['relay: { addresses: ["::1", "::1"] }', 'turn.relay.addresses: expected each entry once'],
    ['relay: { ports: 1000-2000 }', 'turn.relay.ports: expected ports from 1024 to 65535'],
    ['relay: { ports: 3000-2000 }', 'turn.relay.ports: expected the lower port first'],
    ['relay: { ports: 3000 }', 'turn.relay.ports: expected text'],
    ['relayPortsPerWorker: 65', 'turn.relayPortsPerWorker: expected a whole number from 0 to 64'],
    [
      'relayPortsPerWorker: 9\n  relay: { ports: 50000-50007 }',
      'turn.relayPortsPerWorker: expected at most 8, the share of one worker in turn.relay.ports',
    ],
    ['relay: { ports: "3000" }', 'turn.relay.ports: expected two ports as "first-last"'],
    [
      'relay: { external: { h: 192.0.2.1 } }',
      'turn.relay.external.h: expected an IP address of this machine (not 0.0.0.0 or ::) as its name',
    ],
    [
      'relay: { external: { 10.0.0.1: 192.0.2.1 } }',
      'turn.relay.external.10.0.0.1: expected a relay address as its name: one of 127.0.0.1, ::1',
    ],
    [
      'relay: { external: { 127.0.0.1: "2001:db8::1" } }',
      'turn.relay.external.127.0.0.1: expected an address of the same family as 127.0.0.1',
    ],
    ['users: { ann: 12345 }', 'turn.users.ann: expected text (in quotes where it looks like a n'],
    ['realm: "a\\u0007"', 'turn.realm: expected text without control characters, got "a\\u0007"'],
    [
      'users: { ann: "a\\u0007" }',
      'turn.users.ann: expected a password without control characters',
    ],
    ['users: [ann]', 'turn.users: expected a map of names and values, got a list (c.yaml:4)'],
    ['peers: { allow: [10.0.0.0/33] }', 'turn.peers.allow.0: expected an address range'],
    ['peers: { deny: [10.0.0.0] }', 'turn.peers.deny.0: expected an address range'],
    ['mobility: 1', 'turn.mobility: expected true or false, got 1'],
    [
      'alternateServers: ["192.0.2.7"]',
      'turn.alternateServers.0: expected address:port of another',
    ],
    [
      'alternateServers: ["192.0.2.7:0"]',
      'turn.alternateServers.0: expected address:port of another',
    ],
    [
      'alternateServers: ["0.0.0.0:1"]',
      'turn.alternateServers.0: expected address:port of another',
    ],
    [
      'alternateServers: ["h:1"]',
      'turn.alternateServers.0: expected address:port of another server',
    ],
    [
      'alternateServers: ["192.0.2.7:1", "192.0.2.7:1"]',
      'turn.alternateServers: expected each entry once',
    ],
    ['redirect: never', 'turn.redirect: expected one of draining, always'],
    ['redirect: always', 'turn.redirect: expected draining, or an entry in turn.alternateServers'],
    ['quota: { perUser: 0 }', 'turn.quota.perUser: expected a whole number from 1 to 1000000'],
    [
      'quota: { perUser: 9, total: 8 }',
      'turn.quota.perUser: expected at most turn.quota.total (8)',
    ],
    [
      'limits: { bandwidth: { perUser: 9999 } }',
      'turn.limits.bandwidth.perUser: expected 0, or 10000 to 10000000000 bytes a second, got 9999',
    ],
    ['limits: { bandwidth: { total: 2e10 } }', 'expected 0, or 10000 to 10000000000 bytes a'],
    ['limits: { bandwidth: { perAllocation: "1M" } }', 'turn.limits.bandwidth.perAllocation: exp'],
    ['limits: { permissions: 0 }', 'turn.limits.permissions: expected a whole number from 1 to 65'],
    ['limits: { unauthorizedPerSecond: -1 }', 'expected a whole number from 0 to 1000000, got -1'],
    [
      'lifetimes: { allocationMax: 300 }',
      'turn.lifetimes.allocation: expected at most turn.lifetimes.allocationMax (300), ' +
        'got 600 (default)',
    ],
    [
      'lifetimes: { channel: 200 }',
      'turn.lifetimes.channel: expected at least turn.lifetimes.permission (300), got 200 (c.yaml:4)',
    ],
    ['legacyChannels: yes', 'turn.legacyChannels: expected true or false, got "yes" (c.yaml:4)'],
    ['lifetimes: { nonce: 1 }', 'turn.lifetimes.nonce: expected a whole number from 10 to 86400'],
  ])('turn: %s', (yaml, expected) => {
    expect(complaint(`${TURN}  ${yaml}\n`)).toContain(expected);
  });
});

describe('secrets', () => {
  test.each([
    [
      'keys: { k: hunter2 }',
      'keys.k: expected a secret of 32 to 512 characters, got a secret of 7 characters',
    ],
    ['keys: hunter2', 'keys: expected a map of names and values, got a secret of 7 characters'],
    ['keys: [hunter2]', 'keys: expected a map of names and values, got a list'],
    ['keys: { "a b": hunter2 }', 'keys.a b: expected a key name of letters, digits'],
    ['turn: { secrets: [hunter2] }', 'turn.secrets.0: expected a secret of 8 to 512 characters'],
    ['turn: { secrets: hunter2 }', 'turn.secrets: expected a list, got a secret of 7 characters'],
    ['turn: { users: hunter2 }', 'turn.users: expected a map of names and values, got a secret'],
    ['turn: { secret: hunter2 }', 'turn.secret: unknown key, did you mean "turn.secrets"?'],
    ['key: { k: hunter2 }', 'key: unknown key, did you mean "keys"?'],
  ])('are never shown: %s', (yaml, expected) => {
    const message = complaint(yaml);
    expect(message).toContain(expected);
    expect(message).not.toContain('hunter2');
  });

  test('are not shown from the environment or flags either', () => {
    const messages = [
      complaint(BASE, { STERNA_KEYS: 'hunter2' }),
      complaint(BASE, { STERNA_KEYS: 'a=hunter2' }),
      complaint(BASE, { STERNA_KEYS: '{ a: [hunter2' }),
      complaint(BASE, { STERNA_TURN_SECRETS: 'hunter2' }),
      complaint(BASE, {}, [{ flag: '--set keys.k', key: 'keys.k', value: 'hunter2' }]),
    ];
    expect(messages).toEqual([
      'keys: expected "name=value,name=value" or a YAML map in braces (STERNA_KEYS)',
      'keys.a: expected a secret of 32 to 512 characters, got a secret of 7 characters (STERNA_KEYS)',
      'keys: expected a YAML or JSON list or map on one line (STERNA_KEYS)',
      'turn.secrets.0: expected a secret of 8 to 512 characters, ' +
        'got a secret of 7 characters (STERNA_TURN_SECRETS)',
      'keys.k: expected a secret of 32 to 512 characters, ' +
        'got a secret of 7 characters (--set keys.k)',
    ]);
  });
});

describe('in the environment', () => {
  test.each([
    ['STERNA_BND', 'x', 'STERNA_BND: unknown environment variable, did you mean STERNA_BIND?'],
    ['STERNA_TURN_RELM', 'x', 'did you mean STERNA_TURN_REALM?'],
    ['STERNA_TURN_QUOTA_PERUSER', '1', 'did you mean STERNA_TURN_QUOTA_PER_USER?'],
    ['STERNA_SOMETHING_ELSE_ENTIRELY', 'x', 'docs/configuration.md lists them all'],
    ['STERNA_TURN', '{}', 'STERNA_TURN: unknown environment variable'],
    ['STERNA_GATEWAY_PORT', 'http', 'got "http" (STERNA_GATEWAY_PORT)'],
    ['STERNA_TURN_LEGACY_CHANNELS', '1', 'turn.legacyChannels: expected true or false, got "1"'],
    ['STERNA_GATEWAY_PORT', '0x50', 'got "0x50" (STERNA_GATEWAY_PORT)'],
    ['STERNA_TURN_LISTENERS', 'udp://x:1', 'turn.listeners.0: expected udp://, tcp://'],
    ['STERNA_TURN_PEERS_DENY', '[10.0.0.0/8', 'turn.peers.deny: expected a YAML or JSON list'],
    ['STERNA_KEYS', '{ __proto__: x }', 'keys.__proto__: unknown key'],
  ])('%s=%s', (variable, value, expected) => {
    expect(complaint(BASE, { [variable]: value })).toContain(expected);
  });
});

describe('in flags', () => {
  test.each([
    ['turn.relm', 'turn.relm: unknown key, did you mean "turn.realm"? (--set turn.relm)'],
    [
      'turn',
      'turn: expected one of its keys: realm, listeners, tls, proxyProtocol, advertise, relay, relayPortsPerWorker',
    ],
    ['turn.realm.x', 'turn.realm.x: unknown key'],
    ['constructor', 'constructor: unknown key, expected one of bind'],
    ['keys.__proto__', 'keys.__proto__: unknown key'],
    ['', ': unknown key, expected one of bind'],
    ['gateway.port', 'gateway.port: expected a whole number from 0 to 65535, got "value"'],
  ])('--set %s=value', (key, expected) => {
    expect(complaint(BASE, {}, [{ flag: `--set ${key}`, key, value: 'value' }])).toContain(
      expected,
    );
  });
});
