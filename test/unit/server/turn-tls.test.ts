// TURN over TLS on real sockets (RFC 8656 s3.1, RFC 7443): who is served, and certificates that change while clients
// are there.

import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TlsFiles as Served } from '../../../server/tls-files.ts';
import { createLogger, type Logger } from '../../../shared/log.ts';
import { StreamHost, until } from '../../support/stream-host.ts';
import { makeTlsFiles, type TlsFiles } from '../../support/tls-files.ts';

let files: TlsFiles;
let others: TlsFiles;
let streams: StreamHost;

beforeAll(() => {
  files = makeTlsFiles('first');
  others = makeTlsFiles('second');
});

afterEach(() => streams?.stop());

const start = (proxies: string[] = []): Promise<StreamHost> =>
  StreamHost.start({ listeners: ['tls://127.0.0.1:0'], tls: files, proxies });

describe('a client', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s is served', async (version) => {
    streams = await start();
    const socket = await streams.secure({ minVersion: version, maxVersion: version });
    socket.write('hello');
    await until(() => streams.bytesOf(1).length === 5);
    expect(streams.ofType('turn.open')).toMatchObject([
      {
        transport: 'tls',
        local: { host: '127.0.0.1', port: socket.remotePort },
        remote: { host: '127.0.0.1', port: socket.localPort },
      },
    ]);
    const heard = once(socket, 'data');
    streams.host.onEvent({ type: 'turn.bytes', stream: 1, bytes: Uint8Array.of(1, 2) });
    expect(await heard).toEqual([Buffer.of(1, 2)]);
    socket.destroy();
    await until(() => streams.ofType('turn.close').length === 1);
    expect(streams.host.stats()).toEqual({ connections: 0, refused: 0 });
  });

  test('with TLS 1.1 is not', async () => {
    streams = await start();
    const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(streams.secure(options as object)).rejects.toThrow(/alert protocol version/);
    await until(() => streams.host.stats().connections === 0);
  });

  test.each([
    [['stun.turn'], 'stun.turn'],
    [['http/1.1', 'stun.nat-discovery'], 'stun.nat-discovery'],
    [undefined, false],
  ])('RFC 7443 s3: that offers %j is served', async (ALPNProtocols, chosen) => {
    streams = await start();
    const socket = await streams.secure(ALPNProtocols === undefined ? {} : { ALPNProtocols });
    expect(socket.alpnProtocol).toBe(chosen);
  });

  test('RFC 7301 s3.2: that offers other protocols alone is refused', async () => {
    streams = await start();
    await expect(streams.secure({ ALPNProtocols: ['h2', 'http/1.1'] })).rejects.toThrow(
      /no application protocol/,
    );
    await until(() => streams.host.stats().connections === 0);
    expect(streams.posted).toEqual([]);
  });

  test('that speaks no TLS is closed, and no worker hears of it', async () => {
    streams = await start();
    const socket = await streams.connect();
    const closed = once(socket.resume(), 'close');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    await until(() => streams.host.stats().connections === 0);
    expect(streams.posted).toEqual([]);
  });

  test('behind a proxy has its header before the handshake', async () => {
    streams = await start(['127.0.0.1/32']);
    const raw = await streams.connect();
    raw.write('PROXY TCP6 2001:db8::7 2001:db8::9 12345 5349\r\n');
    const socket = await streams.secure({}, raw);
    socket.write('hello');
    await until(() => streams.bytesOf(1).length === 5);
    const remote = { host: '2001:db8::7', port: 12_345 };
    expect(streams.ofType('turn.open')).toMatchObject([{ transport: 'tls', remote }]);
  });
});

/** Of the certificate that it shows. */
async function nameOf(host: StreamHost): Promise<string> {
  const socket = await host.secure({ maxVersion: 'TLSv1.2' });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

const loggerOf = (lines: Record<string, unknown>[]): Logger =>
  createLogger({
    level: 'info',
    format: 'json',
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });

describe('the certificate', () => {
  let folder: string;
  let served: TlsFiles;
  let lines: Record<string, unknown>[];
  let watched: Served;

  beforeAll(() => {
    served = makeTlsFiles('third');
    folder = served.folder;
  });

  afterAll(() => watched?.close());

  test('is read again when it is asked to be, and sessions go on', async () => {
    streams = await StreamHost.start({ listeners: ['tls://127.0.0.1:0'], tls: served });
    const session = await streams.secure();
    session.write('before');
    await until(() => streams.bytesOf(1).length === 6);
    expect(await nameOf(streams)).toBe('third');
    copyFileSync(others.cert, served.cert);
    await streams.reload();
    // The key is still that of the old one.
    expect(await nameOf(streams)).toBe('third');
    expect(streams.lines).toMatchObject([
      {
        level: 'error',
        event: 'turn.tls-refused',
        problem: `turn.tls.key: expected the private key of the certificate in turn.tls.cert, got ${served.key}`,
      },
    ]);
    copyFileSync(others.key, served.key);
    await streams.reload();
    expect(await nameOf(streams)).toBe('second');
    expect(streams.lines.at(-1)).toMatchObject({ event: 'turn.tls-reloaded' });
    session.write('after');
    await until(() => streams.bytesOf(1).length === 11);
  });

  test('is read again when the files have changed, and each bad pair is told once', async () => {
    lines = [];
    watched = await Served.open({
      log: loggerOf(lines),
      group: 'turn',
      cert: served.cert,
      key: served.key,
      pollMs: 5,
    });
    writeFileSync(served.key, 'no key at all');
    await until(() => lines.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines).toMatchObject([{ event: 'turn.tls-refused' }]);
    // As certificate tools do it: both at once, by renaming.
    for (const name of ['cert', 'key'] as const) {
      copyFileSync(files[name], join(folder, 'new'));
      renameSync(join(folder, 'new'), served[name]);
    }
    await until(() => lines.length > 1);
    expect(lines.at(-1)).toMatchObject({ level: 'info', event: 'turn.tls-reloaded' });
    watched.close();
  });

  test('is taken over by all who show it, and told once; or by nobody', async () => {
    lines = [];
    const taken: string[] = [];
    let refuses = true;
    watched = await Served.open({
      log: loggerOf(lines),
      group: 'turn',
      cert: served.cert,
      key: served.key,
    });
    watched.tell(() => () => taken.push('TLS'));
    watched.tell(() => {
      if (refuses && taken.length > 1) throw new Error('not this one');
      return () => taken.push('DTLS');
    });
    copyFileSync(others.cert, served.cert);
    copyFileSync(others.key, served.key);
    await watched.reload();
    refuses = false;
    await watched.reload();
    watched.close();
    expect(taken).toEqual(['TLS', 'DTLS', 'TLS', 'DTLS']);
    expect(lines).toMatchObject([
      { event: 'turn.tls-refused', problem: 'not this one' },
      { event: 'turn.tls-reloaded' },
    ]);
  });
});
