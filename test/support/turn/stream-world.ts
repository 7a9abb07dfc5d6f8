// The TURN core on the fake engine with clients behind TCP: what an endpoint sends to a listener goes over a
// connection, cut at random places, and what the server sends comes out of one. Peers are reached by UDP, as ever.
// Frames are put together and taken apart here by hand: nothing uses the framing under test.

import {
  type AddressFamily,
  type TransportAddress,
} from '../../../shared/net/transport-address.ts';
import { TurnStreams } from '../../../turn/index.ts';
import type { TurnStreamCommand, TurnStreamEvent } from '../../../turn/stream-control.ts';
import { CoreWorld } from './core-world.ts';
import { Chance } from './fuzz.ts';
import type { Endpoint, WorldOptions } from './world.ts';

const SEED = 8656;
/** What a client may have in the padding of ChannelData: nobody may read it. */
const PADDING = 0xee;

/** One TCP connection of an endpoint, as the endpoint has it. */
interface Connection {
  readonly stream: number;
  readonly client: TransportAddress;
  readonly server: TransportAddress;
  /** Sent, and not handed to the server yet. */
  sending: Buffer;
  /** Come, and no whole message yet. */
  coming: Buffer;
  /** Handed to the server, and not reported back. */
  unhandled: number;
  ended: boolean;
}

export class StreamWorld extends CoreWorld {
  readonly streams: TurnStreams;
  /** What the server said about each connection, in order. */
  readonly said: TurnStreamEvent[] = [];
  /** Whether clients read what they are sent. */
  reads = true;
  /** Where clients connect to, with the transport. */
  readonly #listening = new Map<string, 'tcp' | 'tls'>();
  readonly #chance = new Chance(SEED);
  /** By client and server. */
  readonly #connections = new Map<string, Connection>();
  readonly #byNumber = new Map<number, Connection>();
  #drained: TurnStreamCommand[] = [];

  constructor(overrides: WorldOptions = {}) {
    super(overrides);
    this.streams = new TurnStreams({
      server: this.server,
      engine: this.engine,
      channelNumberMax: this.options.channelNumberMax,
      emit: (event) => this.#heard(event),
    });
    for (const listener of [this.listener4, this.listener6]) this.listenAt(listener, 'tcp');
  }

  /** Has clients that send to that address connect to it. */
  listenAt(local: TransportAddress, transport: 'tcp' | 'tls'): void {
    this.#listening.set(local.toString(), transport);
  }

  override endpoint(family: AddressFamily = 4): Promise<Endpoint> {
    return Promise.resolve(this.endpointAt(family === 4 ? '127.0.0.1' : '::1'));
  }

  override endpointAt(host: string, port?: number): Endpoint {
    const plain = super.endpointAt(host, port);
    return {
      address: plain.address,
      send: (bytes, to) => {
        const transport = this.#listening.get(to.toString());
        if (transport === undefined) plain.send(bytes, to);
        else this.write(plain.address, to, framed(bytes));
      },
      receive: () => {
        this.run();
        return plain.receive();
      },
      rest: () => {
        this.run();
        return plain.rest();
      },
    };
  }

  /** Bytes as they are, whole messages or not. */
  write(client: TransportAddress, server: TransportAddress, bytes: Uint8Array): void {
    const connection = this.#connection(client, server);
    connection.sending = Buffer.concat([connection.sending, bytes]);
  }

  /** The number of the connection that there is, or that is made for it. */
  streamOf(client: TransportAddress, server: TransportAddress): number {
    return this.#connection(client, server).stream;
  }

  /** The connection ends, from the client's side. */
  hangUp(client: TransportAddress, server: TransportAddress): void {
    this.run();
    const connection = this.#connection(client, server);
    this.#forget(connection);
    this.streams.onCommand({ type: 'turn.close', stream: connection.stream }, this.engine.now);
  }

