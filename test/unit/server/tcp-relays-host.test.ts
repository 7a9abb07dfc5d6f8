// The sockets of TCP relays on their own: what is freed with a worker that dies, and what two sides that were joined
// become.

import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { TcpRelaysHost } from '../../../server/media/tcp-relays-host.ts';
import { createLogger } from '../../../shared/log.ts';
import type { TcpRelayCommand } from '../../../turn/index.ts';
import { until } from '../../support/stream-host.ts';

const LOCAL = '127.0.0.1';
const posted: [number, TcpRelayCommand][] = [];
const held = new Map<number, Socket>();
const open: (Socket | Server)[] = [];

const host = new TcpRelaysHost({
  log: createLogger({ level: 'silent', format: 'json' }),
  post: (worker, command) => posted.push([worker, command]),
  streams: {
    workerOf: () => 1,
    hold: (stream) => (held.has(stream) ? 1 : undefined),
    detach: (stream) => held.get(stream),
  },
  sockets: undefined,
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

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, LOCAL);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

const relayOf = async (worker: number, relay: number): Promise<number> => {
  const port = await freePort();
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
