// The gateway with a certificate: HTTP/1.1, WebSockets and HTTP/2 on one port, and what nobody gets there.

import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Client } from '../../../gateway/forwarded.ts';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import type { TlsPair } from '../../../shared/config/tls-pair.ts';
import { pairOf, startGateway } from '../../support/gateway.ts';
import { NO_TURN_API } from '../../support/no-apis.ts';
import { makeTlsFiles } from '../../support/tls-files.ts';

let tls: TlsPair;
let gateway: Gateway | undefined;
let port = 0;

beforeAll(() => {
  tls = pairOf(makeTlsFiles('first'));
});

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function start(over: Partial<GatewayOptions> = {}): Promise<void> {
  ({ gateway, port } = await startGateway({ tls, ...over }));
}

/** A request over HTTP/1.1, with the certificate verified. */
function get(path: string, ca = tls.cert): Promise<{ status: number; hsts: unknown }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ host: 'localhost', port, path, ca, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          hsts: answer.headers['strict-transport-security'],
        }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

async function secure(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: tls.cert, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

describe('one port', () => {
  test('HTTP/1.1 is served, and says that it always is by TLS', async () => {
    await start();
    expect(await get('/healthz')).toEqual({ status: 200, hsts: 'max-age=15552000' });
  });

  test('without a certificate nothing of that is said', async () => {
    const plain = await startGateway();
    const answer = await fetch(`http://127.0.0.1:${plain.port}/healthz`);
    expect(answer.headers.get('strict-transport-security')).toBeNull();
    await plain.gateway.close();
  });

  test('HTTP/2 is served, and its authority is the Host', async () => {
    const hosts: string[] = [];
    await start({
      turn: {
        ...NO_TURN_API,
        mint: (_token, { ttl }, host) => {
          hosts.push(host);
          return { username: '', password: '', ttl, uris: [] };
        },
      },
    });
    const session = connectHttp2(`https://localhost:${port}`, { ca: tls.cert });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/turn/credentials',
      authorization: 'Bearer x',
      'content-type': 'application/json',
      ':authority': `localhost:${port}`,
      host: 'another.example',
    });
    stream.end('{}');
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(200);
    expect(hosts).toEqual([`localhost:${port}`]);
    session.destroy();
  });

  test('HTTP/2 has every value of a field', async () => {
    const iceServers = [{ urls: ['stun:a.example', 'stun:b.example'] }];
    await start({
      whip: {
        waitMs: () => 0,
        open: () => Promise.resolve({ id: 'x', sdp: 'v=0', etag: '"x"', iceServers }),
        find: () => Promise.reject(new Error('nobody asks')),
      },
    });
    const session = connectHttp2(`https://localhost:${port}`, { ca: tls.cert });
    const fields = { 'content-type': 'application/sdp', authorization: 'Bearer x' };
    const stream = session.request({ ':method': 'POST', ':path': '/v1/whip/room', ...fields });
    stream.end('v=0');
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(201);
    expect(headers['link']).toBe(
      '<stun:a.example>; rel="ice-server", <stun:b.example>; rel="ice-server"',
    );
    session.destroy();
  });

  test('a WebSocket is opened over HTTP/1.1, and its client is known to be secure', async () => {
    const clients: Client[] = [];
    const server = new WebSocketServer({ noServer: true });
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    await start({
      onUpgrade: (request, socket, head, client) => {
        clients.push(client);
        server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request));
      },
    });
    const socket = new WebSocket(`wss://localhost:${port}/v1/signal`, { ca: tls.cert });
    await once(socket, 'open');
    socket.send('hello');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('hello');
    expect(clients).toEqual([{ address: '127.0.0.1', host: `localhost:${port}`, isSecure: true }]);
    socket.terminate();
  });

  test('who names no protocol gets HTTP/1.1', async () => {
    await start();
    const socket = await secure();
    expect(socket.alpnProtocol).toBe(false);
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1.1 200 OK/);
    socket.destroy();
  });
});

describe('a handshake is refused', () => {
  test.each<[string, ConnectionOptions]>([
    ['for protocols that are not HTTP', { ALPNProtocols: ['stun.turn'] }],
    ['below TLS 1.2', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }],
  ])('%s', async (_name, options) => {
    await start();
    await expect(secure(options)).rejects.toThrow(/alert/);
    expect(await get('/healthz')).toMatchObject({ status: 200 });
  });

  test('where there is none, without an answer', async () => {
    await start();
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'close');
    expect(answer).not.toContain('HTTP');
  });
});

test('another certificate is shown to who comes, and who is there stays', async () => {
  await start();
  const before = await secure();
  const other = pairOf(makeTlsFiles('second'));
  gateway?.setCertificate(other);
  await expect(get('/healthz')).rejects.toThrow('self-signed certificate');
  expect(await get('/healthz', other.cert)).toMatchObject({ status: 200 });
  before.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  const [data] = (await once(before, 'data')) as [Buffer];
  expect(data.toString()).toMatch(/^HTTP\/1.1 200 OK/);
});

test('closing ends requests, HTTP/2 sessions and handshakes', async () => {
  await start();
  const silent = connectTcp(port, '127.0.0.1');
  const waiting = await secure();
  waiting.write('GET /healthz HTTP/1.1\r\n');
  const session = connectHttp2(`https://localhost:${port}`, { ca: tls.cert });
  await once(session, 'remoteSettings');
  const ends = [once(silent, 'close'), once(waiting, 'close'), once(session, 'close')];
  const goaway = once(session, 'goaway');
  for (const socket of [silent, waiting, session]) socket.on('error', () => undefined);
  await gateway?.close();
  await Promise.all(ends);
  expect((await goaway)[0]).toBe(0);
});
