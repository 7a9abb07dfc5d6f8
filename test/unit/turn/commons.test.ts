// The commons as several workers see them, one call after the other: what each holds, and what is left of it
// when one of them is no more.

import { describe, expect, it } from 'vitest';
import { Commons, type CommonsOptions } from '../../../turn/index.ts';
import { QUOTA_TOTAL_REACHED, QUOTA_USER_REACHED } from '../../../turn/shared-quota.ts';
import { upTo } from '../../support/turn/in-turn.ts';

const OPTIONS: CommonsOptions = {
  hosts: 1,
  ports: { first: 50_000, last: 50_015 },
  quotaTotal: 10,
  unauthorizedPerSecond: 0,
  allocationsPerSecond: 0,
  bandwidth: { perUser: 0, total: 0 },
  workers: 3,
};

function workers(): [Commons, Commons, Commons, Commons] {
  // As a thread gets it.
  const memory = structuredClone(Commons.memory(OPTIONS));
  const [a, b, c, main] = upTo(4).map((self) => new Commons(memory, self));
  return [a!, b!, c!, main!];
}

const take = ({ quota, keys }: Commons, user: string, units = 1, perUser = 4): number =>
  quota.take(keys.of(user), units, perUser);

/** Reserves the odd port of a pair of an account with a unit to spare; returns its token. */
function reserve({ ports, reservations }: Commons, account: number): Uint8Array {
  const port = ports.takePair(0, () => 0)! + 1;
  return reservations.hold({ socket: port, host: 0, port }, account, true, 0);
}

describe('the quota', () => {
  it('counts a user once, at however many workers it is', () => {
    const [a, b, c, main] = workers();
    const ofAnna = [take(a, 'anna'), take(a, 'anna'), take(b, 'anna'), take(c, 'anna')];
    const ofBert = take(c, 'bert');
    expect(main.stats()).toEqual({ allocations: 5, reservations: 0, users: 2 });
    expect([a, b, c].map(({ quota }) => quota.own.users)).toEqual([1, 1, 2]);
    a.quota.give(ofAnna[0]!, 2);
    c.quota.give(ofBert, 1);
    expect(main.stats()).toEqual({ allocations: 2, reservations: 0, users: 1 });
    b.quota.give(ofAnna[2]!, 1);
    c.quota.give(ofAnna[3]!, 1);
    expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
  });

  it('gives two units or none', () => {
    const [a, b] = workers();
    expect(take(a, 'anna', 2, 3)).toBeGreaterThanOrEqual(0);
    expect(take(b, 'anna', 2, 3)).toBe(QUOTA_USER_REACHED);
    expect(take(b, 'anna', 1, 3)).toBeGreaterThanOrEqual(0);
    expect(upTo(3).map((i) => take(b, `user ${i}`, 2))).not.toContain(QUOTA_TOTAL_REACHED);
    expect(take(a, 'last', 2)).toBe(QUOTA_TOTAL_REACHED);
    expect(take(a, 'last', 1)).toBeGreaterThanOrEqual(0);
    expect(take(a, 'last', 1)).toBe(QUOTA_TOTAL_REACHED);
  });

  it('has room for as many users as units, again and again', () => {
    const [a, b] = workers();
    for (let round = 0; round < 20; round++) {
      const views = upTo(10).map((i) => (i % 2 === 0 ? a : b));
      const accounts = views.map((view, i) => take(view, `user ${round} ${i}`));
      expect(new Set(accounts).size).toBe(10);
      expect(take(b, 'one more')).toBe(QUOTA_TOTAL_REACHED);
      for (const [i, view] of views.entries()) view.quota.give(accounts[i]!, 1);
    }
  });
});

describe('reclaim', () => {
  it('changes nothing for the living, however much they hold', () => {
    const [a, b, , main] = workers();
    take(a, 'anna', 2);
    take(b, 'anna');
    const account = take(b, 'bert', 2);
    const token = reserve(b, account);
    const before = [main.stats(), a.quota.own, b.quota.own, main.ports.free(0)];
    expect(main.reclaim(2, () => [])).toBe(true);
    expect([main.stats(), a.quota.own, b.quota.own, main.ports.free(0)]).toEqual(before);
    expect(main.stats()).toEqual({ allocations: 4, reservations: 1, users: 2 });
    expect(take(a, 'anna', 2)).toBe(QUOTA_USER_REACHED);
    expect(take(a, 'anna', 1)).toBeGreaterThanOrEqual(0);
    const taken = a.reservations.take(token, a.keys.of('bert'), true, 0, () => undefined);
    expect(taken).toBeGreaterThanOrEqual(0);
    expect(main.stats()).toEqual({ allocations: 6, reservations: 0, users: 2 });
  });

  it('leaves what the dead had made and a living worker has taken up', () => {
    const [a, b, , main] = workers();
    const account = take(b, 'anna', 2);
    const token = reserve(b, account);
    const own = a.reservations.take(token, a.keys.of('anna'), true, 0, () => undefined);
    expect(main.reclaim(1, () => [])).toBe(true);
    expect(main.stats()).toEqual({ allocations: 1, reservations: 0, users: 1 });
    expect(main.ports.free(0)).toBe(15);
    a.quota.give(own, 1);
    expect(main.stats()).toEqual({ allocations: 0, reservations: 0, users: 0 });
  });

  it('can be repeated, and the worker that takes the place of the dead begins with nothing', () => {
    const [a, b, , main] = workers();
    take(a, 'anna');
    const account = take(b, 'anna', 2);
    reserve(b, account);
    expect(upTo(2).map(() => main.reclaim(1, () => []))).toEqual([true, true]);
    expect(b.quota.own).toEqual({ allocations: 0, reservations: 0, users: 0 });
    expect(b.reservations.expire(Infinity)).toEqual([]);
    expect(take(b, 'anna', 3)).toBeGreaterThanOrEqual(0);
    expect(main.stats()).toEqual({ allocations: 4, reservations: 0, users: 1 });
    expect(main.ports.free(0)).toBe(16);
  });
});
