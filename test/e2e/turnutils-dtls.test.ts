// Independent clients of TURN over DTLS, on both engines: coturn's turnutils_uclient, which loses nothing, and OpenSSL's
// s_client, with both kinds of keys and while the certificate changes.

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/e2e/child.ts';
import { EchoPeer, lossless, uclient } from '../support/e2e/coturn.ts';
import { type Endpoint, Sterna } from '../support/e2e/sterna.ts';
import { makeTlsFiles, type TlsFiles } from '../support/tls-files.ts';

const MESSAGES = 10;
const CLIENTS = 2;
const SIZE = ['-n', `${MESSAGES}`, '-m', `${CLIENTS}`];
const USER = ['-u', 'user', '-w', 'pass'];

const ENGINES: readonly ('linux' | 'portable')[] =
  process.platform === 'linux' ? ['linux', 'portable'] : ['portable'];

let peer: EchoPeer;
const servers = new Map<string, Sterna>();
let ec: TlsFiles;
let rsa: TlsFiles;

function start(engine: string, { cert, key }: TlsFiles): Promise<Sterna> {
  return Sterna.start({
    config: {
      engine,
      workers: engine === 'linux' ? 2 : 0,
      turn: {
        listeners: ['dtls://127.0.0.1:0', 'udp://127.0.0.1:0', 'dtls://[::1]:0'],
        tls: { cert, key },
        users: { user: 'pass' },
        peers: { allow: ['127.0.0.0/8', '::1/128'] },
        legacyChannels: true,
        // All clients come from one address.
        limits: { unauthorizedPerSecond: 0 },
      },
    },
  });
}

beforeAll(async () => {
  ec = makeTlsFiles();
  rsa = makeTlsFiles();
  const subject = ['-days', '30', '-subj', '/CN=rsa', '-keyout', rsa.key, '-out', rsa.cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], {
    stdio: 'ignore',
  });
  peer = await EchoPeer.start();
  await Promise.all(
    ENGINES.map(async (engine) => {
      servers.set(engine, await start(engine, engine === 'linux' ? ec : rsa));
    }),
  );
});

afterAll(async () => {
  await peer?.stop();
  await Promise.all([...servers.values()].map((server) => server.stop()));
});

/** A handshake and its end; what s_client says of it. */
async function handshake({ host, port }: Endpoint, ...more: string[]): Promise<string> {
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const child = new Child('openssl', ['s_client', '-dtls1_2', '-connect', at, ...more]);
  await child.printed(/Verify return code/);
  child.write('Q\n');
  await child.exited;
  return child.output;
}

test.each(ENGINES)('listeners are told in the order of the configuration, %s', (engine) => {
  const { listeners } = servers.get(engine)!.events('server.ready')[0]!;
  expect(listeners).toMatchObject([
    expect.stringMatching(/^dtls:\/\/127\.0\.0\.1:[1-9]/),
    expect.stringMatching(/^udp:\/\/127\.0\.0\.1:[1-9]/),
    expect.stringMatching(/^dtls:\/\/\[::1\]:[1-9]/),
  ]);
});

describe.concurrent('turnutils_uclient -S loses nothing', () => {
  test.each<[string, (typeof ENGINES)[number], 4 | 6, string[]]>([
    ['channels', 'linux', 4, []],
    ['channels of an IPv6 client', 'linux', 6, []],
    ['Send and Data', 'linux', 4, ['-s']],
    ['channels with payloads of 1,300 bytes', 'portable', 4, ['-l', '1300']],
  ])('%s, %s engine', async (_name, engine, family, flags) => {
    const server = servers.get(engine);
    if (server === undefined) return;
    const args = ['-S', ...flags, '-X', '-c', ...USER, ...SIZE];
    const to = ['-e', '127.0.0.1', '-r', `${peer.port}`];
    const run = await uclient(server.listener(family, 'dtls'), [...args, ...to]);
    expect(run).toMatchObject(lossless(MESSAGES * CLIENTS));
  });
});

describe.concurrent('openssl s_client', () => {
  test.each([
    ['linux', '-ECDSA'],
    ['portable', '-RSA'],
  ] as const)('%s engine, %s key', async (engine, kind) => {
    const server = servers.get(engine);
    if (server === undefined) return;
    const said = await handshake(server.listener(4, 'dtls'));
    expect(said).toMatch(new RegExp(`Cipher is ECDHE${kind}-AES128-GCM-SHA256`));
    expect(said).toMatch(/Protocol {2}: DTLSv1\.2/);
    expect(await handshake(server.listener(6, 'dtls'), '-mtu', '300')).toMatch(/Cipher is ECDHE/);
  });

  test('a new certificate is shown to new clients, and those that are there go on', async () => {
    const files = makeTlsFiles('first');
    const server = await start('auto', files);
    try {
      const { host, port } = server.listener(4, 'dtls');
      const child = new Child('openssl', ['s_client', '-dtls1_2', '-connect', `${host}:${port}`]);
      await child.printed(/Verify return code/);
      const { cert, key } = makeTlsFiles('second');
      copyFileSync(cert, join(files.folder, 'cert.pem'));
      copyFileSync(key, join(files.folder, 'key.pem'));
      process.kill(server.pid, 'SIGHUP');
      await server.waitForEvents('turn.tls-reloaded');
      expect(await handshake({ host, port })).toMatch(/CN ?= ?second/);
      child.write('Q\n');
      expect(await child.exited).toBe(0);
      expect(child.output).toMatch(/CN ?= ?first/);
    } finally {
      await server.stop();
    }
  });
});