  /** Hands over what was sent, in pieces, until nothing is on its way. */
  run(): void {
    do {
      for (const connection of this.#connections.values()) this.#deliver(connection);
      this.engine.run();
      for (const command of this.reads ? this.#drained.splice(0) : []) {
        this.streams.onCommand(command, this.engine.now);
      }
    } while ([...this.#connections.values()].some(({ sending }) => sending.length > 0));
  }

  override sweep(): void {
    this.run();
    super.sweep();
    this.run();
  }

  override settle(): Promise<void> {
    this.run();
    return super.settle();
  }

  override async close(): Promise<void> {
    this.run();
    const open = [...this.#connections.values()].filter(({ ended }) => !ended);
    if (open.some(({ unhandled }) => unhandled !== 0)) throw new Error('bytes not reported back');
    this.server.close();
    this.streams.close();
    if (this.streams.size !== 0) throw new Error(`${this.streams.size} connections are left`);
    if (!open.every(({ ended }) => ended)) throw new Error('a connection was not ended');
    await super.close();
  }

  #connection(client: TransportAddress, server: TransportAddress): Connection {
    const key = `${client.toString()} ${server.toString()}`;
    const known = this.#connections.get(key);
    if (known?.ended === false) return known;
    const stream = this.#byNumber.size + 1;
    const [local, remote] = [server, client].map(({ host, port }) => ({ host, port }));
    const connection = {
      stream,
      client,
      server: server.copy(),
      sending: Buffer.alloc(0),
      coming: Buffer.alloc(0),
      unhandled: 0,
      ended: false,
    };
    this.#connections.set(key, connection);
    this.#byNumber.set(stream, connection);
    this.streams.onCommand(
      {
        type: 'turn.open',
        stream,
        transport: this.#listening.get(server.toString()) ?? 'tcp',
        local: local!,
        remote: remote!,
      },
      this.engine.now,
    );
    return connection;
  }

  #forget(connection: Connection): void {
    connection.ended = true;
    this.#connections.delete(`${connection.client.toString()} ${connection.server.toString()}`);
  }

  #deliver(connection: Connection): void {
    const { stream } = connection;
    for (let bytes = connection.sending; bytes.length > 0;) {
      connection.sending = Buffer.alloc(0);
      const most = this.#chance.pick([1, 4, 20, 100, 2000]);
      const end = Math.min(bytes.length, 1 + this.#chance.below(most));
      const piece = Uint8Array.from(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
      connection.unhandled += end;
      this.streams.onCommand({ type: 'turn.bytes', stream, bytes: piece }, this.engine.now);
      // As memory that somebody else writes to.
      piece.fill(PADDING);
      if (this.#chance.below(4) === 0) this.engine.run();
    }
  }

  #heard(event: TurnStreamEvent): void {
    this.said.push(event);
    const connection = this.#byNumber.get(event.stream);
    if (connection === undefined) throw new Error(`no connection ${event.stream}`);
    if (event.type === 'turn.taken') connection.unhandled -= event.bytes;
    else if (event.type === 'turn.end') connection.ended = true;
    else this.#came(connection, event.bytes);
  }

  #came(connection: Connection, bytes: Uint8Array): void {
    const { stream, client, server } = connection;
    if (connection.ended) throw new Error('bytes after the end');
    this.#drained.push({ type: 'turn.drained', stream, bytes: bytes.length });
    connection.coming = Buffer.concat([connection.coming, bytes]);
    for (;;) {
      const message = firstMessage(connection.coming);
      if (message === undefined) return;
      connection.coming = connection.coming.subarray((message.length + 3) & ~3);
      this.engine.inbox(client).push({ from: server, bytes: message });
    }
  }
}

/** As a client sends it: ChannelData is padded to a multiple of four. */
export function framed(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3, PADDING)]);
}

/** The first message of a stream, without its padding, which must be zeros; undefined where it is not whole. */
export function firstMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 4) return undefined;
  const length = bytes.readUInt16BE(2) + (bytes[0]! >= 0x40 ? 4 : 20);
  const end = (length + 3) & ~3;
  if (bytes.length < end) return undefined;
  if (bytes.subarray(length, end).some((byte) => byte !== 0)) throw new Error('dirty padding');
  return bytes.subarray(0, length);
}
