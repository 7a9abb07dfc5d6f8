// The token codec with random inputs: noise, authentic tokens with any content, and such tokens bent afterwards. What
// this key has not sealed is refused, what it has is read as an independent reader reads it, and nothing throws.

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeAccessToken } from '../../shared/stun/access-token.ts';
import { breathe, fuzzRuns, fuzzSeeds, fuzzTimeoutMs } from '../support/fuzz.ts';
import { Chance, mutate } from '../support/turn/fuzz.ts';

const INPUTS = fuzzRuns(20_000);
const NAME = Buffer.from('turn.example.org');
const KEYS = [new Uint8Array(32).fill(0x5a), new Uint8Array(16).fill(0x5a)] as const;

const cipherOf = (key: Uint8Array) => (key.length === 32 ? 'aes-256-gcm' : 'aes-128-gcm');

/** The usual one of seven times in eight. */
const mostly = (chance: Chance, usual: number, others: readonly number[]): number =>
  chance.below(8) === 0 ? chance.pick(others) : usual;

/** An authentic token around a block of random content that is right, or of a wrong size, or lies about it. */
function seal(chance: Chance, key: Uint8Array): Uint8Array {
  const macKeyBytes = mostly(chance, chance.pick([20, 32]), [0, 16, 19, 33, 64]);
  const block = Buffer.from(chance.bytes(2 + macKeyBytes + mostly(chance, 12, [0, 11, 13])));
  block.writeUInt16BE(mostly(chance, macKeyBytes, [0, 16, 34, chance.below(0x10000)]), 0);
  const nonce = chance.bytes(mostly(chance, 12, [8, 13, 16, 64]));
  const cipher = createCipheriv(cipherOf(key), key, nonce).setAAD(NAME);
  const sealed = Buffer.concat([cipher.update(block), cipher.final(), cipher.getAuthTag()]);
  const claims = mostly(chance, nonce.length, [0, 0xffff, sealed.length, chance.below(0x10000)]);
  return Buffer.concat([Buffer.of(claims >> 8, claims & 0xff), nonce, sealed]);
}

/** The same rules another way: open with whatever nonce it claims, and then compare every length. */
function judge(token: Uint8Array, key: Uint8Array): string | undefined {
  const bytes = Buffer.from(token);
  if (bytes.length < 2 + 12 + 16 || bytes.readUInt16BE(0) !== 12) return undefined;
  const opened = createDecipheriv(cipherOf(key), key, bytes.subarray(2, 14)).setAAD(NAME);
  opened.setAuthTag(bytes.subarray(-16));
  let block: Buffer;
  try {
    block = Buffer.concat([opened.update(bytes.subarray(14, -16)), opened.final()]);
  } catch {
    return undefined;
  }
  if (block.length < 2) return undefined;
  const length = block.readUInt16BE(0);
  if ((length !== 20 && length !== 32) || block.length !== 14 + length) return undefined;
  const time = block.readBigUInt64BE(2 + length);
  const issuedAtMs = Number(time >> 16n) * 1000 + Number(time & 0xffffn) / 64;
  const lifetime = block.readUInt32BE(10 + length);
  return `${block.subarray(2, 2 + length).toString('hex')} ${issuedAtMs} ${lifetime}`;
}

function read(token: Uint8Array, key: Uint8Array): string | undefined {
  const content = decodeAccessToken(token, key, NAME);
  if (content === undefined) return undefined;
  const { macKey, issuedAtMs, lifetimeSeconds } = content;
  return `${Buffer.from(macKey).toString('hex')} ${issuedAtMs} ${lifetimeSeconds}`;
}

describe('access token fuzz', () => {
  it.each(fuzzSeeds('access-token'))(
    `${INPUTS} inputs: nothing throws, and only what is authentic and whole is read, STERNA_FUZZ_SEED=%i`,
    { timeout: fuzzTimeoutMs(INPUTS) },
    async (seed) => {
      const chance = new Chance(seed);
      let good = 0;
      for (let index = 0; index < INPUTS; index++) {
        const key = chance.pick(KEYS);
        const sealed = seal(chance, key);
        const kind = index % 3;
        const token =
          kind === 0
            ? sealed
            : kind === 1
              ? mutate(sealed, chance, seal(chance, key))
              : chance.bytes(chance.pick([64, 76, chance.below(700)]));
        const expected = judge(token, key);
        if (read(token, key) !== expected) {
          throw new Error(`input ${index}: ${Buffer.from(token).toString('hex')}`);
        }
        if (expected !== undefined) good++;
        await breathe(index);
      }
      // The generators must keep making tokens that are read.
      expect(good).toBeGreaterThan(INPUTS / 10);
    },
  );
});
