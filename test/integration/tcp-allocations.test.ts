// TCP allocations (RFC 6062) of the whole program, over real sockets: every byte arrives once and in order however slow
// a reader is and whatever limits there are, is counted, and each end reaches the other side.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../signaling/index.ts';
import { API_KEY, Sterna } from '../support/e2e/sterna.ts';
import { metrics } from '../support/fault/server-state.ts';
import { makeTlsFiles } from '../support/tls-files.ts';
import { type Place, TurnConnection } from '../support/turn/tcp-client.ts';

const SIZE = 10 * 1024 * 1024;
const SLOW_STEP = 512 * 1024;
const ENGINES: readonly ('linux' | 'portable')[] =
  process.platform === 'linux' ? ['linux', 'portable'] : ['portable'];

const { cert, key } = makeTlsFiles();
const servers = new Map<string, Sterna>();
const open: { destroy(): unknown }[] = [];
let listening: Server[] = [];

const start = (engine: string, bandwidth: Record<string, number> = {}): Promise<Sterna> =>
  Sterna.start({
    config: {
      engine,
      // More than one worker: connections of one client are dealt out to them.
      workers: engine === 'linux' ? 2 : 0,
      sfu: { enabled: false },
      turn: {
        listeners: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0'],
        tls: { cert, key },
        users: { user: 'pass', other: 'word' },
        relay: { addresses: ['127.0.0.1'] },
        peers: { allow: ['127.0.0.0/8'] },
        limits: { unauthorizedPerSecond: 0, allocationsPerSecond: 0, bandwidth },
      },
    },
  });

beforeAll(async () => {
  await Promise.all(ENGINES.map(async (engine) => servers.set(engine, await start(engine))));
});

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
});

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
  for (const server of listening.splice(0)) server.close();
});

const client = async (engine: string, ...as: [string, string] | []): Promise<TurnConnection> => {
  const connection = await TurnConnection.open(servers.get(engine)!.listener(4, 'tcp'), ...as);
  open.push(connection.socket);
  return connection;
};

const tlsClient = async (engine: string): Promise<TurnConnection> => {
  const connection = await TurnConnection.openTls(servers.get(engine)!.listener(4, 'tls'));
  open.push(connection.socket);
  return connection;
};

/** A peer that is connected to: where, and its first connection. */
async function peerServer(): Promise<{ at: Place; accepted: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  listening.push(server);
  server.listen(0, '127.0.0.1');
  const accepted = once(server, 'connection').then(([socket]: Socket[]) => {
    open.push(socket!);
    socket!.on('error', () => undefined);
    return socket!;
  });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { at: { host: '127.0.0.1', port: address.port }, accepted };
}

interface Joined {
  readonly control: TurnConnection;
  readonly data: Socket;
  readonly peer: Socket;
  readonly relayed: Place;
}

/** A client and a peer that are joined by Connect; its connection for data is over TCP or TLS. */
async function joined(
  engine: string,
  behind?: Uint8Array,
  over: (engine: string) => Promise<TurnConnection> = client,
): Promise<Joined> {
  const control = await client(engine);
  const relayed = await control.allocate();
  const { at, accepted } = await peerServer();
  const answer = await control.connectTo(at);
  const peer = await accepted;
  const data = await over(engine);
  const bound = await data.bind(answer.u32(0x002a), behind);
  expect(bound.outcome).toBe('success');
  return { control, data: data.socket, peer, relayed };
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** All that comes until the end, half a megabyte at a time where the reader is slow. The other way stays open. */
function readAll(socket: Socket, slow: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let sincePause = 0;
    socket.on('data', (piece) => {
      pieces.push(piece);
      sincePause += piece.length;
      if (!slow || sincePause < SLOW_STEP) return;
      sincePause = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 10);
    });
    socket.on('end', () => resolve(Buffer.concat(pieces)));
    socket.on('error', reject);
    socket.resume();
  });
}

