// 5-tuples that are handed on to another worker: how many, and for how long.

import { expect, it } from 'vitest';
import { Listener } from '../../../turn/allocation.ts';
import { Elsewhere } from '../../../turn/elsewhere.ts';
import { Commons } from '../../../turn/index.ts';
import { DETOURS_MAX } from '../../../turn/limits.ts';
import { FakeEngine } from '../../support/turn/fake-engine.ts';
import { address, commonsMemory, turnOptions } from '../../support/turn/world.ts';

const SERVER = address('127.0.0.1', 3478);

function make(): { elsewhere: Elsewhere; engine: FakeEngine; listener: Listener } {
  const engine = new FakeEngine();
  const commons = new Commons(commonsMemory({}, 2), 0);
  const options = turnOptions({ commons, neighbours: { forward: () => true } });
  const elsewhere = new Elsewhere(options, engine.timers, () => undefined);
  return { elsewhere, engine, listener: new Listener(1, SERVER) };
}

const ticket = (id: number, worker = 1) => ({ worker, id: String(id), serial: 0 });

it('frees those that are over', () => {
  const { elsewhere, engine, listener } = make();
  const { timers } = engine;
  const begin = engine.now;
  expect(elsewhere.add(listener, address('10.0.0.1', 1), ticket(1), begin)).toBe(true);
  const end = begin + 3_600_000;
  for (let now = begin; now < end; now += 60_000) timers.advance(now);
  expect(listener.elsewhere.size).toBe(1);
  for (let now = end; now <= end + 120_000; now += 60_000) timers.advance(now);
  expect(listener.elsewhere.size).toBe(0);
  expect(elsewhere.add(listener, address('10.0.0.1', 1), ticket(1), end)).toBe(true);
  elsewhere.close();
});

it('takes no more than there is room for, and a 5-tuple that it has again', () => {
  const { elsewhere, engine, listener } = make();
  const add = (n: number): boolean =>
    elsewhere.add(listener, address('10.0.0.1', n + 1), ticket(n), engine.now);
  for (let n = 0; n < DETOURS_MAX; n++) expect(add(n)).toBe(true);
  expect(add(DETOURS_MAX)).toBe(false);
  expect(add(5)).toBe(true);
  expect(listener.elsewhere.size).toBe(DETOURS_MAX);
});

it('leads to no worker but another that there is', () => {
  const { elsewhere, engine, listener } = make();
  const client = address('10.0.0.1', 1);
  expect(elsewhere.add(listener, client, ticket(1, 0), engine.now)).toBe(false);
  expect(elsewhere.add(listener, client, ticket(1, 2), engine.now)).toBe(false);
  expect(listener.elsewhere.size).toBe(0);
});
