// The file of TURN users: what its lines mean, and what is refused, in one line without a password.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../shared/config/load.ts';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sterna-users-'));
  file = join(folder, 'users.txt');
});

afterAll(() => rmSync(folder, { recursive: true }));

function users(text: string, more: Record<string, string> = {}): Record<string, string> {
  writeFileSync(file, text);
  const environment = {
    STERNA_KEYS: `main=${'k'.repeat(32)}`,
    STERNA_TURN_USER_FILE: file,
    ...more,
  };
  return loadConfig({ environment, ipv6Loopback: true }).turn.users;
}

test('a line is a user, its password may have colons, and comments and empty lines are none', () => {
  const text = '# users\n\nann:one\r\n  bob : t:w o \n#eve:x\nco.l-in@x:3';
  expect(users(text)).toEqual({ ann: 'one', bob: 't:w o', 'co.l-in@x': '3' });
});

test('they are users beside those of the configuration, or alone', () => {
  expect(users('ann:one\n', { STERNA_TURN_USERS: 'bob=two' })).toEqual({ ann: 'one', bob: 'two' });
  expect(() => users('')).toThrow('turn.secrets');
});

test.each([
  ['no colon', 'ann:one\nhush-hush\n', 2],
  ['no name', ':hush-hush', 1],
  ['no password', 'ann:', 1],
  ['a name that objects have', '__proto__:hush-hush', 1],
  ['a name twice', 'ann:hush-hush\nann:hush-hush', 2],
])('%s is refused with its line', (_, text, line) => {
  expect(() => users(text)).toThrow(/^turn\.userFile: expected [^\n]+$/);
  expect(() => users(text)).toThrow(`(${file}:${line})`);
  expect(() => users(text)).not.toThrow('hush');
});

test('a name in both places, a name or password out of bounds, and no file are refused', () => {
  expect(() => users('ann:one', { STERNA_TURN_USERS: 'ann=two' })).toThrow('each user once');
  expect(() => users(`ann:${'x'.repeat(257)}`)).toThrow('turn.users.ann: expected a password');
  expect(() => users('an\u0007n:one')).toThrow('turn.users');
  const gone = { STERNA_TURN_USER_FILE: join(folder, 'gone') };
  expect(() => users('', gone)).toThrow('turn.userFile: expected a readable file of users');
});
