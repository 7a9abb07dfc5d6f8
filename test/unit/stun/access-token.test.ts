// The token codec by itself: what it refuses to write, what it reads back, and what it never throws for. The samples of
// RFC 7635 appendix A are in test/rfc/rfc7635-token.test.ts; coturn's program reads and writes them in test/e2e.

import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeAccessToken, encodeAccessToken } from '../../../shared/stun/access-token.ts';
import { sealToken } from '../../support/turn/token-client.ts';

const KEY = new Uint8Array(32).fill(7);
const NAME = Buffer.from('turn.example.org');
const NONCE = new Uint8Array(12).fill(9);
const TOKEN = {
  macKey: new Uint8Array(20).fill(1),
  issuedAtMs: 1_800_000_000_000,
  lifetimeSeconds: 60,
};

const write = (more: object): Uint8Array =>
  encodeAccessToken({ ...TOKEN, ...more }, KEY, NAME, NONCE);

describe('encodeAccessToken', () => {
  test.each([20, 32])('writes what is sealed by hand, a session key of %i bytes', (bytes) => {
    const macKey = new Uint8Array(bytes).fill(3);
    const byHand = sealToken({
      macKey,
      issuedAt: 1_800_000_000,
      fraction: 32_000,
      lifetime: 77,
      serverName: 'turn.example.org',
      key: KEY,
      nonce: NONCE,
    });
    const token = { macKey, issuedAtMs: 1_800_000_000_500, lifetimeSeconds: 77 };
    expect(Buffer.from(encodeAccessToken(token, KEY, NAME, NONCE))).toEqual(byHand);
    const read = decodeAccessToken(byHand, KEY, NAME);
    expect({ ...read, macKey: Uint8Array.from(read?.macKey ?? []) }).toEqual(token);
  });

  test.each<[string, () => unknown]>([
    ['a session key of 16 bytes', () => write({ macKey: new Uint8Array(16) })],
    ['a session key of 64 bytes', () => write({ macKey: new Uint8Array(64) })],
    ['a nonce of 11 bytes', () => encodeAccessToken(TOKEN, KEY, NAME, new Uint8Array(11))],
    ['a key of 24 bytes', () => encodeAccessToken(TOKEN, new Uint8Array(24), NAME, NONCE)],
  ])('throws TypeError for %s', (_name, body) => {
    expect(body).toThrow(TypeError);
  });
});

describe('decodeAccessToken', () => {
  test.each([
    [0, 60],
    [0, 0],
    [2 ** 48 * 1000 - 1000, 0xffff_ffff],
    [1_800_000_000_250, 1],
  ])('reads back %i ms and %i s', (issuedAtMs, lifetimeSeconds) => {
    const read = decodeAccessToken(write({ issuedAtMs, lifetimeSeconds }), KEY, NAME);
    expect(read).toMatchObject({ issuedAtMs, lifetimeSeconds });
  });

  test('reads 64000ths beyond a second as they stand', () => {
    const token = sealToken({ issuedAt: 5, fraction: 0xffff, key: KEY });
    expect(decodeAccessToken(token, KEY, NAME)?.issuedAtMs).toBe(5000 + 0xffff / 64);
  });

  test('refuses every length but two, whatever the bytes are', () => {
    for (let length = 0; length < 700; length++) {
      const zeros = new Uint8Array(length);
      const likely = zeros.slice();
      if (length > 1) likely[1] = 12;
      expect(decodeAccessToken(zeros, KEY, NAME)).toBeUndefined();
      expect(decodeAccessToken(likely, KEY, NAME)).toBeUndefined();
    }
    expect(decodeAccessToken(new Uint8Array(65_535).fill(0xff), KEY, NAME)).toBeUndefined();
  });

  test('refuses a block that is authentic and of the right size, but says another key_length', () => {
    const cipher = createCipheriv('aes-256-gcm', KEY, NONCE).setAAD(NAME);
    const block = Buffer.alloc(34);
    block.writeUInt16BE(0xffff, 0);
    const sealed = Buffer.concat([cipher.update(block), cipher.final(), cipher.getAuthTag()]);
    const token = Buffer.concat([Buffer.of(0, 12), NONCE, sealed]);
    expect(decodeAccessToken(token, KEY, NAME)).toBeUndefined();
    expect(decodeAccessToken(write({}), KEY, NAME)).toBeDefined();
  });

  test('reads a token in the midst of other bytes, and keeps none of them', () => {
    const around = new Uint8Array(200).fill(0xee);
    around.set(write({}), 50);
    const read = decodeAccessToken(around.subarray(50, 114), KEY, NAME);
    around.fill(0);
    expect(read?.macKey).toEqual(Buffer.alloc(20, 1));
  });
});
