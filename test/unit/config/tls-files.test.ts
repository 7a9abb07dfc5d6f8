// What is said of the certificate of TLS listeners before a server starts: which file, and what is wrong with it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../shared/config/load.ts';
import { configComplaint } from '../../support/config-complaint.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

const files = makeTlsFiles();
const others = makeTlsFiles();
const TEXT = join(files.folder, 'text.pem');
writeFileSync(TEXT, 'no PEM at all');

const environment = (
  cert: string,
  key: string,
  listeners = 'TLS://[::1]:5349',
): NodeJS.ProcessEnv => ({
  STERNA_TURN_LISTENERS: listeners,
  STERNA_TURN_TLS_CERT: cert,
  STERNA_TURN_TLS_KEY: key,
});

describe('with a tls:// listener', () => {
  test.each([
    [
      'no certificate',
      '',
      files.key,
      'cert: expected the path of a PEM file, for TLS://[::1]:5349',
    ],
    ['no key', files.cert, '', 'key: expected the path of a PEM file, for TLS://[::1]:5349'],
    [
      'a file that is not there',
      '/none.pem',
      files.key,
      'cert: expected a file that this user can',
    ],
    [
      'a key that is not there',
      files.cert,
      '/none',
      'key: expected a file that this user can read',
    ],
    ['a folder', files.folder, files.key, 'cert: expected a file that this user can read, got "/'],
    ['text', TEXT, files.key, 'cert: expected a certificate in PEM, got "/'],
    ['a key of text', files.cert, TEXT, 'key: expected a private key in PEM, without a passphrase'],
    ['the two swapped', files.key, files.cert, 'cert: expected a certificate in PEM'],
    [
      'another key',
      files.cert,
      others.key,
      'key: expected the private key of the certificate in turn.',
    ],
  ])('%s is refused, by its name', (_name, cert, key, expected) => {
    const complaint = configComplaint({ environment: environment(cert, key) });
    expect(complaint).toContain(`turn.tls.${expected}`);
  });

  test('a pair that goes together is taken', () => {
    const config = loadConfig({ environment: environment(files.cert, files.key) });
    expect(config.turn.tls).toEqual({ cert: files.cert, key: files.key });
  });

  test('minting tokens needs no such file', () => {
    const input = { environment: environment('/none.pem', '/none.pem'), needs: 'keys' } as const;
    expect(loadConfig(input).mode).toBe('development');
  });
});

const gateway = (cert: string, key: string): NodeJS.ProcessEnv => ({
  STERNA_GATEWAY_TLS_CERT: cert,
  STERNA_GATEWAY_TLS_KEY: key,
});

describe('of the gateway', () => {
  test.each([
    ['', files.key, 'cert: expected the path of a PEM file, because gateway.tls.key is set'],
    [files.cert, '', 'key: expected the path of a PEM file, because gateway.tls.cert is set'],
    ['/none.pem', files.key, 'cert: expected a file that this user can read'],
    [TEXT, files.key, 'cert: expected a certificate in PEM, got "/'],
    [
      files.cert,
      others.key,
      'key: expected the private key of the certificate in gateway.tls.cert',
    ],
  ])('%s and %s are refused, by their name', (cert, key, expected) => {
    const complaint = configComplaint({ environment: gateway(cert, key) });
    expect(complaint).toContain(`gateway.tls.${expected}`);
  });

  test('a pair that goes together is taken', () => {
    const config = loadConfig({ environment: gateway(files.cert, files.key) });
    expect(config.gateway.tls).toEqual({ cert: files.cert, key: files.key });
  });
});

test('without one nobody looks at the files', () => {
  expect(
    loadConfig({ environment: environment('/none', '/none', 'tcp://[::1]:1') }).turn.tls,
  ).toEqual({
    cert: '/none',
    key: '/none',
  });
});
