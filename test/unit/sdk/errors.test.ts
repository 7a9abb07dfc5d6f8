import { expect, test } from 'vitest';
import { CODES } from '../../../signaling/codes.ts';
import { SternaClientError, reasonOfCloseCode } from '../../../sdk/errors.ts';

test('a reason of the server brings its code and advice from the table', () => {
  const error = new SternaClientError('ROOM_FULL');
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'SternaClientError',
    code: 4430,
    reason: 'ROOM_FULL',
    retry: 'later',
    message: CODES.ROOM_FULL.summary,
  });
});

test('a reason found in the browser has the code 0', () => {
  const cause = new Error('refused');
  const error = new SternaClientError('UNREACHABLE', undefined, { cause });
  expect(error).toMatchObject({ code: 0, retry: 'later', cause });
});

test('an error message keeps its words, its advice and its pause', () => {
  const error = SternaClientError.fromRefusal({
    reason: 'RATE_LIMITED',
    message: 'slower',
    retry: 'now',
    retryAfterMs: 250,
  });
  expect(error).toMatchObject({
    code: 4429,
    reason: 'RATE_LIMITED',
    message: 'slower',
    retry: 'now',
    retryAfterMs: 250,
  });
});

test('a reason that this version does not know counts as a failure of the server', () => {
  for (const reason of ['BRAND_NEW', 'constructor', 'UNREACHABLE']) {
    expect(SternaClientError.fromRefusal({ reason })).toMatchObject({ reason: 'INTERNAL' });
  }
});

test('every close code of the table is recognised, those of RFC 6455 are not', () => {
  for (const [reason, { code }] of Object.entries(CODES)) {
    expect(reasonOfCloseCode(code)).toBe(reason);
  }
  expect([1000, 1001, 1006, 1011, 4999].map(reasonOfCloseCode)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
});
