import { expect, test } from 'vitest';
import { mintToken } from '../../../signaling/index.ts';
import { readClaims } from '../../../web/token-source.ts';

const minted = (name?: string): string =>
  mintToken({
    key: 'k',
    secret: 's'.repeat(32),
    identity: 'ada',
    grants: { room: 'räume ✓', roomJoin: true },
    ttlSeconds: 60,
    ...(name === undefined ? {} : { name }),
  });

test('room and name come out of a real token, in any script', () => {
  expect(readClaims(minted('Ada ✓'))).toEqual({ room: 'räume ✓', name: 'Ada ✓' });
  expect(readClaims(minted())).toEqual({ room: 'räume ✓', name: 'ada' });
});

test.each(['', 'a', 'a.b.c', `a.${btoa('null')}.c`, `a.${btoa('{"grants":7,"name":1}')}.c`])(
  '%j has no claims',
  (token) => {
    expect(readClaims(token)).toEqual({});
  },
);
