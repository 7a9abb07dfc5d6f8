// turn.oauth.keys: which texts are keys, and that they are never printed.

import { describe, expect, test } from 'vitest';
import { type ConfigInput, loadConfig } from '../../../shared/config/load.ts';
import { printSettings } from '../../../shared/config/print.ts';
import { parseTokenKey } from '../../../shared/config/token-key.ts';
import { systemClock } from '../../../shared/clock.ts';
import { turnOptions } from '../../../server/media/turn-options.ts';
import { configComplaint } from '../../support/config-complaint.ts';
import { turnOptions as optionsOfTests } from '../../support/turn/world.ts';

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const KEY = base64('0123456789abcdef0123456789abcdef');

describe('a token key', () => {
  test.each([
    ['32 bytes', KEY, '0123456789abcdef0123456789abcdef'],
    ['16 bytes', base64('0123456789abcdef'), '0123456789abcdef'],
    [
      '33 bytes with a line feed',
      'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEK',
      '01234567890123456789012345678901',
    ],
    ['17 bytes with a line feed', 'MTIzNDU2Nzg5MDEyMzQ1Ngo=', '1234567890123456'],
    ['16 bytes of which a line feed is the last', base64('0123456789abcde\n'), '0123456789abcde\n'],
  ])('is %s', (_name, text, key) => {
    expect(Buffer.from(parseTokenKey(text) ?? []).toString()).toBe(key);
  });

  test.each([
    ['nothing', ''],
    ['15 bytes', base64(new Uint8Array(15))],
    ['17 bytes without a line feed', base64(new Uint8Array(17))],
    ['24 bytes', base64(new Uint8Array(24))],
    ['33 bytes without a line feed', base64(new Uint8Array(33))],
    ['34 bytes', base64(`${'k'.repeat(32)}\n\n`)],
    ['base64url', base64(new Uint8Array(32).fill(0xff)).replaceAll('/', '_')],
    ['base64 without its padding', KEY.replace('=', '')],
    ['base64 with bits that mean nothing', `${KEY.slice(0, -2)}n=`],
    ['base64 with a blank', ` ${KEY.slice(1)}`],
    ['hexadecimal', 'ab'.repeat(32)],
    ['a placeholder', 'base64-of-32-random-bytes'],
  ])('is not %s', (_name, text) => {
    expect(parseTokenKey(text)).toBeUndefined();
  });
});

const given = (keys: object): ConfigInput => ({
  environment: {
    STERNA_KEYS: `{"k":"${'s'.repeat(32)}"}`,
    STERNA_TURN_OAUTH_KEYS: JSON.stringify(keys),
    STERNA_TURN_REALM: 'turn.example.org',
  },
  ipv6Loopback: true,
});
const load = (keys: object) => loadConfig(given(keys));

describe('turn.oauth.keys', () => {
  test('stands in for turn.secrets and turn.users, and is printed by its length alone', () => {
    const text = printSettings(load({ 'my.kid': KEY }));
    expect(text).toContain('my.kid: a secret of 44 characters');
    expect(text).not.toContain(KEY);
  });

  test('is complained of without being shown', () => {
    const words = configComplaint(given({ kid: 'hunter2' }));
    expect(words).toContain('turn.oauth.keys.kid: expected base64 of 32 bytes (A256GCM)');
    expect(words).not.toContain('hunter2');
  });

  test('becomes bytes, for the realm where no server name is given; nothing without keys', () => {
    const { commons } = optionsOfTests({});
    const { thirdParty } = turnOptions(load({ kid: KEY }).turn, systemClock, commons);
    expect(thirdParty?.serverName).toBe('turn.example.org');
    expect(Buffer.from(thirdParty?.keys['kid'] ?? []).toString('base64')).toBe(KEY);
    const { turn } = loadConfig({ environment: {}, ipv6Loopback: true });
    expect(turnOptions(turn, systemClock, commons).thirdParty).toBeUndefined();
  });
});
