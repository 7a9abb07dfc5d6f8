// The file with a development server's key: who can read it, and what is not trusted.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { devKeyFile, publishDevKey, readDevKey } from '../../../server/dev-key.ts';
import type { DevKey } from '../../../server/dev-key.ts';

const VALUE: DevKey = {
  pid: process.pid,
  url: 'http://127.0.0.1:7880',
  key: 'devkey',
  secret: 'secret',
  turnSecret: 'turn',
  listeners: ['udp://127.0.0.1:3478'],
  media: ['udp://127.0.0.1:7882'],
};

let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sterna-devkey-'));
  folder = dirname(devKeyFile(parent));
});

afterEach(() => rmSync(parent, { recursive: true }));

describe('the key of a development server', () => {
  test('is there while it runs, for its user alone', () => {
    expect(readDevKey(parent)).toBeUndefined();
    const withdraw = publishDevKey(VALUE, parent);
    expect(readDevKey(parent)).toEqual(VALUE);
    expect(statSync(devKeyFile(parent)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(folder).toBe(join(parent, `sterna-${userInfo().uid}`));
    expect(readdirSync(folder)).toEqual(['dev.json']);
    withdraw();
    expect(readDevKey(parent)).toBeUndefined();
    withdraw();
  });

  test('is that of the server which started last, and only that one takes it away', () => {
    const withdrawFirst = publishDevKey(VALUE, parent);
    publishDevKey({ ...VALUE, pid: process.ppid, secret: 'second' }, parent);
    expect(readDevKey(parent)?.secret).toBe('second');
    withdrawFirst();
    expect(readDevKey(parent)?.secret).toBe('second');
  });

  test('is not used when its server is gone, or the file is none of ours', () => {
    publishDevKey({ ...VALUE, pid: 2 ** 22 + 1 }, parent);
    expect(readDevKey(parent)).toBeUndefined();
    const odd = ['', '{', '{"pid":1}', 'x'.repeat(5000), JSON.stringify({ ...VALUE, pid: '1' })];
    for (const text of odd) {
      writeFileSync(devKeyFile(parent), text, { mode: 0o600 });
      expect(readDevKey(parent)).toBeUndefined();
    }
  });

  test('is refused in a folder or file that others can read', () => {
    publishDevKey(VALUE, parent);
    chmodSync(devKeyFile(parent), 0o644);
    expect(() => readDevKey(parent)).toThrow('dev.json is not private to this user');
    chmodSync(devKeyFile(parent), 0o600);
    chmodSync(folder, 0o755);
    expect(() => readDevKey(parent)).toThrow('is not private to this user, so it is not used');
    expect(() => publishDevKey(VALUE, parent)).toThrow('is not private to this user');
  });

  test('is refused behind links, and a link is never written through', () => {
    const elsewhere = join(parent, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, folder);
    expect(() => publishDevKey(VALUE, parent)).toThrow('is not private to this user');
    expect(() => readDevKey(parent)).toThrow('is not private to this user');
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(folder);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(elsewhere, 'victim'), 'untouched', { mode: 0o600 });
    symlinkSync(join(elsewhere, 'victim'), devKeyFile(parent));
    expect(() => readDevKey(parent)).toThrow('is not private to this user');
    publishDevKey(VALUE, parent);
    expect(readDevKey(parent)).toEqual(VALUE);
    expect(statSync(join(elsewhere, 'victim')).size).toBe('untouched'.length);
  });
});
