// A POST that is sent again is executed once: the same answer for the same request, whoever else has the same key.

import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { Idempotency } from '../../../gateway/idempotency.ts';
import type { Answer } from '../../../gateway/route.ts';
import { testClock } from '../signaling/test-clock.ts';

const clock = testClock();

function requestWith(
  key: string | undefined,
  body: unknown = {},
  url = '/v1/rooms',
): FastifyRequest {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  return { method: 'POST', url, headers, body } as unknown as FastifyRequest;
}

function counted(): { execute: () => Answer; times: () => number } {
  let times = 0;
  return {
    execute: () => ({ status: 201, body: { made: ++times }, fields: undefined }),
    times: () => times,
  };
}

test('the second answer is the first one, and says so', async () => {
  const once = new Idempotency(clock);
  const { execute, times } = counted();
  const first = await once.once(requestWith('a'), 'app', execute);
  const second = await once.once(requestWith('a'), 'app', execute);
  expect(first).toMatchObject({ status: 201, body: { made: 1 }, fields: undefined });
  expect(second).toMatchObject({ status: 201, body: { made: 1 } });
  expect(second.fields).toEqual({ 'idempotency-replayed': 'true' });
  expect(times()).toBe(1);
});

test('without a key, with another one, of another caller and at another path it is another request', async () => {
  const once = new Idempotency(clock);
  const { execute, times } = counted();
  await once.once(requestWith(undefined), 'app', execute);
  await once.once(requestWith(undefined), 'app', execute);
  await once.once(requestWith('a'), 'app', execute);
  await once.once(requestWith('b'), 'app', execute);
  await once.once(requestWith('a'), 'other', execute);
  await once.once(requestWith('a', {}, '/v1/keys'), 'app', execute);
  expect(times()).toBe(6);
});

test('the same key with another body is a mistake, and one that goes on is waited for', async () => {
  const once = new Idempotency(clock);
  const late = new EventTarget();
  const answered = new Promise<Answer>((resolve) =>
    late.addEventListener('answer', () => resolve({ status: 200, body: 1, fields: undefined })),
  );
  const running = once.once(requestWith('a', { name: 'x' }), 'app', () => answered);
  const again = once.once(requestWith('a', { name: 'x' }), 'app', counted().execute);
  await expect(again).rejects.toMatchObject({ status: 409, code: 'IDEMPOTENCY_KEY' });
  const other = once.once(requestWith('a', { name: 'y' }), 'app', counted().execute);
  await expect(other).rejects.toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY' });
  late.dispatchEvent(new Event('answer'));
  await expect(running).resolves.toMatchObject({ body: 1 });
});

test('what failed may be tried again', async () => {
  const once = new Idempotency(clock);
  const failed = once.once(requestWith('a'), 'app', () => Promise.reject(new Error('full')));
  await expect(failed).rejects.toThrow('full');
  const { execute, times } = counted();
  await once.once(requestWith('a'), 'app', execute);
  expect(times()).toBe(1);
});

test.each(['', 'a b', 'é', 'x'.repeat(256)])('a key of %j is refused', async (key) => {
  const once = new Idempotency(clock);
  const answer = once.once(requestWith(key), 'app', counted().execute);
  await expect(answer).rejects.toMatchObject({ status: 400 });
});
