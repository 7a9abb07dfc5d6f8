// Several nodes that share a Redis, each behind a proxy of its own that a test cuts; and clients as the SDK has them,
// which come back to the next node when the one they spoke to lets them down, as a load balancer would have it.

/* oxlint-disable eslint/no-await-in-loop -- one after the other */

import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { mintToken } from '../../signaling/index.ts';
import type { MintOptions } from '../../signaling/index.ts';
import { API_KEY, Sterna } from './e2e/sterna.ts';
import { RedisServer } from './redis-server.ts';
import { SignalClient } from './signal-client.ts';

/** What nodes complain of when they, or others, are cut off. */
export const CUT_OFF = [
  'redis.down',
  'cluster.lease.lost',
  'cluster.room.lost',
  'cluster.room.not_described',
  'cluster.node.lost',
  'cluster.not_left',
  'cluster.not_revoked',
  'cluster.revocations.not_loaded',
];

const POLL_MS = 50;
const TOGETHER_WITHIN_MS = 20_000;
const HEARD_WITHIN_MS = 2000;

/** A way to Redis that can be cut: nothing is refused then, and nothing gets through. */
class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (inner) => wire.#join(inner, connect(port, '127.0.0.1')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `redis://127.0.0.1:${port}`;
  }

  cut(): void {
    this.#isCut = true;
  }

  mend(): void {
    this.#isCut = false;
    // What was lost does not come back.
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(inner: Socket, outer: Socket): void {
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => this.#isCut || to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

export class Node {
  readonly sterna: Sterna;
  readonly wire: Wire;

  constructor(sterna: Sterna, wire: Wire) {
    this.sterna = sterna;
    this.wire = wire;
  }
}

interface ClientOptions {
  /** Those that it knows; all when left out. */
  nodes?: readonly number[];
  token?: string;
}

export class Nodes {
  readonly redis: RedisServer;
  readonly all: Node[] = [];
  readonly #killed = new Set<Node>();
  readonly #clients: SignalClient[] = [];
  readonly #config: Readonly<Record<string, unknown>>;
  #witnesses = 0;

  private constructor(redis: RedisServer, config: Readonly<Record<string, unknown>>) {
    this.redis = redis;
    this.#config = config;
  }

  static async start(count: number, config: Readonly<Record<string, unknown>>): Promise<Nodes> {
    const nodes = new Nodes(await RedisServer.start(), config);
    const all = await Promise.all(Array.from({ length: count }, () => nodes.#open()));
    nodes.all.push(...all);
    return nodes;
  }

  get urls(): string[] {
    return this.all.map(({ sterna }) => sterna.url);
  }

  /** In the place of one that is dead. */
  async replace(index: number): Promise<void> {
    this.all[index]?.wire.close();
    this.all[index] = await this.#open();
  }

  async kill(index: number): Promise<void> {
    this.#killed.add(this.all[index]!);
    await this.all[index]!.sterna.kill();
  }

  /** For all rooms where none is named. */
  token(room: string | undefined, identity: string, grants: MintOptions['grants'] = {}): string {
    return mintToken({
      key: API_KEY.name,
      secret: API_KEY.secret,
      identity,
      grants: { ...(room === undefined ? {} : { room, roomJoin: true }), ...grants },
      ttlSeconds: 600,
    });
  }

  /** Joins at the node `at`, and comes back to it or, each time it is let down, to the next one of `nodes`. */
  client(room: string, identity: string, at: number, options: ClientOptions = {}): SignalClient {
    const { nodes = this.all.map((_, i) => i) } = options;
    const token = options.token ?? this.token(room, identity);
    const ways = [at, ...nodes.filter((i) => i !== at)];
    let attempt = 0;
    const client = new SignalClient('http://127.0.0.1', () => token, {
      openSocket: (_url, protocol) => {
        const index = ways[attempt++ % ways.length] ?? at;
        const url = (this.urls[index] ?? '').replace('http', 'ws');
        return new WebSocket(`${url}/v1/signal`, protocol);
      },
    });
    this.#clients.push(client);
    return client;
  }

  /**
   * Waits until whoever joins the room at any node sees exactly these, each once and present, and all of them hear of
   * it and are heard.
   */
  async together(room: string, clients: Readonly<Record<string, SignalClient>>): Promise<void> {
    const until = Date.now() + TOGETHER_WITHIN_MS;
    const expected = Object.keys(clients).toSorted();
    let seen: unknown;
    for (let at = 0; Date.now() < until; at++) {
      const witness = this.client(room, `witness ${++this.#witnesses}`, at % this.all.length);
      await Promise.race([witness.joined(), sleep(5000)]);
      const people = witness.joins.at(-1)?.message.participants ?? [];
      seen = people
        .map(({ identity, state }) => `${identity} ${state}`)
        // One whose `leave` was lost with the way that it took.
        .filter((one) => !/^witness \d+ away$/.test(one))
        .toSorted();
      const isComplete = String(seen) === String(expected.map((identity) => `${identity} active`));
      if (isComplete && (await this.#speaks(witness, clients))) {
        witness.connection.close('seen');
        return;
      }
      witness.connection.close('not yet');
      await sleep(POLL_MS);
    }
    const logs = this.all.map(({ sterna }) => sterna.output.slice(-3000)).join('\n---\n');
    throw new Error(`${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}\n${logs}`);
  }

  /** Everybody says something that the witness hears, and hears what it says. */
  async #speaks(
    witness: SignalClient,
    clients: Readonly<Record<string, SignalClient>>,
  ): Promise<boolean> {
    const word = `word ${this.#witnesses}`;
    const all = Object.entries(clients);
    const says = [
      witness.say(word),
      ...all.map(([identity, client]) => client.say(`${word} ${identity}`)),
    ];
    const said = Promise.all(says).then(
      () => true,
      () => false,
    );
    const until = Date.now() + HEARD_WITHIN_MS;
    if (!(await Promise.race([said, sleep(HEARD_WITHIN_MS, false)]))) return false;
    const isHeard = (): boolean =>
      all.every(
        ([identity, client]) =>
          client.data.includes(word) && witness.data.includes(`${word} ${identity}`),
      );
    while (!isHeard() && Date.now() < until) await sleep(POLL_MS);
    return isHeard();
  }

  closeClients(): void {
    for (const client of this.#clients.splice(0)) client.connection.close('done');
  }

  async stop(expected: readonly string[]): Promise<void> {
    this.closeClients();
    const living = this.all.filter((node) => !this.#killed.has(node));
    await Promise.all(living.map(({ sterna }) => sterna.stop('SIGTERM', expected)));
    for (const { wire } of this.all) wire.close();
    await this.redis.kill();
  }

  async #open(): Promise<Node> {
    const wire = await Wire.to(this.redis.port);
    const redis = { url: wire.url, lease: 1 };
    const sterna = await Sterna.start({ config: { ...this.#config, redis } });
    return new Node(sterna, wire);
  }
}
