import { expect, test } from 'vitest';
import { mintToken, TokenVerifier } from '../../../signaling/tokens.ts';
import type { MintOptions } from '../../../signaling/tokens.ts';
import { Bearers } from '../../../signaling/whip/bearer.ts';
import { testClock } from '../signaling/test-clock.ts';

const SECRET = 'a secret: of at least 32 characters';
const clock = testClock();
const tokens = new TokenVerifier({ app: SECRET }, { clock });
const bearers = new Bearers(tokens, tokens.keys);

function token(options: Partial<MintOptions> = {}): string {
  return mintToken({
    key: 'app',
    secret: SECRET,
    identity: 'ann',
    grants: { room: 'r', roomJoin: true },
    ttlSeconds: 60,
    clock,
    ...options,
  });
}

const reason = (bearer: string | undefined, room = 'r'): string => {
  const result = bearers.check(bearer, room);
  return 'reason' in result ? result.reason : `welcome ${result.identity}`;
};

const hidden = (grants: MintOptions['grants']): unknown => {
  const result = bearers.check(token({ grants: { room: 'r', roomJoin: true, ...grants } }), 'r');
  return 'perm' in result ? result.perm.hidden : result;
};

test('a join token is who it says, in its own room', () => {
  expect(
    bearers.check(token({ name: 'Ann', metadata: 'm', attributes: { a: 'b' } }), 'r'),
  ).toMatchObject({
    identity: 'ann',
    name: 'Ann',
    metadata: 'm',
    attributes: { a: 'b' },
    perm: { canPublish: true, canSubscribe: true, roomAdmin: false, hidden: null },
  });
  expect(reason(token(), 'other')).toBe('NOT_ALLOWED');
  expect(reason(token({ grants: { room: 'r' } }))).toBe('NOT_ALLOWED');
  expect(reason(token({ grants: { roomJoin: true } }))).toBe('NOT_ALLOWED');
});

test('a token says whether its bearer is hidden, or does not say', () => {
  expect([hidden({}), hidden({ hidden: false }), hidden({ hidden: true })]).toEqual([
    null,
    false,
    true,
  ]);
});

test('what is no token of ours is refused as everywhere', () => {
  expect(reason(undefined)).toBe('TOKEN_INVALID');
  expect(reason('garbage')).toBe('TOKEN_INVALID');
  expect(reason(token({ ttlSeconds: 1, clock: testClock(1_700_000_000_000) }))).toBe(
    'TOKEN_EXPIRED',
  );
  const revoked = token();
  tokens.revoke(revoked);
  expect(reason(revoked)).toBe('TOKEN_INVALID');
});

test('an API key may do everything in every room', () => {
  for (const room of ['r', 'another one']) {
    expect(bearers.check(`app:${SECRET}`, room)).toMatchObject({
      identity: null,
      token: undefined,
      perm: { canPublish: true, canSubscribe: true },
    });
  }
});

test('an API key has its name, its whole secret, and a room that can be', () => {
  expect(reason(`app:${SECRET.slice(0, -1)}`)).toBe('TOKEN_INVALID');
  expect(reason(`app:${SECRET}x`)).toBe('TOKEN_INVALID');
  expect(reason(`other:${SECRET}`)).toBe('TOKEN_INVALID');
  for (const name of ['toString', '__proto__', ''])
    expect(reason(`${name}:`)).toBe('TOKEN_INVALID');
  expect(reason(`app:${SECRET}`, 'a\u0000b')).toBe('NOT_FOUND');
  expect(reason(`app:${SECRET}`, '')).toBe('NOT_FOUND');
});
