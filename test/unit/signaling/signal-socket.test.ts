import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { refusal } from '../../../signaling/refusal.ts';
import { SignalSocket } from '../../../signaling/signal-socket.ts';

const MAX = 100_000;
/** More than the kernel takes off our hands for a reader that stands still. */
const LARGE = 'x'.repeat(24_000_000);

let server: WebSocketServer;
let client: WebSocket;
let ws: WebSocket;
let socket: SignalSocket;

function connected(): Promise<WebSocket> {
  return new Promise((resolve) => server.once('connection', (accepted) => resolve(accepted)));
}

beforeEach(async () => {
  const options = { port: 0, host: '127.0.0.1', closeTimeout: 20 };
  server = new WebSocketServer(options);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  client = new WebSocket(`ws://127.0.0.1:${port}`);
  [ws] = await Promise.all([connected(), once(client, 'open')]);
  socket = new SignalSocket(ws, MAX);
});

afterEach(async () => {
  client.terminate();
  ws.terminate();
  server.close();
  await once(server, 'close');
});

test('sends text frames, whether from a string or from bytes', async () => {
  const heard: [string, boolean][] = [];
  client.on('message', (data: Buffer, isBinary) => heard.push([data.toString(), isBinary]));
  socket.send('é');
  socket.send(Buffer.from('é'));
  await expect
    .poll(() => heard)
    .toEqual([
      ['é', false],
      ['é', false],
    ]);
});

test('bye is the last message, and the close has its code', async () => {
  const heard: string[] = [];
  client.on('message', (data: Buffer) => heard.push(data.toString()));
  socket.bye(refusal('ROOM_ENDED', 'over'));
  socket.bye(refusal('INTERNAL', 'again'));
  socket.send('late');
  socket.closeAfterLeave();
  const closed = await new Promise((resolve) => {
    client.once('close', (code, reason) => resolve([code, reason.toString()]));
  });
  expect(closed).toEqual([4410, 'ROOM_ENDED']);
  expect(heard).toHaveLength(1);
  expect(heard[0]).toContain('"type":"bye","code":4410');
  expect([socket.open, socket.closedFor]).toEqual([false, 'ROOM_ENDED']);
});

test('a reader that lets more than the bound pile up is cut off', () => {
  client.pause();
  socket.send(LARGE);
  expect(ws.bufferedAmount).toBeGreaterThan(MAX);
  expect(socket.open).toBe(true);
  socket.send('next');
  expect([socket.open, socket.closedFor]).toEqual([false, 'SLOW_CONSUMER']);
});

test('what can be missed is sent to an idle reader, and dropped for a slow one without cutting it', async () => {
  const heard: string[] = [];
  client.on('message', (data: Buffer) => heard.push(data.toString().slice(0, 9)));
  socket.sendIfIdle('speakers1');
  await expect.poll(() => heard).toEqual(['speakers1']);
  client.pause();
  socket.sendLarge(LARGE);
  const { bufferedAmount } = ws;
  socket.sendIfIdle('speakers2');
  expect(ws.bufferedAmount).toBe(bufferedAmount);
  expect(socket.open).toBe(true);
  client.resume();
  await expect.poll(() => ws.bufferedAmount, { timeout: 10_000 }).toBe(0);
  socket.send('last');
  await expect.poll(() => heard.at(-1)).toBe('last');
  expect(heard).toEqual(['speakers1', LARGE.slice(0, 9), 'last']);
});

test('a large message is not held against its reader, what comes on top of it is', () => {
  client.pause();
  socket.sendLarge(LARGE);
  socket.send('next');
  expect(socket.open).toBe(true);
  socket.send(LARGE);
  socket.send('next');
  expect(socket.closedFor).toBe('SLOW_CONSUMER');
});

test('when a large message is through, the bound is the old one again', async () => {
  socket.sendLarge(LARGE);
  await expect.poll(() => ws.bufferedAmount, { timeout: 10_000 }).toBe(0);
  socket.send('small');
  client.pause();
  socket.send(LARGE);
  socket.send('next');
  expect(socket.closedFor).toBe('SLOW_CONSUMER');
});

test('a peer that never finishes the closing handshake is destroyed', async () => {
  client.pause();
  socket.send(LARGE);
  socket.bye(refusal('SLOW_CONSUMER', 'too slow'));
  await once(ws, 'close');
  expect(ws.readyState).toBe(WebSocket.CLOSED);
});
