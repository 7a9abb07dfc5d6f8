// The commons under several real threads at once: exact at every moment that a thread can see, and at the end;
// and after the death of a thread, wherever it was.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { QUOTA_TOTAL_REACHED } from '../../../turn/shared-quota.ts';
import { Commons } from '../../../turn/index.ts';
import { HammerThreads } from '../../support/turn/hammer-threads.ts';
import { inTurn, upTo } from '../../support/turn/in-turn.ts';
import {
  ALLOCATED,
  BANDWIDTH_EXPECTED,
  BEGUN,
  BY_NETWORK,
  CAP_EXPECTED,
  DONE,
  DYING,
  FIRST_PORT,
  PER_USER,
  PORTS,
  REFUSED,
  SOCKETS,
  TAKEN_UP,
  TOTAL,
} from '../../support/turn/truth.ts';

const THREADS = 4;

/** Nothing is held, and exactly all there is can be had. */
function expectEmpty({ main, memory }: HammerThreads): void {
  expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
  expect(main.ports.free(0)).toBe(PORTS);
  const worker = new Commons(memory, 0);
  const { bandwidth, quota, keys, ports } = worker;
  const slots = upTo(2 * TOTAL).map((i) => bandwidth.open(`last ${i}`));
  expect(new Set(slots).size).toBe(2 * TOTAL);
  const accounts = upTo(TOTAL).map((i) => quota.take(keys.of(`last ${i % 7}`), 1, TOTAL));
  expect(accounts.every((account) => account >= 0)).toBe(true);
  expect(quota.take(keys.of('one more'), 1, TOTAL)).toBe(QUOTA_TOTAL_REACHED);
  expect(main.stats()).toEqual({ allocations: TOTAL, reservations: 0, users: 7 });
  const taken = upTo(PORTS).map(() => ports.take(0, false, () => 0));
  expect(new Set(taken).size).toBe(PORTS);
  expect(ports.take(0, false, () => 0)).toBeUndefined();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(1);
}

describe('threads that allocate, reserve, take up and end', () => {
  it('never hold more than the quota, nor a port twice, and leave nothing behind', async () => {
    const threads = new HammerThreads(THREADS);
    const running = await inTurn(upTo(THREADS), (self) => threads.start(self, 'immortal', 60_000));
    threads.go();
    const finished = Promise.all(running.map((thread) => thread.finished()));
    let ended = false;
    let most = 0;
    void finished.finally(() => (ended = true)).catch(() => undefined);
    await until(() => {
      const { allocations, reservations, users } = threads.main.stats();
      most = Math.max(most, allocations + reservations);
      expect(Math.min(allocations, reservations, users)).toBeGreaterThanOrEqual(0);
      return ended;
    });
    await finished;
    const [allocated, refused, takenUp] = [ALLOCATED, REFUSED, TAKEN_UP].map(
      (word) => threads.truth[word],
    );
    process.stdout.write(`${allocated} allocated, ${refused} refused, ${takenUp} taken up\n`);
    expect(most).toBeLessThanOrEqual(TOTAL);
    expect(Math.min(allocated!, refused!, takenUp!)).toBeGreaterThan(100);
    expectEmpty(threads);
  });

  it('may die anywhere: what they held comes back, and the others go on', async () => {
    const threads = new HammerThreads(3);
    const survivor = await threads.start(0, 'mortal', Infinity);
    threads.go();
    for (let round = 0; round < 40; round++) {
      const self = 1 + (round % 2);
      const victim = await threads.start(self, 'mortal', Infinity);
      await until(() => Atomics.load(threads.truth, BEGUN) === round + 2);
      await sleep(round % 5);
      await victim.kill();
      await until(() => threads.reclaim(self));
    }
    await survivor.kill();
    expect(threads.reclaim(0)).toBe(true);
    expectEmpty(threads);
  });
});

describe('a thread that dies with the lock', () => {
  it('holds up all others until it is reclaimed, and no other can be reclaimed before', async () => {
    const threads = new HammerThreads(2);
    const victim = await threads.start(0, 'dies-with-lock');
    await until(() => Atomics.load(threads.truth, DYING) === 1);
    await victim.kill();
    const other = await threads.start(1, 'immortal', 200);
    threads.go();
    expect(threads.reclaim(1)).toBe(false);
    expect(threads.truth[ALLOCATED]).toBe(0);
    expect(threads.reclaim(0)).toBe(true);
    await other.finished();
    expect(threads.truth[ALLOCATED]).toBeGreaterThan(0);
    expectEmpty(threads);
  });
});

