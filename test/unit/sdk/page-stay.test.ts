// What a page leaves for the one after it, and a session that goes on in another page: against the real server.

import { afterEach, expect, test } from 'vitest';
import { PageStay } from '../../../sdk/page-stay.ts';
import type { SignalOptions } from '../../../sdk/signal-connection.ts';
import { MiniServer } from '../../support/mini-server.ts';
import { SignalClient } from '../../support/signal-client.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map(async (close) => close()));
});

const URL = 'ws://host/v1/signal';
const MARK = { id: 'SE_1', secret: 's', lastSeq: 7 };
const STAYER = { room: 'r', identity: 'ann' };

function storage(): Map<string, string> & Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const map = new Map<string, string>();
  return Object.assign(map, {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, text: string) => void map.set(key, text),
    removeItem: (key: string) => void map.delete(key),
  });
}

const tokenOf = (sub: string, room = 'r'): string =>
  `x.${btoa(JSON.stringify({ sub, grants: { room } }))}.y`;

function stays(resume: boolean | string, now = { ms: 1000 }) {
  const kept = storage();
  const stay = (): PageStay =>
    new PageStay({ resume, url: URL, storage: () => kept, now: () => now.ms });
  return { kept, stay, now };
}

const forbids = (): never => {
  throw new Error('SecurityError');
};
const never = (): Promise<string> => Promise.reject(new Error('asked for a token'));

test('the next page of the same participant takes it, once', async () => {
  const { kept, stay } = stays(true);
  stay().leave(MARK, STAYER, 100);
  expect(await stay().find(async () => tokenOf('bob'))).toBeNull();
  expect(await stay().find(async () => tokenOf('ann', 'other'))).toBeNull();
  expect(await stay().find(async () => tokenOf('ann'))).toEqual(MARK);
  expect(kept.size).toBe(0);
  expect(await stay().find(async () => tokenOf('ann'))).toBeNull();
});

test('by a name of the application no token is looked at, and without the option nothing', async () => {
  const { kept, stay } = stays('meeting');
  stay().leave(MARK, STAYER, 100);
  const off = new PageStay({ resume: false, url: URL, storage: () => kept, now: () => 0 });
  expect([off.isOn, await off.find(never)]).toEqual([false, null]);
  expect(await stay().find(never)).toEqual(MARK);
});

test('what is too old, of others, or forbidden by the browser is as nothing', async () => {
  const { kept, stay, now } = stays('m');
  stay().leave(MARK, STAYER, 100);
  now.ms += 100;
  expect(await stay().find(never)).toBeNull();
  for (const text of ['', 'null', '7', '{}', '{"id":1,"secret":"s","lastSeq":0,"until":9e9}']) {
    kept.set('sterna.session m', text);
    // oxlint-disable-next-line no-await-in-loop
    expect(await stay().find(never)).toBeNull();
  }
  const none = new PageStay({ resume: 'm', url: URL, storage: forbids, now: () => 0 });
  none.leave(MARK, STAYER, 100);
  expect(await none.find(never)).toBeNull();
});

test('a page that is shown again has its session back, unless another one took or left one', () => {
  const { stay, now } = stays(true);
  const page = stay();
  page.leave(MARK, STAYER, 100);
  expect(page.takeBack(STAYER)).toBe(true);
  expect(page.takeBack(STAYER)).toBe(false);
  page.leave(MARK, STAYER, 100);
  now.ms += 1;
  stay().leave(MARK, STAYER, 100);
  expect(page.takeBack(STAYER)).toBe(false);
});

async function two(): Promise<{
  server: MiniServer;
  enter: (identity: string, options?: Partial<SignalOptions>) => SignalClient;
}> {
  const server = await MiniServer.start();
  closers.push(() => server.close());
  const enter = (identity: string, options: Partial<SignalOptions> = {}): SignalClient => {
    const client = new SignalClient(server.url, () => server.token({ identity }), options);
    closers.push(() => client.connection.close('test over'));
    return client;
  };
  return { server, enter };
}

test('a session goes on in the next page: same sid, what was missed, no token; nobody left', async () => {
  const { enter } = await two();
  const before = enter('ann');
  await before.joined();
  const bob = enter('bob');
  await bob.joined();
  for (const text of ['1', '2', '3']) {
    // oxlint-disable-next-line no-await-in-loop
    await before.say(text);
  }
  const mark = before.connection.pause(5000);
  await bob.say('meanwhile');
  const after = enter('ann', { findSession: async () => mark });
  await after.joined();
  expect([after.how, after.tokens, after.sid]).toEqual([['returned'], 0, before.sid]);
  await after.until(() => after.data.length > 0);
  expect(after.data).toEqual(['meanwhile']);
  // Its first ids are those that the page before used for other requests.
  for (const text of ['4', '5', '6']) {
    // oxlint-disable-next-line no-await-in-loop
    await after.say(text);
  }
  await bob.until(() => bob.data.length === 6);
  expect(bob.data).toEqual(['1', '2', '3', '4', '5', '6']);
  const people = bob.pushes.filter((push) => push.type === 'people');
  expect(people.flatMap(({ gone }) => gone)).toEqual([]);
});

test('a session that is over, or of somebody else, is no obstacle: the token lets in', async () => {
  const { enter } = await two();
  const marks = [{ ...MARK, id: 'SE_unknown' }, null];
  const ann = enter('ann', { findSession: async () => marks.shift() ?? null });
  await ann.joined();
  expect([ann.how, ann.tokens]).toEqual([['joined'], 1]);
});

test('a page that wakes up resumes its own session, and joins anew where it is not its own any more', async () => {
  const { enter } = await two();
  const ann = enter('ann');
  await ann.joined();
  ann.connection.pause(5000);
  ann.connection.wake(true);
  await ann.joined(2);
  ann.connection.pause(5000);
  ann.connection.wake(false);
  await ann.joined(3);
  expect(ann.how).toEqual(['joined', 'resumed', 'rejoined']);
});
