// RFC 7519 and RFC 8725: what a token must be to be believed, and that nothing else is.

import { createHmac, generateKeyPairSync } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { beforeEach, describe, expect, test } from 'vitest';
import { LocalTier } from '../../../shared/cache/local-tier.ts';
import { mintToken, TokenVerifier } from '../../../signaling/tokens.ts';
import type { MintOptions, VerifiedToken } from '../../../signaling/tokens.ts';
import { testClock } from './test-clock.ts';
import type { TestClock } from './test-clock.ts';
import { containing, matching } from './matchers.ts';

const SECRET = 'a secret of at least 32 characters';
const OTHER_SECRET = 'another secret, also 32 characters';
const KEYS = { app: SECRET, other: OTHER_SECRET };

let clock: TestClock;
let verifier: TokenVerifier;

beforeEach(() => {
  clock = testClock();
  verifier = new TokenVerifier(KEYS, { clock });
});

const mint = (options: Partial<MintOptions> = {}): string =>
  mintToken({
    key: 'app',
    secret: SECRET,
    identity: 'ann',
    grants: { room: 'r', roomJoin: true },
    ttlSeconds: 60,
    clock,
    ...options,
  });

const payload = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: 'app',
  sub: 'ann',
  exp: clock.unix / 1000 + 60,
  grants: { room: 'r', roomJoin: true },
  ...changes,
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs anything, with any header, without a library that might object. */
function forge(header: object, body: object, secret = SECRET): string {
  const signed = `${part(header)}.${part(body)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };

function accepted(token: string): VerifiedToken {
  const result = verifier.verify(token);
  if (typeof result === 'string') throw new Error(`refused with ${result}`);
  return result;
}

describe('a minted token', () => {
  test('says what it was minted for; grants not given have their defaults', () => {
    const token = mint({ name: 'Ann A.', metadata: 'm', attributes: { a: 'b' } });
    expect(accepted(token)).toEqual({
      id: matching(/^[\w-]{22}$/),
      key: 'app',
      identity: 'ann',
      name: 'Ann A.',
      metadata: 'm',
      attributes: { a: 'b' },
      expiresAt: clock.unix + 60_000,
      grants: {
        room: 'r',
        roomJoin: true,
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
        roomAdmin: false,
        simulate: false,
      },
    });
  });

  test('is one that any JWT library verifies', () => {
    const decoded = jsonwebtoken.verify(mint(), SECRET, {
      algorithms: ['HS256'],
      clockTimestamp: clock.unix / 1000,
    });
    expect(decoded).toMatchObject({ iss: 'app', sub: 'ann', iat: clock.unix / 1000 });
  });

  test('never is the same twice', () => {
    expect(accepted(mint()).id).not.toBe(accepted(mint()).id);
  });

  test.each<[string, Partial<MintOptions>, string]>([
    ['a short secret', { secret: 'short' }, 'keys.app: expected a secret of at least 32'],
    ['no identity', { identity: '' }, 'sub: expected 1 to 128 characters'],
    ['a control character', { identity: 'a\nb' }, 'sub: expected 1 to 128 characters'],
    ['129 characters', { identity: 'x'.repeat(129) }, 'sub: expected 1 to 128 characters'],
    ['half a surrogate pair', { identity: '\ud800' }, 'sub: expected 1 to 128 characters'],
    ['a room without name', { grants: { room: '' } }, 'grants.room: expected 1 to 128'],
    ['no time', { ttlSeconds: 0 }, 'ttlSeconds: expected an integer above 0'],
    ['too much', { metadata: 'x'.repeat(9000) }, 'would exceed 8192 characters'],
  ])('is refused at minting with %s', (_, options, message) => {
    expect(() => mint(options)).toThrow(message);
  });

  test('an identity of 128 characters outside ASCII is fine', () => {
    const identity = '\u{1f426}'.repeat(128);
    expect(accepted(mint({ identity })).identity).toBe(identity);
  });
});

describe('algorithm and header', () => {
  test('RFC 8725 s3.1: alg none is refused, signed or not, in any spelling', () => {
    for (const alg of ['none', 'None', 'NONE']) {
      const token = forge({ alg, typ: 'JWT' }, payload());
      expect(verifier.verify(token)).toBe('TOKEN_INVALID');
      expect(verifier.verify(token.slice(0, token.lastIndexOf('.') + 1))).toBe('TOKEN_INVALID');
    }
  });

  test('RFC 8725 s2.1: RS256 is refused, also when the HMAC key is the public key', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    verifier = new TokenVerifier({ app: pem }, { clock });
    const signed = jsonwebtoken.sign(payload(), privateKey, { algorithm: 'RS256' });
    expect(verifier.verify(signed)).toBe('TOKEN_INVALID');
    expect(verifier.verify(forge({ alg: 'RS256' }, payload(), pem))).toBe('TOKEN_INVALID');
    expect(verifier.verify(forge({ alg: 'ES256' }, payload(), pem))).toBe('TOKEN_INVALID');
    expect(verifier.verify(forge(HS256, payload(), pem))).toMatchObject({ identity: 'ann' });
  });

  test('HS384 and HS512 are refused even with the right key', () => {
    for (const algorithm of ['HS384', 'HS512'] as const) {
      const token = jsonwebtoken.sign(payload(), SECRET, { algorithm });
      expect(verifier.verify(token)).toBe('TOKEN_INVALID');
    }
  });

  test('RFC 7515 s4.1.11: a critical header is refused, for none is understood', () => {
    for (const crit of [['exp'], ['b64'], [], null, 'x']) {
      expect(verifier.verify(forge({ ...HS256, crit }, payload()))).toBe('TOKEN_INVALID');
    }
  });
});

describe('signature and issuer', () => {
  test('the key is that of iss: another one of ours does not do', () => {
    expect(verifier.verify(forge(HS256, payload(), OTHER_SECRET))).toBe('TOKEN_INVALID');
    expect(verifier.verify(forge(HS256, payload({ iss: 'other' }), OTHER_SECRET))).toMatchObject({
      key: 'other',
    });
  });

  test('an unknown issuer and a bad signature get the same answer', () => {
    const unknown = verifier.check(forge(HS256, payload({ iss: 'nobody' })));
    const unsigned = verifier.check(forge(HS256, payload(), 'x'));
    expect(unknown).toEqual(unsigned);
    expect(unknown).toMatchObject({ reason: 'TOKEN_INVALID' });
  });

  test('an issuer from the prototype, or none, is unknown', () => {
    for (const iss of ['__proto__', 'constructor', undefined, null, 5, {}]) {
      expect(verifier.verify(forge(HS256, payload({ iss }), 'x'))).toBe('TOKEN_INVALID');
    }
  });

  test('every changed character voids it', () => {
    const token = mint();
    for (let i = 0; i < token.length; i++) {
      const changed = token[i] === 'A' ? 'B' : 'A';
      expect(verifier.verify(token.slice(0, i) + changed + token.slice(i + 1))).toBe(
        'TOKEN_INVALID',
      );
    }
  });

  test.each([
    '',
    '.',
    '..',
    '...',
    'a.b.c',
    'eyJ.eyJ.eyJ',
    'x'.repeat(9000),
    '\u{1f426}',
    'e30.e30.',
  ])('garbage %# is refused without a throw', (token) => {
    expect(verifier.verify(token)).toBe('TOKEN_INVALID');
  });
});

describe('dates', () => {
  test('exp is required', () => {
    const { exp: _, ...rest } = payload();
    expect(verifier.check(forge(HS256, rest))).toMatchObject({
      reason: 'TOKEN_INVALID',
      message: containing('exp: '),
    });
  });

  test('it is good until exp and not a millisecond longer, cached or not', () => {
    const [cached, fresh] = [mint(), mint()];
    accepted(cached);
    clock.advance(59_999);
    accepted(cached);
    clock.advance(1);
    expect(verifier.verify(cached)).toBe('TOKEN_EXPIRED');
    expect(verifier.verify(fresh)).toBe('TOKEN_EXPIRED');
  });

  test('nbf may lie up to 60 s ahead', () => {
    const nbf = clock.unix / 1000 + 60;
    expect(verifier.verify(forge(HS256, payload({ nbf })))).toMatchObject({ identity: 'ann' });
    const early = forge(HS256, payload({ nbf: nbf + 1, exp: nbf + 100 }));
    expect(verifier.check(early)).toMatchObject({
      reason: 'TOKEN_INVALID',
      message: containing('nbf'),
    });
    clock.advance(6000);
    expect(verifier.verify(early)).toMatchObject({ identity: 'ann' });
  });

  test.each(['60', -1, null, Number.MAX_VALUE * 10])('exp %s is no date', (exp) => {
    expect(verifier.verify(forge(HS256, payload({ exp })))).toBe('TOKEN_INVALID');
  });
});

describe('claims', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['no grants', { grants: undefined }, 'grants: '],
    [
      'a misspelt grant',
      { grants: { room: 'r', canPublsh: false } },
      'Unrecognized key: "canPublsh"',
    ],
    ['a grant that is no boolean', { grants: { room: 'r', hidden: 1 } }, 'grants.hidden: '],
    ['no sub', { sub: undefined }, 'sub: '],
    ['a sub with a tab', { sub: 'a\tb' }, 'sub: expected 1 to 128 characters'],
    ['attributes that are no strings', { attributes: { a: 1 } }, 'attributes.a: '],
  ])('%s: refused, and told to whoever could sign', (_, changes, message) => {
    expect(verifier.check(forge(HS256, payload(changes)))).toEqual({
      reason: 'TOKEN_INVALID',
      message: containing(message),
    });
  });

  test('claims that mean nothing to us do no harm; a name defaults to the identity', () => {
    const token = forge(HS256, payload({ aud: 'x', scope: ['y'], iat: 'never' }));
    expect(verifier.verify(token)).toMatchObject({ name: 'ann', metadata: '', attributes: {} });
  });
});

describe('cache', () => {
  test('a good result is cached under the SHA-256, never under the token', () => {
    const keys: string[] = [];
    class Spied extends LocalTier<VerifiedToken> {
      override set(key: string, value: VerifiedToken, ttlMs: number): void {
        keys.push(key);
        super.set(key, value, ttlMs);
      }
    }
    const cache = new Spied(8, clock);
    verifier = new TokenVerifier(KEYS, { clock, cache });
    const token = mint();
    expect(accepted(token)).toBe(accepted(token));
    expect(cache.stats()).toMatchObject({ hits: 1, size: 1 });
    expect(keys).toHaveLength(1);
    expect(token).not.toContain(keys[0]);
    expect(keys[0]).toHaveLength(43);
  });

  test('a cached result leaves with its exp, or after ten minutes', () => {
    const [short, long] = [mint({ ttlSeconds: 5 }), mint({ ttlSeconds: 86_400 })];
    const first = accepted(long);
    accepted(short);
    expect(verifier.stats().accepted.size).toBe(2);
    clock.advance(5000);
    expect(verifier.verify(short)).toBe('TOKEN_EXPIRED');
    expect(verifier.stats().accepted.size).toBe(1);
    clock.advance(594_999);
    expect(accepted(long)).toBe(first);
    clock.advance(1);
    expect(accepted(long)).not.toBe(first);
  });

  test('bad results are cached apart, shortly, and bounded', () => {
    const good = mint();
    accepted(good);
    for (let i = 0; i < 2000; i++) verifier.verify(`x.${i}.y`);
    const { accepted: kept, refused } = verifier.stats();
    expect(kept).toMatchObject({ size: 1, evicted: 0 });
    expect(refused.size).toBe(refused.capacity);
    verifier.verify('x.1999.y');
    expect(verifier.stats().refused.hits).toBe(1);
    clock.advance(5000);
    verifier.verify('x.1999.y');
    expect(verifier.stats().refused.hits).toBe(1);
  });
});

describe('revocation', () => {
  test('by jti: refused at once, although cached; others are not', () => {
    const [token, other] = [mint(), mint()];
    const { id } = accepted(token);
    accepted(other);
    verifier.revoke(id);
    expect(verifier.isRevoked(id)).toBe(true);
    expect(verifier.verify(token)).toBe('TOKEN_INVALID');
    expect(verifier.verify(other)).toMatchObject({ identity: 'ann' });
  });

  test('by jti before it was ever seen', () => {
    const token = forge(HS256, payload({ jti: 'one' }));
    verifier.revoke('one');
    expect(verifier.verify(token)).toBe('TOKEN_INVALID');
  });

  test('by the token itself, with and without a jti, cached and not', () => {
    const tokens = [mint(), mint(), forge(HS256, payload()), forge(HS256, payload({ x: 1 }))];
    accepted(tokens[0]!);
    accepted(tokens[2]!);
    for (const token of tokens) verifier.revoke(token);
    for (const token of tokens) expect(verifier.verify(token)).toBe('TOKEN_INVALID');
    expect(verifier.stats().revoked).toBe(4);
  });

  test('a forged token revokes nobody', () => {
    const real = forge(HS256, payload({ jti: 'one' }));
    verifier.revoke(forge(HS256, payload({ jti: 'one', x: 1 }), 'not the secret'));
    expect(verifier.verify(real)).toMatchObject({ id: 'one' });
  });
});

test('a secret below 32 characters is a configuration error', () => {
  expect(() => new TokenVerifier({ app: 'x'.repeat(31) }, { clock })).toThrow('keys.app: expected');
});
