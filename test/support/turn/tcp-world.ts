// The TURN core with clients behind TCP and a fake of the thread that has the sockets of TCP relays (RFC 6062): peers
// are where the test says, and everything that the core asks for is recorded.

import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { TcpRelayEvent } from '../../../turn/tcp-control.ts';
import type { TurnClient } from './client.ts';
import { StreamWorld } from './stream-world.ts';
import type { Caller, TcpScene } from './tcp-scene.ts';
import { address, type WorldOptions } from './world.ts';

const CALLER_PORT = 5555;
const FIRST_PEER_PORT = 4000;

export class TcpWorld extends StreamWorld implements TcpScene {
  /** What peers do that are connected to. */
  peers: 'answer' | 'refuse' | 'are silent' = 'answer';
  /** Why that many listeners cannot be opened. */
  failing: ('in-use' | 'unavailable')[] = [];
  readonly listens: Extract<TcpRelayEvent, { type: 'tcp.listen' }>[] = [];
  /** What counts and limits the bytes of relays that have an allocation. */
  readonly owns: Extract<TcpRelayEvent, { type: 'tcp.own' }>[] = [];
  readonly connects: Extract<TcpRelayEvent, { type: 'tcp.connect' }>[] = [];
  readonly closed: number[] = [];
  readonly unlistened: number[] = [];
  readonly #asked: TcpRelayEvent[];
  readonly #alive = new Set<number>();
  #nextIncoming = 1;
  #nextPeerPort = FIRST_PEER_PORT;

  constructor(overrides: WorldOptions = {}) {
    const asked: TcpRelayEvent[] = [];
    super({ tcpRelays: (event) => asked.push(event), ...overrides });
    this.#asked = asked;
  }

  peerAt(): Promise<TransportAddress> {
    return Promise.resolve(address('127.0.0.1', this.#nextPeerPort++));
  }

  nowhere(): Promise<TransportAddress> {
    this.peers = 'refuse';
    return this.peerAt();
  }

  dial({ port }: TransportAddress): Promise<Caller> {
    if (this.listens.at(-1)?.at.port !== port) throw new Error('not the relay opened last');
    const at = address('127.0.0.1', CALLER_PORT);
    const id = this.incoming(at);
    const closed = (): Promise<void> =>
      this.closed.includes(id) ? Promise.resolve() : Promise.reject(new Error('not closed'));
    return Promise.resolve({ address: at, closed });
  }

  listensAt({ port }: TransportAddress): Promise<boolean> {
    this.run();
    const listening = this.listens.filter(({ relay }) => !this.unlistened.includes(relay));
    return Promise.resolve(listening.some(({ at }) => at.port === port));
  }

  leave({ endpoint, server }: TurnClient): Promise<void> {
    this.hangUp(endpoint.address, server);
    this.run();
    return Promise.resolve();
  }

  /** A peer connects to the relay that was opened last. */
  incoming({ host, port }: TransportAddress): number {
    this.run();
    const connection = this.#nextIncoming;
    this.#nextIncoming += 2;
    this.#alive.add(connection);
    const { relay } = this.listens.at(-1)!;
    const { now } = this.engine;
    this.server.tcp?.onCommand(
      { type: 'tcp.incoming', relay, connection, peer: { host, port } },
      now,
    );
    this.run();
    return connection;
  }

  /** The peer of a connection hangs up. */
  gone(connection: number): void {
    this.#alive.delete(connection);
    this.server.tcp?.onCommand({ type: 'tcp.closed', connection }, this.engine.now);
    this.run();
  }

  override run(): void {
    super.run();
    while (this.#asked.length > 0) {
      for (const event of this.#asked.splice(0)) this.#answer(event);
      super.run();
    }
  }

  #answer(event: TcpRelayEvent): void {
    const { tcp } = this.server;
    const { now } = this.engine;
    if (event.type === 'tcp.listen') {
      this.listens.push(event);
      const failure = this.failing.shift();
      tcp?.onCommand({ type: 'tcp.listening', relay: event.relay, failure }, now);
    } else if (event.type === 'tcp.own') this.owns.push(event);
    else if (event.type === 'tcp.unlisten') this.unlistened.push(event.relay);
    else if (event.type === 'tcp.close') {
      this.#alive.delete(event.connection);
      this.closed.push(event.connection);
    } else if (event.type === 'tcp.connect') {
      const { connection } = event;
      this.connects.push(event);
      if (this.peers === 'are silent') return;
      const type = this.peers === 'answer' ? 'tcp.connected' : 'tcp.closed';
      if (type === 'tcp.connected') this.#alive.add(connection);
      tcp?.onCommand({ type, connection }, now);
    } else if (event.type === 'tcp.bind') {
      if (this.#alive.has(event.connection)) tcp?.onCommand(event, now);
      else tcp?.onCommand({ ...event, type: 'tcp.bound', connection: undefined }, now);
    } else if (event.type === 'tcp.bound') {
      const connection = event.granted ? event.connection : undefined;
      tcp?.onCommand({ type: 'tcp.bound', stream: event.stream, connection }, now);
    }
  }
}
