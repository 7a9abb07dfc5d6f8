import { expect, test } from 'vitest';
import { LOST, endingOfClose, endingOfRefusal, finalError } from '../../../sdk/ending.ts';
import type { EndingSituation } from '../../../sdk/ending.ts';
import { BYE_WAIT_MAX_MS, FIRST_JOIN_ATTEMPTS } from '../../../sdk/limits.ts';

const JOINED: EndingSituation = {
  everJoined: true,
  attempts: 1,
  lostForMs: 0,
  reconnectForMs: 1000,
  tokenRenews: true,
};

test('a close without a code of ours is a lost network: resume', () => {
  expect(endingOfClose(1006, '')).toBe(LOST);
  expect(endingOfClose(1011, 'oops')).toBe(LOST);
});

test.each([
  [4409, 'DUPLICATE_IDENTITY', 'stop'],
  [4450, 'SESSION_GONE', 'rejoin'],
  [4451, 'SLOW_CONSUMER', 'resume'],
  [4503, 'DRAINING', 'rejoin'],
] as const)('close code %i means %s: %s', (code, reason, action) => {
  expect(endingOfClose(code, 'why')).toEqual({ reason, action, message: 'why' });
});

test('a bye says itself what to do, and after which pause', () => {
  const bye = {
    type: 'bye',
    code: 4503,
    reason: 'DRAINING',
    message: 'later',
    action: 'resume',
    afterMs: 500,
  } as const;
  expect(endingOfRefusal(bye)).toEqual({
    reason: 'DRAINING',
    action: 'resume',
    message: 'later',
    afterMs: 500,
  });
  expect(endingOfRefusal({ ...bye, afterMs: 1e12 }).afterMs).toBe(BYE_WAIT_MAX_MS);
});

test('a refused join follows the table', () => {
  const error = {
    type: 'error',
    re: 1,
    code: 4430,
    reason: 'ROOM_FULL',
    message: 'full',
    retry: 'later',
  } as const;
  expect(endingOfRefusal(error)).toEqual({ reason: 'ROOM_FULL', action: 'stop', message: 'full' });
});

test('stop is final, a loss is not until its time is over', () => {
  expect(finalError({ reason: 'ROOM_ENDED', action: 'stop' }, JOINED)).toMatchObject({
    reason: 'ROOM_ENDED',
    code: 4410,
  });
  expect(finalError(LOST, JOINED)).toBeNull();
  expect(finalError(LOST, { ...JOINED, lostForMs: 1001 })).toMatchObject({
    reason: 'UNREACHABLE',
    code: 0,
  });
});

test('an expired token is worth another join only if a newer one can be had', () => {
  const expired = { reason: 'TOKEN_EXPIRED', action: 'rejoin' } as const;
  expect(finalError(expired, JOINED)).toBeNull();
  expect(finalError(expired, { ...JOINED, tokenRenews: false })).toMatchObject({ code: 4402 });
});

test('the first join is given up after a few attempts', () => {
  const first = { ...JOINED, everJoined: false };
  const verdicts = Array.from({ length: FIRST_JOIN_ATTEMPTS }, (_, at) =>
    finalError(LOST, { ...first, attempts: at + 1 }),
  );
  expect(verdicts.map((error) => error?.reason ?? 'again')).toEqual([
    'again',
    'again',
    'UNREACHABLE',
  ]);
});
