// Clients that hold what they have without going on: each step over TLS has its time, HTTP/2 as HTTP/1.1.

import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpsServer, type HttpsServer } from '../../../gateway/https-server.ts';
import { pairOf } from '../../support/gateway.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

const FAR = 60_000;
const NEVER = { handshake: FAR, headers: FAR, request: FAR, idle: FAR, check: 20 };
const certificate = pairOf(makeTlsFiles());

let https: HttpsServer;
let port = 0;
let clients: Socket[] = [];

async function start(times: Partial<typeof NEVER>): Promise<void> {
  https = createHttpsServer(
    (request, response) => request.resume().once('end', () => response.end()),
    {
      certificate,
      onCalmed: () => undefined,
      times: { ...NEVER, ...times },
    },
  );
  https.server.listen(0, '127.0.0.1');
  await once(https.server, 'listening');
  ({ port } = https.server.address() as AddressInfo);
}

beforeEach(() => {
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  https.server.close();
  await https.closeSessions();
});

async function secure(...ALPNProtocols: string[]): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', ca: certificate.cert, ALPNProtocols });
  clients.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

function silent(): Socket {
  const socket = connectTcp(port, '127.0.0.1');
  clients.push(socket);
  socket.on('error', () => undefined);
  return socket;
}

test('a handshake', async () => {
  await start({ handshake: 30 });
  const socket = silent();
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('a header', async () => {
  await start({ headers: 30 });
  const socket = await secure();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
});

test('a body', async () => {
  await start({ request: 30, headers: 30 });
  const socket = await secure();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
});

test('a header of HTTP/2', async () => {
  await start({ idle: 30 });
  const socket = await secure('h2');
  socket.resume();
  // A preface, SETTINGS, and HEADERS without END_HEADERS.
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82]));
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('a body of HTTP/2', async () => {
  await start({ request: 30, headers: 30 });
  const session = connectHttp2(`https://localhost:${port}`, { ca: certificate.cert });
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.write('ab');
  await once(stream, 'close');
  expect(stream.rstCode).toBe(8);
  session.destroy();
});

test('connections have a bound, whose handshakes are not done included', async () => {
  await start({});
  https.server.maxConnections = 2;
  const two = [silent(), silent()];
  await Promise.all(two.map((socket) => once(socket, 'connect')));
  await once(silent(), 'close');
  two[0]?.destroy();
  await expect
    .poll(() =>
      secure().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});
