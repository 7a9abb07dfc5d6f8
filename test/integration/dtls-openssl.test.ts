// An independent peer: OpenSSL's own command line, as DTLS client and as DTLS server, over UDP. What it exports for
// SRTP must be what our transport gives out.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createDtlsContext } from '../../sfu/dtls/context.ts';
import { parseFingerprint } from '../../sfu/dtls/fingerprint.ts';
import { AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 } from '../../sfu/srtp/profile.ts';
import { Child } from '../support/e2e/child.ts';
import { CERTIFICATE_A } from '../support/sfu/dtls-end.ts';
import { DtlsSocket } from '../support/sfu/dtls-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'sterna-dtls-'));
const context = createDtlsContext(CERTIFICATE_A);
const opened: { close(): unknown }[] = [];

beforeAll(() => {
  for (const [name, ...key] of [
    ['ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ['rsa', 'rsa:2048'],
  ] as const) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    const rest = ['-nodes', '-days', '2', '-subj', '/CN=peer', ...files];
    execFileSync('openssl', ['req', '-x509', '-newkey', ...key, ...rest], {
      cwd: folder,
      stdio: 'ignore',
    });
  }
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

afterAll(() => {
  context.free();
  rmSync(folder, { recursive: true });
});

const BOTH_PROFILES = 'SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80';
const certificate = (name: string): string[] => ['-cert', `${name}.crt`, '-key', `${name}.key`];
const srtp = (profiles: string, bytes: number): string[] => [
  '-use_srtp',
  profiles,
  '-keymatexport',
  'EXTRACTOR-dtls_srtp',
  '-keymatexportlen',
  `${bytes}`,
];

function openssl(...args: readonly string[]): Child {
  const child = new Child('openssl', args, { folder });
  opened.push({ close: () => child.kill() });
  return child;
}

function transport(role: 'active' | 'passive', peer: string): DtlsSocket {
  const socket = new DtlsSocket(context, role);
  opened.push(socket);
  const { fingerprint256 } = new X509Certificate(readFileSync(join(folder, `${peer}.crt`)));
  socket.end.transport.setRemoteFingerprints([parseFingerprint(`sha-256 ${fingerprint256}`)!]);
  return socket;
}

const client = (port: number, ...args: readonly string[]): Child =>
  openssl('s_client', '-connect', `127.0.0.1:${port}`, ...args);

/** A server, and its port. */
async function server(...args: readonly string[]): Promise<{ child: Child; port: number }> {
  const child = openssl('s_server', '-dtls1_2', '-accept', '127.0.0.1:0', ...args);
  const [, port] = await child.printed(/ACCEPT 127\.0\.0\.1:(\d+)/);
  return { child, port: Number(port) };
}

const KEYING_MATERIAL = /Keying material: ([\dA-F]+)/;

/** RFC 5764 s4.2: what the client writes with, then the server, key by key and salt by salt. */
function material({ end }: DtlsSocket, role: 'active' | 'passive'): string {
  const [keys] = end.keys;
  if (!keys) return '';
  const { local, remote } = keys;
  const parts =
    role === 'active'
      ? [local.key, remote.key, local.salt, remote.salt]
      : [remote.key, local.key, remote.salt, local.salt];
  return Buffer.concat(parts).toString('hex').toUpperCase();
}

const GCM = { offered: BOTH_PROFILES, profile: AEAD_AES_128_GCM, bytes: 56 };
const CM = {
  offered: 'SRTP_AES128_CM_SHA1_80',
  profile: AES_CM_128_HMAC_SHA1_80,
  bytes: 60,
};
/** The server chooses, and likes GCM better. */
const CM_FIRST = { ...GCM, offered: `${CM.offered}:SRTP_AEAD_AES_128_GCM` };

describe('openssl s_client', () => {
  it.each([GCM, CM_FIRST, CM])(
    'that offers $offered exports the same keys',
    async ({ offered, profile, bytes }) => {
      const passive = transport('passive', 'ec');
      const child = client(
        await passive.open(),
        '-dtls1_2',
        ...certificate('ec'),
        ...srtp(offered, bytes),
      );
      const [, exported] = await child.printed(KEYING_MATERIAL);
      await passive.until(({ settled }) => settled);
      expect(passive.end.keys).toMatchObject([{ profile }]);
      expect(material(passive, 'passive')).toBe(exported);
      child.write('Q\n');
      await passive.until(({ closed }) => closed.length > 0);
      expect(passive.end.closed).toEqual([{ reason: 'peer-closed', detail: '' }]);
    },
  );

  it('that has an RSA certificate and cuts its flights small is understood', async () => {
    const passive = transport('passive', 'rsa');
    const args = ['-dtls1_2', '-mtu', '400', ...certificate('rsa'), ...srtp(BOTH_PROFILES, 56)];
    const child = client(await passive.open(), ...args);
    const [, exported] = await child.printed(KEYING_MATERIAL);
    await passive.until(({ settled }) => settled);
    expect(material(passive, 'passive')).toBe(exported);
  });

  it('sees that we close', async () => {
    const passive = transport('passive', 'ec');
    const child = client(
      await passive.open(),
      '-dtls1_2',
      ...certificate('ec'),
      ...srtp(BOTH_PROFILES, 56),
    );
    await child.printed(KEYING_MATERIAL);
    await passive.until(({ settled }) => settled);
    passive.end.transport.close();
    expect(await child.exited).toBe(0);
    expect(child.output).toContain('closed');
  });

  it.each([
    [
      'no certificate',
      ['-dtls1_2', '-use_srtp', BOTH_PROFILES],
      'handshake-failed',
      'peer did not return a certificate',
    ],
    ['no SRTP', ['-dtls1_2', ...certificate('ec')], 'no-srtp-profile', ''],
    [
      'DTLS 1.0 alone',
      ['-dtls1', '-cipher', 'ALL:@SECLEVEL=0', ...certificate('ec'), '-use_srtp', BOTH_PROFILES],
      'handshake-failed',
      'unsupported protocol',
    ],
    [
      'no cipher of ours',
      [
        '-dtls1_2',
        '-cipher',
        'ECDHE-ECDSA-AES128-SHA',
        ...certificate('ec'),
        '-use_srtp',
        BOTH_PROFILES,
      ],
      'handshake-failed',
      'no shared cipher',
    ],
    [
      "another's certificate",
      ['-dtls1_2', ...certificate('rsa'), '-use_srtp', BOTH_PROFILES],
      'fingerprint-mismatch',
      '',
    ],
  ])('with %s is refused', async (_title, args, reason, detail) => {
    const passive = transport('passive', 'ec');
    const child = client(await passive.open(), ...args);
    await passive.until(({ settled }) => settled);
    expect(passive.end.keys).toEqual([]);
    expect(passive.end.closed).toEqual([{ reason, detail }]);
    await child.exited;
    expect(context.sessions).toBe(0);
  });
});

describe('openssl s_server', () => {
  it.each([GCM, CM])(
    'that speaks $offered exports the same keys',
    async ({ offered, profile, bytes }) => {
      const args = [...certificate('ec'), '-Verify', '1', ...srtp(offered, bytes)];
      const { child, port } = await server(...args);
      const active = transport('active', 'ec');
      await active.open(port);
      const [, exported] = await child.printed(KEYING_MATERIAL);
      await active.until(({ settled }) => settled);
      expect(active.end.keys).toMatchObject([{ profile }]);
      expect(material(active, 'active')).toBe(exported);
      expect(child.output).toContain('CN = Sterna');
    },
  );

  it.each([
    ['an RSA certificate', ['-mtu', '400', ...certificate('rsa')], 'rsa'],
    ['a cookie to return first (RFC 6347 s4.2.1)', ['-listen', ...certificate('ec')], 'ec'],
  ])('with %s is understood', async (_title, args, peer) => {
    const { child, port } = await server(...args, '-Verify', '1', ...srtp(BOTH_PROFILES, 56));
    const active = transport('active', peer);
    await active.open(port);
    const [, exported] = await child.printed(KEYING_MATERIAL);
    await active.until(({ settled }) => settled);
    expect(material(active, 'active')).toBe(exported);
  });

  it.each([
    ['no SRTP', certificate('ec'), 'no-srtp-profile'],
    [
      "another's certificate",
      [...certificate('rsa'), '-use_srtp', BOTH_PROFILES],
      'fingerprint-mismatch',
    ],
  ])('with %s is refused', async (_title, args, reason) => {
    const { port } = await server(...args);
    const active = transport('active', 'ec');
    await active.open(port);
    await active.until(({ settled }) => settled);
    expect(active.end.keys).toEqual([]);
    expect(active.end.closed).toEqual([{ reason, detail: '' }]);
    expect(context.sessions).toBe(0);
  });
});
