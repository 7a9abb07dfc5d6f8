// A media worker dies that has clients over TCP and TLS, and a TCP allocation with connections to peers (RFC 6062): all
// of these are closed, nothing is left of them, and another worker serves new ones.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Sterna } from '../support/e2e/sterna.ts';
import { held } from '../support/fault/held.ts';
import { INSPECT, Inspector } from '../support/fault/inspector.ts';
import { killWorker } from '../support/fault/kill-worker.ts';
import { metrics, openDescriptors } from '../support/fault/server-state.ts';
import { makeTlsFiles } from '../support/tls-files.ts';
import { TurnConnection } from '../support/turn/tcp-client.ts';

const LOCAL = '127.0.0.1';

/** A client of each kind; `ends` are all sockets of theirs and of their peers. */
interface Clients {
  readonly ends: readonly Socket[];
  readonly relayedPort: number;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, LOCAL);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Joins them, and has a few bytes go there and back. */
async function joined(sterna: Sterna, connection: number, peer: Socket): Promise<Socket> {
  const data = await TurnConnection.open(sterna.listener(4, 'tcp'));
  expect((await data.bind(connection)).outcome).toBe('success');
  data.socket.write('there');
  expect(String(((await once(peer, 'data')) as Buffer[])[0])).toBe('there');
  peer.write('back');
  expect(String(((await once(data.socket.resume(), 'data')) as Buffer[])[0])).toBe('back');
  return data.socket;
}

async function come(sterna: Sterna): Promise<Clients> {
  const overTcp = await TurnConnection.open(sterna.listener(4, 'tcp'));
  const overTls = await TurnConnection.openTls(sterna.listener(4, 'tls'));
  const control = await TurnConnection.open(sterna.listener(4, 'tcp'));
  await Promise.all([overTcp.allocate(17), overTls.allocate(17)]);
  const { port: relayedPort } = await control.allocate();

  const server = createServer();
  const port = await listening(server);
  const accepted = once(server, 'connection') as Promise<Socket[]>;
  const made = (await control.connectTo({ host: LOCAL, port })).u32(0x002a);
  const [peer] = await accepted;
  server.close();
  await control.permit(LOCAL);
  const caller = connect(relayedPort, LOCAL);
  const attempt = (await control.next()).u32(0x002a);
  const datas = [await joined(sterna, made, peer!), await joined(sterna, attempt, caller)];
  const ends = [overTcp, overTls, control].map(({ socket }) => socket);
  return { ends: [...ends, peer!, caller, ...datas], relayedPort };
}

it.each(['linux', 'portable'] as const)('%s engine', async (engine) => {
  const { cert, key } = makeTlsFiles();
  const sterna = await Sterna.start({
    config: {
      engine,
      workers: engine === 'linux' ? 1 : 0,
      sfu: { enabled: false },
      turn: {
        listeners: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0'],
        tls: { cert, key },
        users: { user: 'pass' },
        relay: { addresses: [LOCAL] },
        peers: { allow: ['127.0.0.0/8'] },
        limits: { unauthorizedPerSecond: 0, allocationsPerSecond: 0 },
      },
    },
    nodeFlags: [...INSPECT],
  });
  onTestFinished(() => sterna.kill());
  const counts = async (): Promise<number[]> => {
    const read = await metrics(sterna);
    return [
      read('sterna_turn_allocations', 'transport', 'tcp'),
      read('sterna_turn_allocations', 'transport', 'tls'),
      read('sterna_turn_users'),
      // Connections for data are no worker's.
      read('sterna_turn_streams'),
    ];
  };
  expect(await counts()).toEqual([0, 0, 0, 0]);
  const before = openDescriptors(sterna);
  const first = await come(sterna);
  expect(await counts()).toEqual([2, 1, 1, 3]);

  const closed = first.ends.map((socket) => endOf(socket));
  const inspector = await Inspector.attach(sterna);
  await killWorker(inspector, 'exit');
  const [exited] = await sterna.waitForEvents('media.exited');
  inspector.close();
  expect(exited).toMatchObject({ worker: 0 });
  await Promise.all(closed);
  const late = connect(first.relayedPort, LOCAL);
  const [refused] = (await once(late, 'error')) as NodeJS.ErrnoException[];
  expect(refused?.code).toBe('ECONNREFUSED');

  const up = async (): Promise<number> => (await metrics(sterna))('sterna_media_up');
  await expect.poll(up, { timeout: 15_000 }).toBe(1);
  expect((await metrics(sterna))('sterna_media_worker_restarts_total')).toBe(1);
  expect(await counts()).toEqual([0, 0, 0, 0]);
  await expect.poll(() => openDescriptors(sterna)).toBeLessThanOrEqual(before);

  const second = await come(sterna);
  expect(await counts()).toEqual([2, 1, 1, 3]);
  for (const socket of second.ends) socket.destroy();
  await expect.poll(counts).toEqual([0, 0, 0, 0]);
  held(`all ${first.ends.length} sockets closed with the worker; as many came to the next`);
});

/** The other side's. */
async function endOf(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.once('end', resolve);
    socket.once('close', () => resolve());
    socket.resume();
  });
  socket.destroy();
}
