// The gateway's listening socket: what the kernel knows of it and of its connections, and who else may have the port.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import { listenOptions } from '../../../gateway/listen-options.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import { Arena } from '../../../shared/native/arena.ts';
import { libc } from '../../../shared/native/libc.ts';
import { SOL_TCP, TCP_FASTOPEN, TCP_NODELAY } from '../../../shared/native/socket-constants.ts';
import { openListeningSocket } from '../../../shared/net/listening-socket.ts';
import { TransportAddress } from '../../../shared/net/transport-address.ts';
import { pairOf, startGateway } from '../../support/gateway.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

const gateways: Gateway[] = [];

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});

async function start(
  over: Partial<GatewayOptions> = {},
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<number> {
  const { gateway, port } = await startGateway(over, at);
  gateways.push(gateway);
  return port;
}

/** getsockopt(2) of an int. */
function option(fd: number, level: number, name: number): number | undefined {
  const arena = new Arena(64);
  arena.u32[1] = 4;
  const found = libc().getsockopt(fd, level, name, arena.base, arena.at(4)) === 0;
  const value = arena.u32[0];
  arena.free();
  return found ? value : undefined;
}

/** Node tells it nowhere else. */
const fdOf = (socket: Duplex): number =>
  Reflect.get(Reflect.get(socket, '_handle') as object, 'fd') as number;

test.each([false, true])('connections have TCP_NODELAY, over TLS: %s', async (overTls) => {
  const files = overTls ? pairOf(makeTlsFiles()) : undefined;
  const seen: unknown[] = [];
  const port = await start({
    tls: files,
    onUpgrade: (_request, socket) => {
      seen.push(option(fdOf(socket), SOL_TCP, TCP_NODELAY));
      socket.destroy();
    },
  });
  const client = files
    ? connectTls({ port, host: '127.0.0.1', ca: files.cert })
    : connect(port, '127.0.0.1');
  client.write(
    'GET /v1/signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  await once(client, 'close');
  expect(seen).toEqual([1]);
});

test('the listening socket takes data with a SYN', () => {
  const { fd } = openListeningSocket(TransportAddress.parse('127.0.0.1', 0)!, { reusePort: false });
  expect(option(fd, SOL_TCP, TCP_FASTOPEN)).toBe(128);
  libc().close(fd);
});

test(':: takes IPv4, too', async () => {
  const server = createServer((request, response) => response.end(request.socket.remoteAddress));
  server.listen(await listenOptions({ host: '::', port: 0, reusePort: false }, silentLogger));
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.text()).toBe('::ffff:127.0.0.1');
  server.closeAllConnections();
  server.close();
});

describe('a port', () => {
  test('is refused where somebody has it, with the code of the system', async () => {
    const port = await start();
    const inUse = { code: 'EADDRINUSE' };
    await expect(start({}, { port })).rejects.toMatchObject(inUse);
    await expect(start({ reusePort: true }, { port })).rejects.toMatchObject(inUse);
    const notOurs = { code: 'EADDRNOTAVAIL' };
    await expect(start({}, { host: '192.0.2.1' })).rejects.toMatchObject(notOurs);
  });

  test('is shared among those who say so, and the kernel deals connections out', async () => {
    const port = await start({ reusePort: true, version: 'first' });
    await start({ reusePort: true, version: 'second' }, { port });
    const seen = new Set<string>();
    // That one of two gets none of 64 happens never (2^-63).
    for (let n = 0; n < 64 && seen.size < 2; n++) {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
        headers: { connection: 'close' },
      });
      seen.add(((await answer.json()) as { version: string }).version);
    }
    expect([...seen].toSorted()).toEqual(['first', 'second']);
  });
});

test('without a socket of libc it is node that listens, and the log says why', async () => {
  const lines: unknown[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'json',
    write: (line) => lines.push(JSON.parse(line)),
  });
  const endpoint = { host: 'localhost', port: 7880 };
  expect(await listenOptions({ ...endpoint, reusePort: false }, log)).toEqual(endpoint);
  expect(await listenOptions({ ...endpoint, reusePort: true }, log)).toEqual({
    ...endpoint,
    reusePort: true,
  });
  const event = { event: 'http.plain-listener', reason: 'localhost is no IP address' };
  expect(lines).toMatchObject([
    { level: 'info', ...event },
    { level: 'warn', ...event },
  ]);
});
