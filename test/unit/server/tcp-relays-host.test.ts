// The sockets of TCP relays on their own: what is freed with a worker that dies, and what two sides that were joined
// become: a way for every byte, at no more than the limits on bandwidth.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { TcpRelaysHost } from '../../../server/media/tcp-relays-host.ts';
import { createLogger } from '../../../shared/log.ts';
import { systemClock } from '../../../shared/clock.ts';
import { Commons, TcpMeter, type TcpRelayCommand } from '../../../turn/index.ts';
import { freePorts } from '../../support/free-ports.ts';
import { until } from '../../support/stream-host.ts';
import { commonsMemory } from '../../support/turn/world.ts';

const LOCAL = '127.0.0.1';
const posted: [number, TcpRelayCommand][] = [];
const held = new Map<number, Socket>();
const open: (Socket | Server)[] = [];
const { bandwidth } = new Commons(commonsMemory({}, 1), 1);

const host = new TcpRelaysHost({
  log: createLogger({ level: 'silent', format: 'json' }),
  post: (worker, command) => posted.push([worker, command]),
  streams: {
    workerOf: () => 1,
    hold: (stream) => (held.has(stream) ? 1 : undefined),
    detach: (stream) => held.get(stream),
  },
  sockets: undefined,
  bandwidth,
});

afterEach(() => {
  host.close();
  for (const each of open.splice(0)) {
    if (each instanceof Socket) each.destroy();
    else each.close();
  }
  posted.length = 0;
  held.clear();
});

const relayOf = async (worker: number, relay: number): Promise<number> => {
  const port = await freePorts([LOCAL], 1);
  const count = posted.length;
  host.onEvent(worker, { type: 'tcp.listen', relay, at: { host: LOCAL, port } });
  await until(() => posted.length > count);
  expect(posted.at(-1)).toEqual([worker, { type: 'tcp.listening', relay, failure: undefined }]);
  return port;
};

const dial = async (port: number): Promise<Socket> => {
  const socket = connect(port, LOCAL);
  open.push(socket);
  await once(socket, 'connect');
  return socket;
};

test('a port that is taken is told as such', async () => {
  const port = await relayOf(0, 1);
  host.onEvent(1, { type: 'tcp.listen', relay: 1, at: { host: LOCAL, port } });
  await until(() => posted.length === 2);
  expect(posted[1]).toEqual([1, { type: 'tcp.listening', relay: 1, failure: 'in-use' }]);
});

test('a worker that dies takes its relays and their connections along, and no others', async () => {
  const [gone, stays] = [await relayOf(0, 1), await relayOf(1, 1)];
  const [first, second] = [await dial(gone), await dial(stays)];
  await until(() => host.stats().connections === 2);
  const closed = once(first.resume(), 'close');
  host.lost(0);
  await closed;
  expect(host.stats()).toEqual({ relays: 1, connections: 1 });
  expect(second.destroyed).toBe(false);
  const refused = connect(gone, LOCAL);
  const [error] = (await once(refused, 'error')) as NodeJS.ErrnoException[];
  expect(error?.code).toBe('ECONNREFUSED');
});

test('a connection is asked of the worker that has it, and of nobody where there is none', async () => {
  const port = await relayOf(0, 1);
  await dial(port);
  await until(() => posted.length === 2);
  const [, incoming] = posted[1]!;
  if (incoming.type !== 'tcp.incoming') throw new Error(incoming.type);
  const { connection } = incoming;
  const bind = { type: 'tcp.bind', stream: 7, connection, owner: 'user' } as const;
  host.onEvent(1, bind);
  host.onEvent(1, { ...bind, connection: connection + 2 });
  expect(posted.slice(2)).toEqual([
    [0, bind],
    [1, { type: 'tcp.bound', stream: 7, connection: undefined }],
  ]);
  // The stream is gone meanwhile: so is what it asked for.
  host.onEvent(0, { type: 'tcp.bound', stream: 7, connection, granted: true });
  expect(host.stats().connections).toBe(0);
});

interface Joined {
  readonly client: Socket;
  readonly peer: Socket;
  readonly meter: TcpMeter;
}

/** A peer and a client that are one, of an allocation with that limit. */
async function joined(perSecond: number, behind = new Uint8Array(0)): Promise<Joined> {
  const port = await relayOf(0, 1);
  const memory = TcpMeter.memory(perSecond, -1);
  host.onEvent(0, { type: 'tcp.own', relay: 1, meter: structuredClone(memory) });
  const peer = await dial(port);
  await until(() => posted.length === 2);
  const [, incoming] = posted[1]!;
  if (incoming.type !== 'tcp.incoming') throw new Error(incoming.type);
  const server = createServer({ pauseOnConnect: true }).listen(0, LOCAL);
  open.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(server, 'connection') as Promise<Socket[]>;
  const client = await dial(address.port);
  const [stream] = await accepted;
  held.set(7, stream!);
  const { connection } = incoming;
  host.onEvent(0, { type: 'tcp.bound', stream: 7, connection, granted: true });
  host.onEvent(1, { type: 'tcp.splice', stream: 7, connection, behind });
  return { client, peer, meter: new TcpMeter(memory, bandwidth) };
}

async function all(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('what both sides send arrives whole, and is counted by its direction', async () => {
  const { client, peer, meter } = await joined(0, Buffer.from('behind'));
  const [up, down] = [randomBytes(300_000), randomBytes(200_000)];
  client.end(up);
  peer.end(down);
  const [atPeer, atClient] = await Promise.all([all(peer), all(client)]);
  expect(atPeer.equals(Buffer.concat([Buffer.from('behind'), up]))).toBe(true);
  expect(atClient.equals(down)).toBe(true);
  expect([meter.sentBytes, meter.receivedBytes]).toEqual([300_006, 200_000]);
});

test('a limit holds both ways together, and costs time alone: the last byte comes before the end', async () => {
  const rate = 1_000_000;
  const { client, peer, meter } = await joined(rate);
  const [up, down] = [randomBytes(800_000), randomBytes(700_000)];
  const from = systemClock.monotonic();
  client.end(up);
  peer.end(down);
  const [atPeer, atClient] = await Promise.all([all(peer), all(client)]);
  expect(atPeer.equals(up)).toBe(true);
  expect(atClient.equals(down)).toBe(true);
  // A second's worth goes at once. Nothing slower than that is asked here: a limit is no promise.
  const seconds = (systemClock.monotonic() - from) / 1000;
  expect(meter.sentBytes + meter.receivedBytes).toBeLessThanOrEqual(rate * (1 + seconds));
  expect(seconds).toBeGreaterThan(0.49);
  await until(() => host.stats().connections === 0);
});

test('what waits for a limit is not read, and goes with its relay', async () => {
  const { client, peer, meter } = await joined(10_000);
  client.on('error', () => undefined);
  const piece = Buffer.alloc(64 * 1024);
  // Until nothing more is taken: the buffers of the kernel are full, and nobody reads them.
  while (client.write(piece) || (await drained(client)));
  expect(meter.sentBytes).toBeLessThan(200_000);
  host.onEvent(0, { type: 'tcp.unlisten', relay: 1 });
  peer.resume();
  await until(() => client.destroyed && peer.destroyed);
  expect(host.stats()).toEqual({ relays: 0, connections: 0 });
});

/** Whether that socket gets rid of what was written, in a while. */
function drained(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 200);
    socket.once('drain', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
