// Debian coturn's turnutils_oauth, as an authorization server and as another reader of tokens (RFC 7635 s6.2): what
// it writes we read, what we write it reads, byte for byte the same.

import { describe, expect, test } from 'vitest';
import { decodeAccessToken, encodeAccessToken } from '../../shared/stun/access-token.ts';
import { Child } from '../support/e2e/child.ts';

const SERVER_NAME = 'blackdow.carleon.gov';
const NONCE = Buffer.from('h4j3k2l2n4b5');
const ISSUED_AT = 1_763_700_000;
const LIFETIME = 1234;

const KEYS = [
  ['A256GCM', Buffer.from('HGkj32KJGiuy098sdfaqbNjOiaz71923')],
  ['A128GCM', Buffer.from('HGkj32KJGiuy098s')],
] as const;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** What the program prints, which must succeed. */
async function oauth(algorithm: string, key: Buffer, ...args: readonly string[]): Promise<string> {
  const shared = ['--server-name', SERVER_NAME, '--auth-key-id', 'kid', '--auth-key', base64(key)];
  const validity = ['--auth-key-timestamp', '1', '--auth-key-lifetime', '4000000000'];
  const all = [...shared, ...validity, '--auth-key-as-rs-alg', algorithm, ...args];
  const child = new Child('turnutils_oauth', all);
  expect(await child.exited, child.output).toBe(0);
  return child.output;
}

describe.each(KEYS)('turnutils_oauth with %s', (algorithm, key) => {
  test.each([
    ['20 bytes', Buffer.from('ZksjpweoixXmvn67534m')],
    ['32 bytes', Buffer.from('ZksjpweoixXmvn67534mZksjpweoixXm')],
  ])('agrees with us on a token around a session key of %s', async (_name, macKey) => {
    const token = { macKey, issuedAtMs: ISSUED_AT * 1000, lifetimeSeconds: LIFETIME };
    const ours = encodeAccessToken(token, key, Buffer.from(SERVER_NAME), NONCE);

    const secrets = ['--token-nonce', base64(NONCE), '--token-mac-key', base64(macKey)];
    const timestamp = `${ISSUED_AT * 65_536}`;
    const times = ['--token-timestamp', timestamp, '--token-lifetime', `${LIFETIME}`];
    const made = await oauth(algorithm, key, '-e', ...secrets, ...times);
    const theirs = /"access_token":"([^"]+)"/.exec(made)?.[1] ?? '';
    expect(theirs).toBe(base64(ours));
    const read = decodeAccessToken(Buffer.from(theirs, 'base64'), key, Buffer.from(SERVER_NAME));
    expect(read).toEqual(token);

    const said = await oauth(algorithm, key, '-d', '-v', '--token', base64(ours));
    expect(said).toContain('Valid token!');
    expect(said).toContain(`mac key: ${macKey.toString()}`);
    expect(said).toContain(`unixtime: ${ISSUED_AT} `);
    expect(said).toContain(`lifetime: ${LIFETIME}`);
  });
});