/** The second worker dies with a token of the first in its hands, which has an allocation and a reservation. */
async function death(part: 'dies-before-adopting' | 'dies-after-adopting') {
  const threads = new HammerThreads(2);
  const maker = new Commons(threads.memory, 0);
  const user = maker.keys.of('user 0');
  const account = maker.quota.take(user, 2, PER_USER);
  maker.ports.takePair(0, () => 0);
  const port = FIRST_PORT + 1;
  Atomics.store(threads.truth, SOCKETS + 1, 1);
  const token = maker.reservations.hold({ socket: port, host: 0, port }, account, true, 0);
  const victim = await threads.start(1, part, 0, token);
  await until(() => Atomics.load(threads.truth, DYING) === 1);
  await victim.kill();
  expect(threads.reclaim(1)).toBe(true);
  return { threads, maker, user, token, port };
}

describe('a thread that dies while it takes up a reservation of another', () => {
  it('leaves it as it was, when the socket was not yet its own', async () => {
    const { threads, maker, user, token, port } = await death('dies-before-adopting');
    expect(threads.main.stats()).toEqual({ allocations: 1, reservations: 1, users: 1 });
    expect(threads.main.ports.ownerOf(0, port)).toBe(0);
    expect(threads.main.ports.free(0)).toBe(PORTS - 2);
    const adopted: unknown[] = [];
    const account = maker.reservations.take(token, user, true, 0, (relay) => adopted.push(relay));
    expect(account).toBeGreaterThanOrEqual(0);
    expect(adopted).toEqual([{ socket: port, host: 0, port }]);
    expect(threads.main.stats()).toEqual({ allocations: 2, reservations: 0, users: 1 });
  });

  it('takes it along, when the socket was closed as its own', async () => {
    const { threads, maker, user, token, port } = await death('dies-after-adopting');
    expect(threads.main.stats()).toEqual({ allocations: 1, reservations: 0, users: 1 });
    expect(threads.main.ports.ownerOf(0, port)).toBe(-1);
    expect(threads.main.ports.free(0)).toBe(PORTS - 1);
    expect(maker.reservations.take(token, user, true, 0, () => undefined)).toBe(-1);
    expect(maker.reservations.expire(Infinity)).toEqual([]);
  });
});

it('the cap allows to each network what it should, whoever asks and however fast', async () => {
  const threads = new HammerThreads(THREADS);
  const running = await inTurn(upTo(THREADS), (self) => threads.start(self, 'cap'));
  const allowed = await inTurn(CAP_EXPECTED, async (_, phase) => {
    threads.truth.fill(0, BY_NETWORK, BY_NETWORK + 2);
    threads.go(phase + 1);
    await until(() => Atomics.load(threads.truth, DONE) === THREADS * (phase + 1));
    return [...threads.truth.subarray(BY_NETWORK, BY_NETWORK + 2)];
  });
  await Promise.all(running.map((thread) => thread.finished()));
  expect(allowed).toEqual(CAP_EXPECTED.map((each) => [each, each]));
});

it('the bandwidth lets all through what it should, and no user more than his part', async () => {
  const threads = new HammerThreads(THREADS);
  const running = await inTurn(upTo(THREADS), (self) => threads.start(self, 'bandwidth'));
  const passed = await inTurn(BANDWIDTH_EXPECTED, async (expected, phase) => {
    threads.truth.fill(0, BY_NETWORK, BY_NETWORK + 2);
    threads.go(phase + 1);
    await until(() => Atomics.load(threads.truth, DONE) === THREADS * (phase + 1));
    const [all, anna] = threads.truth.subarray(BY_NETWORK, BY_NETWORK + 2);
    return [all, anna! <= expected / 2];
  });
  await Promise.all(running.map((thread) => thread.finished()));
  expect(passed).toEqual(BANDWIDTH_EXPECTED.map((each) => [each, true]));
});
