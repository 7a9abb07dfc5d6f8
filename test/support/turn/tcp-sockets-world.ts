// The TURN core on a real engine with real TCP clients and peers: both hosts of the main thread and the core in one
// thread, with what they tell each other one turn of the event loop later, in order.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TcpRelaysHost } from '../../../server/media/tcp-relays-host.ts';
import { TurnStreamsHost } from '../../../server/media/turn-streams-host.ts';
import { systemClock } from '../../../shared/clock.ts';
import { loadConfig } from '../../../shared/config/load.ts';
import { parseListenerUrl } from '../../../shared/config/network-values.ts';
import { createLogger } from '../../../shared/log.ts';
import { libc } from '../../../shared/native/libc.ts';
import { LinuxEngine } from '../../../shared/net/linux-engine.ts';
import { TcpSocketOpener } from '../../../shared/net/linux-tcp-socket.ts';
import { PortableEngine } from '../../../shared/net/portable-engine.ts';
import type { AddressFamily, TransportAddress } from '../../../shared/net/transport-address.ts';
import { Wake } from '../../../shared/net/wake.ts';
import { TurnServer, TurnStreams } from '../../../turn/index.ts';
import { pump } from '../net/pump.ts';
import type { TurnClient } from './client.ts';
import { Leftovers } from './leftovers.ts';
import { type TcpEndpoint, tcpEndpoint } from './tcp-endpoint.ts';
import type { Caller, TcpScene } from './tcp-scene.ts';
import { address, type Endpoint, RecordedEvents, turnOptions, type WorldOptions } from './world.ts';

/** Turns of the event loop without traffic after which nothing is on its way over loopback. */
const QUIET_TURNS = 3;

const now = (): number => systemClock.monotonic();

export class TcpSocketsWorld implements TcpScene {
  readonly server: TurnServer;
  readonly options: TcpScene['options'];
  readonly events = new RecordedEvents();
  readonly listener4: TransportAddress = address('127.0.0.1');
  readonly listener6: TransportAddress = address('::1');
  readonly engine: PortableEngine | LinuxEngine;
  readonly #stop: () => void;
  readonly #streams: TurnStreams;
  readonly #clients: TurnStreamsHost;
  readonly #relays: TcpRelaysHost;
  readonly #sockets: TcpSocketOpener | undefined;
  readonly #endpoints: TcpEndpoint[] = [];
  readonly #open: (Socket | Server)[] = [];
  readonly #leftovers: Leftovers;
  readonly #faults: unknown[] = [];
  #told = 0;

  private constructor(kind: 'portable' | 'linux', overrides: WorldOptions) {
    const onFault = (error: unknown): unknown => this.#faults.push(error);
    if (kind === 'portable') {
      this.engine = new PortableEngine({ now, onFault });
      this.#stop = () => undefined;
    } else {
      const wake = new Wake();
      const engine = new LinuxEngine({ now, onFault }, wake.fd);
      this.engine = engine;
      this.#stop = pump(engine, wake);
      this.#sockets = new TcpSocketOpener(libc());
    }
    const later = (what: () => void): void => {
      this.#told++;
      setImmediate(what);
    };
    this.options = turnOptions({
      tcpRelays: (event) => later(() => this.#relays.onEvent(0, event)),
      ...overrides,
    });
    this.#leftovers = new Leftovers(this.options);
    this.server = new TurnServer(this.options, this.engine, this.events);
    this.#streams = new TurnStreams({
      server: this.server,
      engine: this.engine,
      channelNumberMax: this.options.channelNumberMax,
      emit: (event) => later(() => this.#clients.onEvent(event)),
      splice: (event) => later(() => this.#relays.onEvent(0, event)),
    });
    const log = createLogger({ level: 'silent', format: 'json' });
    const listeners = 'tcp://127.0.0.1:0,tcp://[::1]:0';
    const flags = [{ flag: '--set turn.listeners', key: 'turn.listeners', value: listeners }];
    const environment = { STERNA_KEYS: `k=${'s'.repeat(32)}`, STERNA_TURN_SECRETS: 's'.repeat(32) };
    this.#clients = new TurnStreamsHost({
      log,
      settings: loadConfig({ environment, flags }).turn,
      workers: () => [0],
      post: (_worker, command) => later(() => this.#streams.onCommand(command, now())),
    });
    this.#relays = new TcpRelaysHost({
      log,
      streams: this.#clients,
      sockets: this.#sockets,
      bandwidth: this.options.commons.bandwidth,
      post: (_worker, command) => later(() => this.server.tcp?.onCommand(command, now())),
    });
  }

  static async open(kind: 'portable' | 'linux', overrides: WorldOptions): Promise<TcpSocketsWorld> {
    const world = new TcpSocketsWorld(kind, overrides);
    const [four, six] = await world.#clients.listen(undefined);
    world.listener4.port = parseListenerUrl(four!).port;
    world.listener6.port = parseListenerUrl(six!).port;
    return world;
  }

  get canSetDontFragment(): boolean {
    return this.engine.canSetDontFragment;
  }

  get counters(): TcpScene['counters'] {
    return this.engine.counters;
  }

  async endpoint(family: AddressFamily = 4): Promise<Endpoint> {
    const server = family === 4 ? this.listener4 : this.listener6;
    const endpoint = await tcpEndpoint(server, () => this.settle());
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async peerAt(): Promise<TransportAddress> {
    const server = createServer((socket) => {
      this.#open.push(socket);
      socket.on('error', () => undefined);
    });
    this.#open.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = server.address();
    if (at === null || typeof at === 'string') throw new Error('no port');
    return address('127.0.0.1', at.port);
  }

  async nowhere(): Promise<TransportAddress> {
    const at = await this.peerAt();
    const server = this.#open.pop() as Server;
    server.close();
    await once(server, 'close');
    return at;
  }

  async dial({ host, port }: TransportAddress): Promise<Caller> {
    const socket = connect({ host, port });
    this.#open.push(socket);
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.resume();
    return { address: address('127.0.0.1', socket.localPort), closed: () => closed };
  }

  async listensAt({ host, port }: TransportAddress): Promise<boolean> {
    await this.settle();
    const socket = connect({ host, port });
    this.#open.push(socket);
    return new Promise((resolve) => {
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
    });
  }

  async leave({ endpoint }: TurnClient): Promise<void> {
    this.#endpoints.find((one) => one === endpoint)?.socket.destroy();
    await this.settle();
  }

  async settle(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS;) {
      const arrived = this.#endpoints.reduce((sum, endpoint) => sum + endpoint.received, 0);
      const all = this.#told + arrived + this.counters.received + this.counters.sent;
      quiet = all === before ? quiet + 1 : 0;
      before = all;
      // oxlint-disable-next-line eslint/no-await-in-loop -- each turn of the loop reads what came
      await sleep(2);
    }
  }

  async close(): Promise<void> {
    this.server.close();
    this.#streams.close();
    await this.settle();
    for (const { socket } of this.#endpoints) socket.destroy();
    for (const one of this.#open) {
      if ('destroy' in one) one.destroy();
      else one.close();
    }
    const left = this.#relays.stats();
    this.#relays.close();
    await this.#clients.close();
    await this.settle();
    const { sockets } = this.counters;
    this.#stop();
    this.#sockets?.free();
    if (sockets !== 0) throw new Error(`${sockets} sockets are left after close`);
    if (left.relays + left.connections !== 0) throw new Error(`left: ${JSON.stringify(left)}`);
    if (this.#faults.length > 0) throw this.#faults[0];
    this.#leftovers.check();
  }
}
