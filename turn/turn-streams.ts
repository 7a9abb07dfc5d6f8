// TURN over TCP and TLS (RFC 8656 s3.1), without the sockets: the connections of clients by number, a listener for each
// address that they connected to, and back-pressure both ways.
// Called by: the media worker. What an engine's turn brings leaves at its end, as one event for each connection.

import { AddressTable } from '../shared/net/address-table.ts';
import type { Engine, SocketOwner } from '../shared/net/engine.ts';
import { TransportAddress } from '../shared/net/transport-address.ts';
import type { Listener } from './allocation.ts';
import { ClientStream, type StreamsShared } from './client-stream.ts';
import type { ClientSink } from './client-sink.ts';
import { STREAM_LISTENERS_MAX, STREAMS_MAX } from './limits.ts';
import type { StreamEndpoint, TurnStreamCommand, TurnStreamEvent } from './stream-control.ts';
import { SpareBuffers } from './stream-output.ts';
import type { TurnServer } from './turn-server.ts';

export interface TurnStreamsParts {
  readonly server: TurnServer;
  readonly engine: Pick<Engine, 'atTurnEnd'>;
  /** As in the options of the server. */
  readonly channelNumberMax: number;
  readonly emit: (event: TurnStreamEvent) => void;
}

/** One address that clients connect to, by one transport: what the server sends them finds their connections here. */
class StreamListener implements ClientSink {
  readonly listener: Listener;
  readonly streams: AddressTable<ClientStream> = new AddressTable('host-and-port');

  constructor(server: TurnServer, transport: 'tcp' | 'tls', local: TransportAddress) {
    this.listener = server.admit(transport, local, this);
  }

  send(to: TransportAddress, bytes: Uint8Array, offset: number, length: number): void {
    this.streams.get(to)?.respond(bytes, offset, length);
  }

  sendPrefixed(
    to: TransportAddress,
    prefix: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.streams.get(to)?.sendChannelData(prefix, bytes, offset, length);
  }

  sendHeaded(
    to: TransportAddress,
    header: Uint8Array,
    headerLength: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    padding: 0 | 1 | 2 | 3,
  ): void {
    const stream = this.streams.get(to);
    stream?.sendIndication(header, headerLength, bytes, offset, length, padding);
  }
}

export class TurnStreams {
  readonly #server: TurnServer;
  readonly #emit: (event: TurnStreamEvent) => void;
  readonly #shared: StreamsShared;
  readonly #streams = new Map<number, { stream: ClientStream; at: StreamListener }>();
  /** By transport and address. */
  readonly #listeners = new Map<string, StreamListener>();
  #touched: ClientStream[] = [];
  #closed = false;

  constructor({ server, engine, channelNumberMax, emit }: TurnStreamsParts) {
    // Has no sockets of its own: what it does at the end of a turn is send what was written in it.
    const turn: SocketOwner = {
      onOpened: () => undefined,
      onDatagram: () => undefined,
      onTurnEnd: () => this.#flush(),
    };
    this.#server = server;
    this.#emit = emit;
    this.#shared = {
      server,
      channelNumberMax,
      spare: new SpareBuffers(),
      touch: (stream) => {
        if (stream.touched) return;
        stream.touched = true;
        if (this.#touched.push(stream) === 1) engine.atTurnEnd(turn);
      },
    };
  }

  /** Connections there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** @param now monotonic milliseconds */
  onCommand(command: TurnStreamCommand, now: number): void {
    if (this.#closed) return;
    if (command.type === 'turn.open') {
      this.#open(command);
      return;
    }
    const stream = this.#streams.get(command.stream)?.stream;
    if (stream === undefined) return;
    if (command.type === 'turn.bytes') stream.receive(command.bytes, now);
    else if (command.type === 'turn.drained') stream.output.drained(command.bytes);
    else this.#remove(stream);
  }

  /** Ends all connections, with what they were sent before. To be called when the server is closed. Idempotent. */
  close(): void {
    this.#flush();
    this.#closed = true;
    for (const { stream } of this.#streams.values()) this.#end(stream);
  }

  #open({
    stream: number,
    transport,
    local,
    remote,
  }: Extract<TurnStreamCommand, { type: 'turn.open' }>): void {
    if (this.#streams.has(number)) return;
    const client = addressOf(remote);
    const at = this.#listenerAt(transport, addressOf(local));
    if (client === undefined || at === undefined || this.#streams.size >= STREAMS_MAX) {
      this.#emit({ type: 'turn.end', stream: number });
      return;
    }
    // One connection for each 5-tuple: of the one before, the end is on its way.
    const before = at.streams.get(client);
    if (before !== undefined) this.#end(before);
    const stream = new ClientStream(number, at.listener, client, this.#shared);
    at.streams.set(client, stream);
    this.#streams.set(number, { stream, at });
  }

  #listenerAt(
    transport: 'tcp' | 'tls',
    local: TransportAddress | undefined,
  ): StreamListener | undefined {
    if (local === undefined) return undefined;
    const key = `${transport} ${local.toString()}`;
    let listener = this.#listeners.get(key);
    if (listener === undefined && this.#listeners.size < STREAM_LISTENERS_MAX) {
      listener = new StreamListener(this.#server, transport, local);
      this.#listeners.set(key, listener);
    }
    return listener;
  }

  #flush(): void {
    const touched = this.#touched;
    this.#touched = [];
    for (const stream of touched) {
      stream.touched = false;
      if (!this.#streams.has(stream.number)) continue;
      if (stream.ending) this.#end(stream);
      else this.#report(stream);
    }
  }

  #report(stream: ClientStream): void {
    const { number, taken, output } = stream;
    const bytes = output.take();
    stream.taken = 0;
    if (bytes !== undefined) this.#emit({ type: 'turn.bytes', stream: number, bytes });
    if (taken > 0) this.#emit({ type: 'turn.taken', stream: number, bytes: taken });
  }

  /** Puts a client out: what it was sent goes out before. */
  #end(stream: ClientStream): void {
    this.#report(stream);
    this.#emit({ type: 'turn.end', stream: stream.number });
    this.#remove(stream);
  }

  #remove(stream: ClientStream): void {
    const entry = this.#streams.get(stream.number);
    this.#streams.delete(stream.number);
    entry?.at.streams.delete(stream.remote);
    stream.close();
    this.#server.disconnected(stream.listener, stream.remote);
  }
}

/**
 * An IPv4 client of a socket on :: has an IPv4-mapped address (RFC 4291 s2.5.5.2) there, which XOR-MAPPED-ADDRESS must
 * not tell it.
 */
function addressOf({ host, port }: StreamEndpoint): TransportAddress | undefined {
  const address = TransportAddress.parse(host, port);
  if (address?.family !== 6) return address;
  const { w0, w1, w2, w3 } = address;
  return w0 === 0 && w1 === 0 && w2 === 0xffff ? address.setV4(w3, port) : address;
}
