// The users of all workers: one question a name at a time, answers kept, sources in order, and bounds.

import { afterEach, expect, test } from 'vitest';
import type { Logger } from '../../../shared/log.ts';
import { UserDirectory } from '../../../server/users/user-directory.ts';
import { knownUsers } from '../../../server/users/user-cache.ts';
import type { UserSource } from '../../../server/users/user-source.ts';

let now = 0;
let lines: unknown[] = [];
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the directory warns, and nothing else
const log = {
  warn: (event: string, fields: unknown) => void lines.push([event, fields]),
} as Logger;

afterEach(() => {
  now = 0;
  lines = [];
});

/** A source of what a test says: a password, nothing, or an error. */
class Told implements UserSource {
  readonly name: string;
  readonly asked: string[] = [];
  says: (username: string) => Promise<string | undefined>;
  closed = false;

  constructor(name: string, says: Told['says']) {
    this.name = name;
    this.says = says;
  }

  passwordOf(username: string): Promise<string | undefined> {
    this.asked.push(username);
    return this.says(username);
  }

  close(): void {
    this.closed = true;
  }
}

const clock = { monotonic: () => now, wall: () => now };
const directoryOf = (...sources: UserSource[]): UserDirectory =>
  new UserDirectory(sources, { cacheMs: 1000, unknownMs: 100, clock, log });

const knows = (name: string, users: Record<string, string>): Told =>
  new Told(name, (username) => Promise.resolve(users[username]));

test('1,000 who ask at once for a name cost one question, and get the same answer', async () => {
  const source = knows('one', { ann: 'secret' });
  const directory = directoryOf(source);
  const found = await Promise.all(Array.from({ length: 1000 }, () => directory.find('ann')));
  expect(new Set(found.map(({ answer }) => JSON.stringify(answer)))).toEqual(
    new Set(['{"password":"secret"}']),
  );
  expect(source.asked).toEqual(['ann']);
  now = 400;
  expect(await directory.find('ann')).toEqual({ answer: { password: 'secret' }, ttlMs: 600 });
  now = 1000;
  await directory.find('ann');
  expect(source.asked).toEqual(['ann', 'ann']);
});

test('sources are asked in order, and the first that knows the user is believed', async () => {
  const [first, second] = [knows('first', { ann: 'one' }), knows('second', { ann: '2', bob: 'b' })];
  const directory = directoryOf(first, second);
  expect((await directory.find('ann')).answer).toEqual({ password: 'one' });
  expect((await directory.find('bob')).answer).toEqual({ password: 'b' });
  expect(second.asked).toEqual(['bob']);
  directory.close();
  expect([first.closed, second.closed]).toEqual([true, true]);
});

test('an unknown user is remembered for a while, one that nobody may have is not asked for', async () => {
  const source = knows('one', {});
  const directory = directoryOf(source);
  expect(await directory.find('nobody')).toEqual({ answer: 'unknown', ttlMs: 100 });
  expect((await directory.find('nobody')).answer).toBe('unknown');
  for (const name of ['', 'a\u0000b', 'a\nb']) {
    expect((await directory.find(name)).answer).toBe('unknown');
  }
  expect(source.asked).toEqual(['nobody']);
});

test('while no source can be asked known passwords go on, and others are unavailable', async () => {
  const source = knows('one', { ann: 'secret' });
  const directory = directoryOf(source);
  await directory.find('ann');
  now = 5000;
  source.says = () => Promise.reject(new Error('away'));
  expect(await directory.find('ann')).toEqual({ answer: { password: 'secret' }, ttlMs: 1000 });
  expect((await directory.find('bob')).answer).toBe('unavailable');
  // Both failed; one line says so for some seconds.
  expect(lines).toEqual([['users.unavailable', { source: 'one', error: 'away' }]]);
  now = 60_000;
  expect((await directory.find('ann')).answer).toBe('unavailable');
  source.says = () => Promise.resolve('new');
  expect((await directory.find('ann')).answer).toEqual({ password: 'new' });
  expect(directory.stats()).toMatchObject({ found: 2, unknown: 0, failed: 3, refused: 0 });
});

test('a source that is away does not hide the user from the next one', async () => {
  const away = new Told('away', () => Promise.reject(new Error('away')));
  const directory = directoryOf(away, knows('next', { ann: 'secret' }));
  expect((await directory.find('ann')).answer).toEqual({ password: 'secret' });
  // Whether a user whom the next one does not know is known to the first, nobody can say.
  expect((await directory.find('bob')).answer).toBe('unavailable');
});

test('a password that nobody may have is none', async () => {
  const directory = directoryOf(knows('one', { ann: 'a\u0007b', bob: '' }));
  expect((await directory.find('ann')).answer).toBe('unknown');
  expect((await directory.find('bob')).answer).toBe('unknown');
});

test('64 questions are open at a time; who asks on top is told to come back', async () => {
  const answers: ((password: string) => void)[] = [];
  const source = new Told('slow', () => new Promise((resolve) => answers.push(resolve)));
  const directory = directoryOf(source);
  const waiting = Array.from({ length: 64 }, (_, i) => directory.find(`user-${i}`));
  expect((await directory.find('one-more')).answer).toBe('unavailable');
  for (const resolve of answers) resolve('secret');
  await Promise.all(waiting);
  expect(directory.stats()).toMatchObject({ found: 64, unknown: 0, failed: 0, refused: 1 });
});

test('what one worker has asked for another one knows at once, for as long as it is good', async () => {
  const source = knows('one', { ann: 'secret', zoë: 'pässword' });
  const directory = directoryOf(source);
  const known = knownUsers(directory.memory, 1000, clock);
  expect(known('ann')).toBeUndefined();
  for (const name of ['ann', 'zoë', 'nobody']) await directory.find(name);
  now = 400;
  expect(known('ann')).toEqual({ password: 'secret', ttlMs: 600 });
  expect(known('zoë')).toEqual({ password: 'pässword', ttlMs: 600 });
  expect(known('nobody')).toBeUndefined();
  now = 1000;
  expect(known('ann')).toBeUndefined();
  source.says = () => Promise.resolve('new');
  await directory.find('ann');
  expect(known('ann')?.password).toBe('new');
});
