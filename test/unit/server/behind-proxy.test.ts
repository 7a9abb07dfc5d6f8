// Clients behind a proxy, from the gateway to what counts by address: signaling's caps and WHIP's, and /metrics, which is
// for nobody behind one.

import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Gateway, GatewayOptions } from '../../../gateway/http-server.ts';
import type { WhipApi } from '../../../gateway/routes/whip.ts';
import { silentLogger } from '../../../shared/log.ts';
import { SignalingServer } from '../../../signaling/index.ts';
import { startGateway } from '../../support/gateway.ts';
import { call } from '../../support/http-call.ts';

const PROXY = ['127.0.0.1/32'];

let gateway: Gateway | undefined;
let signaling: SignalingServer | undefined;
let port = 0;

afterEach(async () => {
  await signaling?.close();
  await gateway?.close();
});

async function start(over: Partial<GatewayOptions>): Promise<void> {
  ({ gateway, port } = await startGateway(over));
}

async function startSignaling(trustedProxies: string[]): Promise<void> {
  const server = new SignalingServer({
    keys: { key: 'a secret of at least 32 characters' },
    node: 'n',
    version: '1',
    origins: [],
    iceServers: () => ({ servers: [], expiresAt: 0 }),
    log: silentLogger,
    limits: { maxConnectionsPerAddress: { unauthenticated: 1, total: 1 } },
  });
  signaling = server;
  await start({
    trustedProxies,
    onUpgrade: (request, socket, head, client) =>
      server.handleUpgrade(request, socket, head, client),
  });
}

/** `open`, or the status that refuses it. */
function upgrade(headers: Record<string, string>): Promise<'open' | number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/signal`, 'sterna.v1', { headers });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve('open'));
    socket.once('unexpected-response', (_request, response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.once('error', reject);
  });
}

test('each client has the connections of its own address', async () => {
  await startSignaling(PROXY);
  expect(await upgrade({ 'x-forwarded-for': '192.0.2.1' })).toBe('open');
  expect(await upgrade({ 'x-forwarded-for': '192.0.2.2' })).toBe('open');
  expect(await upgrade({ forwarded: 'for=192.0.2.3' })).toBe('open');
  // What it put there itself does not make it another one.
  expect(await upgrade({ 'x-forwarded-for': '198.51.100.1, 192.0.2.1' })).toBe(429);
});

test('who is no trusted proxy cannot make up addresses', async () => {
  await startSignaling(['10.0.0.0/8']);
  expect(await upgrade({ 'x-forwarded-for': '192.0.2.1' })).toBe('open');
  expect(await upgrade({ 'x-forwarded-for': '192.0.2.2' })).toBe(429);
  expect(await upgrade({ forwarded: 'for=192.0.2.3' })).toBe(429);
});

test('the page that may connect is that of the name and scheme that the client came by', async () => {
  await startSignaling(PROXY);
  const forwarded = 'for=192.0.2.1;host=meet.example;proto=https';
  expect(await upgrade({ forwarded, origin: 'http://meet.example' })).toBe(403);
  expect(await upgrade({ forwarded, origin: 'https://evil.example' })).toBe(403);
  expect(await upgrade({ forwarded, origin: 'https://meet.example' })).toBe('open');
});

test('WHIP counts the client, and tells it by which host it came', async () => {
  const seen: string[] = [];
  const api: WhipApi = {
    waitMs: (address) => {
      seen.push(address);
      return 0;
    },
    open: ({ host }) => {
      seen.push(host);
      return Promise.resolve({ id: 'x', sdp: '', etag: '"x"', iceServers: [] });
    },
    find: () => Promise.reject(new Error('nobody asks')),
  };
  await start({ trustedProxies: PROXY, whip: api });
  const headers = {
    'content-type': 'application/sdp',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-host': 'meet.example',
  };
  expect((await call(port, 'POST', '/v1/whip/room', headers, 'v=0')).status).toBe(201);
  expect(seen).toEqual(['192.0.2.1', 'meet.example']);
});

async function ask(headers: Record<string, string>): Promise<number> {
  const { status } = await call(port, 'GET', '/metrics', { host: 'localhost', ...headers });
  return status;
}

test('/metrics is for nobody behind a proxy, trusted or not', async () => {
  const readers = ['127.0.0.0/8', '192.0.2.0/24'];
  await start({
    trustedProxies: PROXY,
    metrics: { readers, contentType: 'text/plain', scrape: () => Promise.resolve('numbers') },
  });
  expect(await ask({})).toBe(200);
  expect(await ask({ 'x-forwarded-for': '192.0.2.1' })).toBe(403);
  expect(await ask({ forwarded: 'for=192.0.2.1' })).toBe(403);
});
