// Who asks the API: keys and the tokens that they sign, real ones, over real HTTP; what each may do, and until when.

import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway } from '../../../gateway/http-server.ts';
import type { Gateway } from '../../../gateway/http-server.ts';
import { noAudit } from '../../../server/audit/audit.ts';
import { judgeOf } from '../../../server/callers.ts';
import { keysApiOf } from '../../../server/key-api.ts';
import { KeyFile } from '../../../shared/keys/key-file.ts';
import { KeyRing } from '../../../shared/keys/key-ring.ts';
import { silentLogger } from '../../../shared/log.ts';
import { mintToken, TokenVerifier } from '../../../signaling/tokens.ts';
import { call as callPort, problem } from '../../support/http-call.ts';
import type { Answer } from '../../support/http-call.ts';
import { NO_APIS } from '../../support/no-apis.ts';
import { testClock } from '../signaling/test-clock.ts';

const SECRET = 'a secret: of at least 32 characters';
const KEY = `app:${SECRET}`;
const JSON_TYPE = { 'content-type': 'application/json' };

let clock = testClock();
let folder: string;
let ring: KeyRing;
let tokens: TokenVerifier;
let gateway: Gateway;
let port = 0;

beforeEach(async () => {
  // Keys that the API makes end by the clock of the machine.
  clock = testClock(Date.now());
  folder = mkdtempSync(join(tmpdir(), 'sterna-callers-'));
  const store = new KeyFile(join(folder, 'keys.json'));
  ring = await KeyRing.open({ keys: { app: SECRET }, store, clock, log: silentLogger });
  tokens = new TokenVerifier(ring, { clock });
  gateway = createGateway({
    ...NO_APIS,
    clock,
    judge: judgeOf(tokens, ring),
    keys: keysApiOf(ring, noAudit),
  });
  port = await gateway.listen('127.0.0.1', 0);
});

