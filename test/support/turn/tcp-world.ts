// The TURN core with clients behind TCP and a fake of the thread that has the sockets of TCP relays (RFC 6062): peers
// are where the test says, and everything that the core asks for is recorded.

import type { TransportAddress } from '../../../shared/net/transport-address.ts';
import type { TcpRelayEvent } from '../../../turn/tcp-control.ts';
import { type AttributeSource, u32, u8 } from './message.ts';
import { peer, TurnClient } from './client.ts';
import type { ReceivedMessage } from './received.ts';
import { StreamWorld } from './stream-world.ts';
import type { WorldOptions } from './world.ts';

export const CONNECT = 0x000a;
export const CONNECTION_BIND = 0x000b;
export const TCP: AttributeSource = u8(0x0019, 6);
export const connectionId = (id: number): AttributeSource => u32(0x002a, id);

export class TcpWorld extends StreamWorld {
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

  constructor(overrides: WorldOptions = {}) {
    const asked: TcpRelayEvent[] = [];
    super({ tcpRelays: (event) => asked.push(event), ...overrides });
    this.#asked = asked;
  }

  /** A client with its nonce, at an address of its own. */
  client(username?: string, password?: string): Promise<TurnClient> {
    const as = username === undefined || password === undefined ? {} : { username, password };
    return TurnClient.of(this, as);
  }

  /** A client with a TCP allocation. */
  async allocated(): Promise<{ client: TurnClient; relayed: TransportAddress }> {
    const client = await this.client();
    const response = await client.request(0x0003, TCP);
    if (response.messageClass !== 'success') throw new Error(`Allocate: ${response.outcome}`);
    return { client, relayed: response.address(0x0016) };
  }

  /** Connects, and returns the CONNECTION-ID. */
  async connected(client: TurnClient, to: TransportAddress): Promise<number> {
    const response = await client.request(CONNECT, peer(to));
    if (response.messageClass !== 'success') throw new Error(`Connect: ${response.outcome}`);
    return response.u32(0x002a);
  }

  /** Binds by a new connection of that user. */
  async bound(id: number, username?: string, password?: string): Promise<ReceivedMessage> {
    const client = await this.client(username, password);
    return client.request(CONNECTION_BIND, connectionId(id));
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
