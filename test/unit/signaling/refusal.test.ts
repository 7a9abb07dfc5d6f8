import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byeFrame, errorFrame, refusal, snippet } from '../../../signaling/refusal.ts';

describe('frames', () => {
  test('error: code, reason and retry come from the table', () => {
    expect(JSON.parse(errorFrame(refusal('ROOM_FULL', 'full'), 7))).toEqual({
      type: 'error',
      re: 7,
      code: 4430,
      reason: 'ROOM_FULL',
      message: 'full',
      retry: 'later',
    });
  });

  test('error: without a request id there is no re, with a pause there is retryAfterMs', () => {
    expect(JSON.parse(errorFrame(refusal('RATE_LIMITED', 'slow', 40), undefined))).toEqual({
      type: 'error',
      code: 4429,
      reason: 'RATE_LIMITED',
      message: 'slow',
      retry: 'later',
      retryAfterMs: 40,
    });
  });

  test('bye: code, reason and action come from the table', () => {
    expect(JSON.parse(byeFrame(refusal('DRAINING', 'going', 250)))).toEqual({
      type: 'bye',
      code: 4503,
      reason: 'DRAINING',
      message: 'going',
      action: 'rejoin',
      afterMs: 250,
    });
  });

  test('a message is cut at 240 characters', () => {
    expect(refusal('BAD_MESSAGE', 'x'.repeat(1000)).message).toHaveLength(240);
  });
});

describe('snippet', () => {
  test('quotes what is short, cuts what is long', () => {
    expect(snippet('offer')).toBe('"offer"');
    expect(snippet('x'.repeat(100))).toBe(`"${'x'.repeat(32)}..."`);
  });

  test('controls, bidirectional overrides and non-ASCII are written out', () => {
    expect(snippet('a\n\u{202e}é')).toBe('"a\\n\\u{202e}\\u{e9}"');
  });

  test('is short printable ASCII for any input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (input) => {
        expect(snippet(input)).toMatch(/^"[\x20-\x7e]{0,400}"$/);
      }),
    );
  });
});
