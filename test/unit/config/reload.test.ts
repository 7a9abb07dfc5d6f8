// What a running server takes over of another configuration, and what it says of the rest.

import { expect, test } from 'vitest';
import { LEAVES } from '../../../shared/config/keys.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import type { Config } from '../../../shared/config/load.ts';
import { RELOADABLE, takeOver } from '../../../shared/config/reload.ts';

const KEY = 'k'.repeat(32);

function config(...set: [key: string, value: string][]): Config {
  const flags = [['keys.main', KEY], ['turn.secrets', 'a secret of turn'], ...set].map(
    ([key = '', value = '']) => ({ flag: `--set ${key}`, key, value }),
  );
  return loadConfig({ environment: {}, flags, ipv6Loopback: true });
}

test('what may change is taken over, and named', () => {
  const running = config();
  const read = config(
    ['turn.users', 'ann=one,bob=two'],
    ['turn.secrets', 'a newer secret,a secret of turn'],
    ['turn.peers.deny', '8.8.8.0/24'],
    ['turn.quota.perUser', '7'],
    ['turn.lifetimes.allocation', '700'],
    ['log.level', 'warn'],
  );
  const { config: next, changes } = takeOver(running, read);
  expect(next).toEqual(read);
  expect(changes.needRestart).toEqual([]);
  expect(changes.applied.toSorted()).toEqual([
    'log.level',
    'turn.lifetimes.allocation',
    'turn.peers.deny',
    'turn.quota.perUser',
    'turn.secrets',
    'turn.users',
  ]);
});

test('the rest stays as it runs, and is named with every reload until the restart', () => {
  const running = config();
  const read = config(
    ['turn.realm', 'example.net'],
    ['turn.quota.total', '5000'],
    ['keys.main', 'n'.repeat(32)],
    ['gateway.port', '1234'],
    ['turn.redirect', 'draining'],
    ['log.level', 'debug'],
  );
  const first = takeOver(running, read);
  expect(first.config).toEqual({ ...running, log: { ...running.log, level: 'debug' } });
  const needRestart = ['gateway.port', 'keys', 'turn.realm', 'turn.quota.total'];
  expect(first.changes.applied).toEqual(['log.level']);
  expect(first.changes.needRestart.toSorted()).toEqual(needRestart.toSorted());
  const second = takeOver(first.config, read);
  expect(second.changes.applied).toEqual([]);
  expect(second.changes.needRestart.toSorted()).toEqual(needRestart.toSorted());
});

test('what is the same, in whatever order, is no change; the running one is left alone', () => {
  const running = config(['turn.users', 'ann=one,bob=two']);
  const before = structuredClone(running);
  const same = takeOver(running, config(['turn.users', 'bob=two,ann=one']));
  expect(same.changes).toEqual({ applied: [], needRestart: [] });
  takeOver(running, config(['turn.users', 'ann=three']));
  expect(running).toEqual(before);
});

test('what nobody asked for is left alone, and not named', () => {
  const running = config();
  const read = config(['turn.users', 'ann=one'], ['log.level', 'warn'], ['turn.realm', 'x']);
  const { config: next, changes } = takeOver(running, read, ['turn.users']);
  expect(next).toEqual({ ...running, turn: { ...running.turn, users: { ann: 'one' } } });
  expect(changes).toEqual({ applied: ['turn.users'], needRestart: [] });
});

test('every reloadable name is one of a key or a group', () => {
  const keys = LEAVES.map(({ path }) => path.join('.'));
  for (const name of RELOADABLE) {
    expect(keys.some((key) => key === name || key.startsWith(`${name}.`))).toBe(true);
  }
});