afterEach(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

function call(bearer: string, method: string, path: string, body?: object): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${bearer}`,
    ...(body === undefined ? {} : JSON_TYPE),
  };
  return callPort(port, method, path, headers, body && JSON.stringify(body));
}

const statusOf = async (
  bearer: string,
  method: string,
  path: string,
  body?: object,
): Promise<number> => (await call(bearer, method, path, body)).status;

const base64 = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A JWT as a server SDK makes it, or as an attacker does. */
function jwt(
  claims: object,
  secret = SECRET,
  header: { alg: string; [name: string]: unknown } = { alg: 'HS256' },
): string {
  const signed = `${base64(header)}.${base64(claims)}`;
  const { alg } = header;
  const hash = alg === 'HS512' ? 'sha512' : 'sha256';
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

const inAMinute = (): number => clock.wall() / 1000 + 60;
const video = (grants: object, more: object = {}): string =>
  jwt({ iss: 'app', exp: inAMinute(), video: grants, ...more });

const admin = (grants: object = {}): string =>
  mintToken({
    key: 'app',
    secret: SECRET,
    identity: 'ops',
    ttlSeconds: 60,
    grants: { roomAdmin: true, ...grants },
    clock,
  });

describe('an API key', () => {
  test('that shows its secret may do everything', async () => {
    expect(await statusOf(KEY, 'GET', '/v1/drain')).toBe(200);
    expect(await statusOf(KEY, 'POST', '/v1/rooms', { name: 'r' })).toBe(201);
    expect(await statusOf(KEY, 'GET', '/v1/rooms/r/stats')).toBe(200);
  });

  test.each([
    'app:',
    `app:${SECRET}x`,
    `app:${SECRET.slice(1)}`,
    `:${SECRET}`,
    '__proto__:x',
    'a:b:c',
  ])('that is none is refused: %s', async (bearer) => {
    const refused = await call(bearer, 'GET', '/v1/drain');
    expect(problem(refused)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
    expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  });

  test('is made with a secret that is shown once, listed without, and revoked at once', async () => {
    const made = await call(KEY, 'POST', '/v1/keys', { name: 'ci', expiresInSeconds: 60 });
    expect(made.status).toBe(201);
    const { key, secret } = JSON.parse(made.body) as { key: string; secret: string };
    const own = `${key}:${secret}`;
    const signed = jwt({ iss: key, exp: inAMinute(), video: { roomCreate: true } }, secret);
    const joins = mintToken({
      key,
      secret,
      identity: 'ann',
      ttlSeconds: 60,
      grants: { room: 'r', roomJoin: true },
      clock,
    });
    // Twice, so that the second comes from what is remembered.
    for (const _ of [1, 2]) {
      expect(await statusOf(own, 'GET', '/v1/drain')).toBe(200);
      expect(await statusOf(signed, 'POST', '/v1/rooms', { name: 'r' })).toBe(201);
      expect(tokens.check(joins)).toMatchObject({ identity: 'ann' });
    }
    const listed = await call(KEY, 'GET', '/v1/keys');
    expect(listed.body).not.toContain(secret);
    expect(listed.body).not.toContain(SECRET);
    expect(JSON.parse(listed.body)).toMatchObject({
      keys: [
        { key: 'app', origin: 'configuration', createdAt: null },
        { key, name: 'ci', origin: 'api', grants: null },
      ],
    });
    const itself = await call(own, 'DELETE', `/v1/keys/${key}`);
    expect(problem(itself)).toMatchObject({ status: 409, reason: 'OWN_KEY' });
    expect(await statusOf(KEY, 'DELETE', `/v1/keys/${key}`)).toBe(204);
    expect(await statusOf(own, 'GET', '/v1/drain')).toBe(401);
    expect(await statusOf(signed, 'POST', '/v1/rooms', { name: 'r' })).toBe(401);
    expect(tokens.check(joins)).toMatchObject({ reason: 'TOKEN_INVALID' });
    expect(await statusOf(KEY, 'DELETE', `/v1/keys/${key}`)).toBe(404);
  });

  test('of the configuration is not revoked over HTTP, so that nobody locks everybody out', async () => {
    const made = await call(KEY, 'POST', '/v1/keys');
    const { key, secret } = JSON.parse(made.body) as { key: string; secret: string };
    const refused = await call(`${key}:${secret}`, 'DELETE', '/v1/keys/app');
    expect(problem(refused)).toMatchObject({ status: 409, reason: 'CONFIGURED_KEY' });
    expect(await statusOf(KEY, 'GET', '/v1/drain')).toBe(200);
  });

  test('with grants has those alone, and signs nothing', async () => {
    const made = await call(KEY, 'POST', '/v1/keys', { grants: { room: 'r', roomAdmin: true } });
    const { key, secret } = JSON.parse(made.body) as { key: string; secret: string };
    const own = `${key}:${secret}`;
    expect(await statusOf(own, 'GET', '/v1/rooms/r/stats')).toBe(200);
    expect(problem(await call(own, 'GET', '/v1/rooms/s/stats')).reason).toBe('NOT_ALLOWED');
    expect(problem(await call(own, 'GET', '/v1/keys')).reason).toBe('NOT_ALLOWED');
    const signed = jwt({ iss: key, exp: inAMinute(), video: { roomAdmin: true } }, secret);
    expect(await statusOf(signed, 'GET', '/v1/drain')).toBe(401);
  });

  test('ends when it says, also where it is remembered', async () => {
    const { key, secret } = await ring.add({ expiresAt: clock.wall() + 60_000 });
    expect(await statusOf(`${key}:${secret}`, 'GET', '/v1/drain')).toBe(200);
    clock.advance(60_000);
    expect(await statusOf(`${key}:${secret}`, 'GET', '/v1/drain')).toBe(401);
  });
});

describe('a token', () => {
  test('of LiveKit’s server SDKs may do what its video grants say', async () => {
    const creates = video({ roomCreate: true });
    expect(await statusOf(creates, 'POST', '/v1/rooms', { name: 'r' })).toBe(201);
    expect(await statusOf(creates, 'GET', '/v1/rooms/r/stats')).toBe(403);
    const moderates = video({ roomAdmin: true, room: 'r' }, { sub: 'ops', name: 'Ops' });
    expect(await statusOf(moderates, 'GET', '/v1/rooms/r/stats')).toBe(200);
    expect(await statusOf(moderates, 'GET', '/v1/rooms/s/stats')).toBe(403);
    expect(await statusOf(moderates, 'POST', '/v1/rooms', { name: 's' })).toBe(403);
    expect(await statusOf(moderates, 'GET', '/v1/drain')).toBe(403);
    expect(await statusOf(video({ roomJoin: true, room: 'r' }), 'GET', '/v1/drain')).toBe(403);
    expect(await statusOf(admin(), 'GET', '/v1/drain')).toBe(200);
  });

  test('ends with its exp, and with its revocation, also where it is remembered', async () => {
    const bearer = admin();
    const other = admin();
    expect(await statusOf(bearer, 'GET', '/v1/drain')).toBe(200);
    expect(await statusOf(other, 'GET', '/v1/drain')).toBe(200);
    tokens.revoke(other);
    expect(await statusOf(other, 'GET', '/v1/drain')).toBe(401);
    clock.advance(60_000);
    expect(problem(await call(bearer, 'GET', '/v1/drain')).reason).toBe('TOKEN_EXPIRED');
  });

  test('that is unsigned, signed otherwise or for later counts for nothing', async () => {
    const claims = { iss: 'app', exp: inAMinute(), video: { roomAdmin: true } };
    const unsigned = `${base64({ alg: 'none' })}.${base64(claims)}.`;
    const nobody = { iss: 'nobody', exp: inAMinute(), video: { roomAdmin: true } };
    for (const bearer of [
      unsigned,
      `${base64({ alg: 'None' })}.${base64(claims)}.`,
      jwt(claims, SECRET, { alg: 'RS256' }),
      jwt(claims, SECRET, { alg: 'HS512' }),
      jwt(claims, SECRET, { alg: 'ES256', jwk: { kty: 'oct', k: base64(SECRET) } }),
      jwt(claims, SECRET, { alg: 'HS256', crit: ['exp'] }),
      jwt(claims, 'x'.repeat(32)),
      jwt(claims, ''),
      jwt(nobody, ''),
      jwt({ ...claims, nbf: inAMinute() + 60 }),
      jwt({ ...claims, exp: clock.wall() / 1000 }),
      jwt({ iss: 'app', video: { roomAdmin: true } }),
      jwt({ iss: 'app', exp: inAMinute() }),
      jwt({ ...claims, video: { roomAdmin: 'yes' } }),
    ]) {
      expect(problem(await call(bearer, 'GET', '/v1/drain')).status).toBe(401);
    }
    expect(await statusOf(jwt(claims), 'GET', '/v1/drain')).toBe(200);
  });
});

test('cookies, query parameters and other fields are no credentials', async () => {
  const ambient = [
    { cookie: `token=${admin()}; authorization=Bearer ${KEY}` },
    { 'x-api-key': KEY },
    { 'proxy-authorization': `Bearer ${KEY}` },
    { authorization: `Basic ${base64(KEY)}` },
  ];
  for (const headers of ambient) {
    const answer = await callPort(port, 'GET', `/v1/drain?access_token=${admin()}`, headers);
    expect(problem(answer).status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  }
});
