// The ring of API keys and the file that keeps them: what counts, from when to when, and what a crash leaves.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyFile } from '../../../shared/keys/key-file.ts';
import { KeyRing } from '../../../shared/keys/key-ring.ts';
import { silentLogger } from '../../../shared/log.ts';
import { testClock } from '../signaling/test-clock.ts';

const SECRET = 'a secret of at least 32 characters';
const GRANTS = { roomAdmin: false, roomCreate: false, roomList: true };
const clock = testClock();

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sterna-keys-'));
  file = join(folder, 'keys.json');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (): Promise<KeyRing> =>
  KeyRing.open({ keys: { app: SECRET }, store: new KeyFile(file), clock, log: silentLogger });

describe('the ring', () => {
  test('knows a key by its whole secret, and none by the names of objects', async () => {
    const ring = await open();
    expect(ring.holder('app', SECRET)).toMatchObject({ key: 'app', isConfigured: true });
    for (const [key, secret] of [
      ['app', SECRET.slice(1)],
      ['app', `${SECRET} `],
      ['app', ''],
      ['other', SECRET],
      ['__proto__', ''],
      ['constructor', ''],
    ] as const) {
      expect(ring.holder(key, secret)).toBeUndefined();
    }
    expect(ring.secretOf('toString')).toBeUndefined();
  });

  test('a key that was made counts at once, and one that was revoked no more', async () => {
    const ring = await open();
    let changes = 0;
    ring.onChange(() => changes++);
    const { key, secret } = await ring.add({ name: 'ci' });
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(ring.holder(key, secret)?.name).toBe('ci');
    expect(ring.secretOf(key)).toBe(secret);
    expect(await ring.revoke(key)).toBe('revoked');
    expect([ring.holder(key, secret), ring.secretOf(key)]).toEqual([undefined, undefined]);
    expect(changes).toBe(1);
    expect(await ring.revoke(key)).toBe('no-key');
    expect(await ring.revoke('app')).toBe('configured');
    expect(ring.secretOf('app')).toBe(SECRET);
  });

  test('a key ends when it says, and one with grants signs nothing', async () => {
    const ring = await open();
    const short = await ring.add({ expiresAt: clock.wall() + 1000 });
    const narrow = await ring.add({ grants: GRANTS });
    expect(ring.secretOf(short.key)).toBe(short.secret);
    expect(ring.secretOf(narrow.key)).toBeUndefined();
    expect(ring.holder(narrow.key, narrow.secret)?.grants).toEqual(GRANTS);
    clock.advance(1000);
    expect(ring.secretOf(short.key)).toBeUndefined();
    expect(ring.holder(short.key, short.secret)).toBeUndefined();
    expect(ring.list().map(({ key }) => key)).toEqual(['app', short.key, narrow.key]);
  });

  test('without a store nothing is made', async () => {
    const ring = await KeyRing.open({ keys: {}, clock, log: silentLogger });
    await expect(ring.add({})).rejects.toMatchObject({ code: 'NO_KEY_STORE' });
  });
});

describe('the file', () => {
  test('is for this user alone, and has all of it after a restart', async () => {
    const ring = await open();
    const made = await Promise.all([ring.add({ name: 'a' }), ring.add({ name: 'b' })]);
    const gone = await ring.add({});
    await ring.revoke(gone.key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['keys.json']);
    const again = await open();
    for (const { key, secret } of made) expect(again.holder(key, secret)?.key).toBe(key);
    expect(again.holder(gone.key, gone.secret)).toBeUndefined();
  });

  test('what a crash left beside it is not read, and is in nobody’s way', async () => {
    const { key } = await (await open()).add({});
    writeFileSync(`${file}.new`, '{"version":1,"ke', { mode: 0o644 });
    const ring = await open();
    expect(ring.list().map((one) => one.key)).toEqual(['app', key]);
    await ring.add({});
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('that is none is one line, which tells no secret, and stays as it is', async () => {
    const wrong = [
      '',
      '{"version":1,"ke',
      '[]',
      '{"version":2,"keys":[]}',
      `{"version":1,"keys":[{"key":"a","secret":"${'s'.repeat(31)}","createdAt":1}]}`,
      `{"version":1,"keys":[{"key":"a b","secret":"${'s'.repeat(40)}","createdAt":1}]}`,
    ];
    for (const text of wrong) {
      writeFileSync(file, text);
      const error: unknown = await open().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'KEYS_FILE' });
      expect(String(error)).toMatch(
        /^SternaError: gateway\.keysFile: \S+keys\.json is no file of API keys.*; remove it$/,
      );
      expect(String(error)).not.toContain('sssss');
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  test('that cannot be written makes no key, and the next one is made', async () => {
    const ring = await open();
    rmSync(folder, { recursive: true });
    await expect(ring.add({})).rejects.toMatchObject({ code: 'KEYS_FILE' });
    expect(ring.list()).toHaveLength(1);
    folder = mkdtempSync(join(tmpdir(), 'sterna-keys-'));
  });

  test('a revocation that could not be written holds here, and can be asked for again', async () => {
    const ring = await open();
    const { key, secret } = await ring.add({});
    const text = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
    await expect(ring.revoke(key)).rejects.toMatchObject({ code: 'KEYS_FILE' });
    expect(ring.holder(key, secret)).toBeUndefined();
    folder = mkdtempSync(`${folder}-again`);
    expect(text).toContain(key);
    await expect(ring.revoke(key)).rejects.toMatchObject({ code: 'KEYS_FILE' });
  });
});
