// The lease of a node: it ends for the node before it ends for Redis, whatever the clocks and answers do between.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeLease } from '../../../server/cluster/node-lease.ts';

const LEASE_MS = 3000;

test('a node that has not renewed serves nothing', () => {
  expect(new NodeLease(LEASE_MS).holds(0)).toBe(false);
});

test('it holds from when it was asked for, and less long than Redis lets it live', () => {
  const lease = new NodeLease(LEASE_MS);
  lease.renewed(1000);
  expect(lease.holds(1000 + 0.9 * LEASE_MS - 1)).toBe(true);
  expect(lease.holds(1000 + 0.9 * LEASE_MS)).toBe(false);
});

test('an answer that comes late does not take back what a later question got', () => {
  const lease = new NodeLease(LEASE_MS);
  lease.renewed(2000);
  lease.renewed(1000);
  expect(lease.holds(2000 + 0.9 * LEASE_MS - 1)).toBe(true);
});

test('what has ended is over, until it is renewed', () => {
  const lease = new NodeLease(LEASE_MS);
  lease.renewed(1000);
  lease.end();
  expect(lease.holds(1001)).toBe(false);
  lease.renewed(1500);
  expect(lease.holds(1501)).toBe(true);
});

test('nobody else can have what it holds: Redis, which hears later and may run a tenth faster, still has the key', () => {
  const delay = fc.double({ min: 0, max: 5000, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(delay, delay, delay), { minLength: 1 }),
      delay,
      (renewals, wait) => {
        const lease = new NodeLease(LEASE_MS);
        let now = 0;
        let redisUntil = -Infinity;
        for (const [pause, toRedis, back] of renewals) {
          now += pause;
          const askedAt = now;
          // Redis may have dropped the key by then: then it says so, and nothing is renewed.
          now += toRedis;
          redisUntil = now + LEASE_MS * 0.9;
          now += back;
          lease.renewed(askedAt);
          expect(lease.holds(now) && now >= redisUntil).toBe(false);
        }
        now += wait;
        expect(lease.holds(now) && now >= redisUntil).toBe(false);
      },
    ),
  );
});
