// How fast one identity may join one room.
/* oxlint-disable eslint/no-await-in-loop -- one join after the other is the point */

import { expect, test } from 'vitest';
import { JoinRates } from '../../../signaling/join-rates.ts';
import { Harness } from './harness.ts';
import { testClock } from './test-clock.ts';

test('one who joins over and over is refused before the offer is read; others join, and he elsewhere', async () => {
  const server = await Harness.start({ joins: { perSecond: 0.001, burst: 3 } });
  for (let i = 0; i < 3; i++) {
    const { client } = await server.join('ann');
    client.send({ type: 'leave' });
    await client.close();
  }
  const client = await server.connect();
  const offer = { id: 1, sdp: 'x' };
  const refused = await client.request({ type: 'join', token: server.token('ann'), offer });
  expect(refused).toMatchObject({ type: 'error', reason: 'RATE_LIMITED', retry: 'later' });
  expect(await client.close()).toEqual({ code: 4429, reason: 'RATE_LIMITED' });
  await server.join('bob');
  await server.join('ann', { grants: { room: 'another', roomJoin: true } });
  expect(server.signaling.stats()).toMatchObject({ joins: 5, sessions: 2 });
  await server.stop();
});

test('time brings joins back, and as many at once as at first, no more', () => {
  const clock = testClock();
  const rates = new JoinRates(clock, { perSecond: 2, burst: 3 });
  const joins = (): number => {
    let count = 0;
    while (rates.charge('r', 'ann') === 0) count++;
    return count;
  };
  expect(joins()).toBe(3);
  expect(rates.charge('r', 'ann')).toBe(500);
  expect(rates.charge('r', 'bob')).toBe(0);
  clock.advance(1000);
  expect(joins()).toBe(2);
  for (let i = 0; i < 10; i++) {
    clock.advance(1400);
    expect(joins()).toBeLessThanOrEqual(3);
  }
  clock.advance(3_600_000);
  expect(joins()).toBe(3);
});
