import { describe, expect, test } from 'vitest';
import { DEFAULT_SIGNALING_LIMITS, signalingLimits } from '../../../signaling/limits.ts';
import { LIMITS } from '../../../signaling/protocol.ts';

describe('signalingLimits', () => {
  test('the defaults hold their own relations', () => {
    expect(signalingLimits()).toEqual(DEFAULT_SIGNALING_LIMITS);
  });

  test('takes some and keeps the rest', () => {
    const limits = signalingLimits({ resumeMs: 5, pushRing: { messages: 1, bytes: 2 } });
    expect(limits).toEqual({
      ...DEFAULT_SIGNALING_LIMITS,
      resumeMs: 5,
      pushRing: { messages: 1, bytes: 2 },
    });
  });

  test.each([
    [{ authTimeoutMs: 0 }, 'limits.authTimeoutMs must be above 0, got 0'],
    [{ maxRooms: Number.NaN }, 'limits.maxRooms must be above 0, got NaN'],
    [{ pushRing: { messages: -1, bytes: 5 } }, 'limits.pushRing.messages must be above 0, got -1'],
    [{ pingTimeoutMs: 5000 }, 'pingTimeoutMs must exceed pingEveryMs'],
    [{ payloadBytesMax: 1000 }, 'payloadBytesMax must hold a whole message'],
    [{ preJoinBytesMax: 1000 }, 'preJoinBytesMax must hold a join message'],
    [{ bufferedBytesMax: 1000 }, 'must fit in bufferedBytesMax'],
  ])('refuses %o', (given, message) => {
    expect(() => signalingLimits(given)).toThrow(message);
  });
});

describe('LIMITS', () => {
  test('every largest request fits in one message', () => {
    const base64 = Math.ceil(LIMITS.dataBytes / 3) * 4;
    for (const bytes of [base64, LIMITS.sdpBytes, LIMITS.attrsBytes + LIMITS.metaBytes]) {
      expect(bytes + 1024).toBeLessThan(LIMITS.msgBytes);
    }
    expect(LIMITS.joinBytes).toBeGreaterThan(8192);
    expect(LIMITS.rateBytesBurst).toBeGreaterThanOrEqual(DEFAULT_SIGNALING_LIMITS.payloadBytesMax);
  });
});