describe.each(ENGINES)('TCP allocations, %s engine', (engine) => {
  test.each([
    ['the client reads slowly', true, false],
    ['the peer reads slowly', false, true],
  ])('10 MB each way arrive whole: %s', async (_name, slowClient, slowPeer) => {
    const first = randomBytes(5000);
    const { control, data, peer } = await joined(engine, first);
    const [up, down] = [randomBytes(SIZE), randomBytes(SIZE)];
    data.end(up);
    peer.end(down);
    const [atPeer, atClient] = await Promise.all([
      readAll(peer, slowPeer),
      readAll(data, slowClient),
    ]);
    expect(atPeer.length).toBe(first.length + SIZE);
    expect(digest(atPeer)).toBe(digest(Buffer.concat([first, up])));
    expect(digest(atClient)).toBe(digest(down));
    const sterna = servers.get(engine)!;
    const { name, secret } = API_KEY;
    const grants = { roomAdmin: true };
    const token = mintToken({ key: name, secret, identity: 'ops', grants, ttlSeconds: 60 });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${sterna.url}/v1/turn/allocations`, { headers });
    const { allocations } = (await answer.json()) as { allocations: Record<string, unknown>[] };
    const from = control.socket.localPort;
    expect(allocations.filter(({ client: at }) => at === `127.0.0.1:${from}`)).toMatchObject([
      { transport: 'tcp', sentBytes: first.length + SIZE, receivedBytes: SIZE },
    ]);
    const read = await metrics(sterna);
    const relayed = read('sterna_turn_relayed_bytes_total', 'transport', 'tcp');
    expect(relayed).toBeGreaterThanOrEqual(first.length + 2 * SIZE);
  });

  test('a peer that connects is announced, and what it said before the bind is delivered', async () => {
    const control = await client(engine);
    const relayed = await control.allocate();
    const refused = connect(relayed.port, '127.0.0.1').on('error', () => undefined);
    await once(refused.resume(), 'close');
    await control.permit('127.0.0.1');
    const peer = connect(relayed.port, '127.0.0.1');
    open.push(peer);
    peer.write('early');
    const attempt = await control.next();
    expect([attempt.method, attempt.messageClass]).toEqual([0x00c, 'indication']);
    expect(attempt.address(0x0012).port).toBe(peer.localPort);
    const [stranger, data] = [await client(engine, 'other', 'word'), await client(engine)];
    expect((await stranger.bind(attempt.u32(0x002a))).code).toBe(400);
    expect((await data.bind(attempt.u32(0x002a))).outcome).toBe('success');
    const [said] = (await once(data.socket.resume(), 'data')) as Buffer[];
    expect(String(said)).toBe('early');
    const again = await client(engine);
    expect((await again.bind(attempt.u32(0x002a))).code).toBe(400);
  });

  test('whoever closes first, the other side ends', async () => {
    const one = await joined(engine);
    one.peer.end('bye');
    expect(String(await readAll(one.data, false))).toBe('bye');
    one.data.end('too');
    expect(String(await readAll(one.peer, false))).toBe('too');

    const two = await joined(engine);
    two.data.destroy();
    expect(await readAll(two.peer, false)).toHaveLength(0);

    const three = await joined(engine);
    three.control.socket.destroy();
    const ends = [three.peer, three.data].map((socket) => readAll(socket, false));
    expect(await Promise.all(ends)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    const late = connect(three.relayed.port, '127.0.0.1');
    const [error] = (await once(late, 'error')) as NodeJS.ErrnoException[];
    expect(error?.code).toBe('ECONNREFUSED');
  });

  test('a connection comes from the relayed transport address, and a second to the same peer is refused', async () => {
    const { control, peer, relayed } = await joined(engine);
    const at = { host: '127.0.0.1', port: peer.localPort! };
    expect(peer.remoteAddress).toBe('127.0.0.1');
    expect(peer.remotePort === relayed.port).toBe(engine === 'linux');
    expect((await control.connectTo(at)).code).toBe(446);
  });

  test('nobody there is 447, and what the server has besides TURN is 403', async () => {
    const control = await client(engine);
    await control.allocate();
    const { at } = await peerServer();
    await new Promise((resolve) => listening.pop()!.close(resolve));
    expect((await control.connectTo(at)).code).toBe(447);
    const { port } = servers.get(engine)!.listener(4, 'tcp');
    expect((await control.connectTo({ host: '127.0.0.1', port })).code).toBe(403);
  });
});

test('limits of users and of all hold over workers, and cost time alone', async () => {
  const [perUser, total] = [200_000, 300_000];
  const sterna = await start('auto', { perUser, total });
  servers.set('limited', sterna);
  const started = performance.now();
  const sent = await Promise.all(
    [client, tlsClient].map(async (over) => {
      const { data, peer } = await joined('limited', undefined, over);
      const bytes = randomBytes(250_000);
      data.end(bytes);
      expect(digest(await readAll(peer, false))).toBe(digest(bytes));
      return bytes.length;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  // Both are of one user. A second's worth goes at once.
  expect(sent[0]! + sent[1]!).toBeLessThanOrEqual(perUser * (1 + seconds));
});
