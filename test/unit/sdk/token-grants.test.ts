import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { grantsOf } from '../../../sdk/token-grants.ts';
import { mintToken } from '../../../signaling/index.ts';
import type { GrantsInput } from '../../../signaling/claims.ts';

const ALL = { canPublish: true, canSubscribe: true };

const tokenOf = (grants: Partial<GrantsInput>): string =>
  mintToken({
    key: 'k',
    secret: 'a secret for tests, long enough to be one',
    identity: 'ünïcödé?>~',
    grants: { room: 'r', roomJoin: true, ...grants },
    ttlSeconds: 60,
  });

test.each([
  [{}, ALL],
  [{ canPublish: false }, { ...ALL, canPublish: false }],
  [{ canSubscribe: false }, { ...ALL, canSubscribe: false }],
  [{ hidden: true }, { ...ALL, canPublish: false }],
] as const)('a token with %j', (grants, expected) => {
  expect(grantsOf(tokenOf(grants))).toEqual(expected);
});

test('what is no token grants all, since the server decides', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(grantsOf(text)).toEqual(ALL);
    }),
  );
  fc.assert(
    fc.property(fc.json(), (json) => {
      const payload = Buffer.from(json).toString('base64url');
      expect(Object.keys(grantsOf(`x.${payload}.y`))).toEqual(Object.keys(ALL));
    }),
  );
});
