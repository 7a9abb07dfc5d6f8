// The TCP sockets of relays (RFC 6062) on the main thread: listens, connects, and joins a peer's connection with the
// one of the client that bound it, by two pipes. Who may do what the workers know.
// Called by: MediaHost. A client's stream is TurnStreamsHost's until it is joined.

import { randomInt } from 'node:crypto';
import { createServer, type Server, Socket } from 'node:net';
import type { Logger } from '../../shared/log.ts';
import type { OpenFailure } from '../../shared/net/engine.ts';
import { TransportAddress } from '../../shared/net/transport-address.ts';
import {
  type Commons,
  TcpMeter,
  type TcpRelayCommand,
  type TcpRelayEvent,
} from '../../turn/index.ts';
import { AcceptErrors } from './accept-errors.ts';
import type { Endpoint } from './messages.ts';
import { plainEndpoint } from './proxy-protocol.ts';
import { TcpPacer } from './tcp-pacer.ts';
import { TcpPipe } from './tcp-pipe.ts';

/** Connections with peers at the same time, over all relays. */
const CONNECTIONS_MAX = 4000;
/** Of one relay, those that its worker has not judged yet among them: it takes fewer. */
const PER_RELAY_MAX = 128;

/** Sockets that may be bound to one local address; both throw nothing. */
export interface SharedTcpSockets {
  listener(address: TransportAddress): { fd: number } | { failure: OpenFailure };
  outgoing(address: TransportAddress): { fd: number } | { failure: OpenFailure };
}

/** The streams of clients, as `TurnStreamsHost` has them. */
export interface ClientStreams {
  workerOf(stream: number): number | undefined;
  hold(stream: number, onClosed: () => void): number | undefined;
  detach(stream: number): Socket | undefined;
}

export interface TcpRelaysHostParts {
  readonly log: Logger;
  readonly post: (worker: number, command: TcpRelayCommand) => void;
  readonly streams: ClientStreams;
  /** Without it connections come from the relay address, but not from the relay's port. */
  readonly sockets: SharedTcpSockets | undefined;
  /** What users and all together may relay. */
  readonly bandwidth: Commons['bandwidth'];
}

interface Relay {
  readonly worker: number;
  readonly number: number;
  readonly at: TransportAddress;
  readonly server: Server;
  readonly peers: Set<Peer>;
  /** Undefined until an allocation has it. */
  meter: TcpMeter | undefined;
}

interface Peer {
  readonly id: number;
  readonly relay: Relay;
  readonly socket: Socket;
  /** Set once both are one. */
  client: Socket | undefined;
}

export interface TcpRelaysHostStats {
  relays: number;
  connections: number;
}

export class TcpRelaysHost {
  readonly #parts: TcpRelaysHostParts;
  /** By worker and number. */
  readonly #relays = new Map<string, Relay>();
  readonly #peers = new Map<number, Peer>();
  readonly #acceptErrors: AcceptErrors;
  readonly #pacer = new TcpPacer();

  constructor(parts: TcpRelaysHostParts) {
    this.#parts = parts;
    this.#acceptErrors = new AcceptErrors(parts.log, 'turn.tcp-relay');
  }

  /** What a worker wants; what names something that is gone it has not heard of yet. */
  onEvent(worker: number, event: TcpRelayEvent): void {
    const { post, streams } = this.#parts;
    switch (event.type) {
      case 'tcp.listen':
        return this.#listen(worker, event.relay, event.at);
      case 'tcp.own': {
        const relay = this.#relays.get(`${worker} ${event.relay}`);
        if (relay !== undefined) relay.meter = new TcpMeter(event.meter, this.#parts.bandwidth);
        return undefined;
      }
      case 'tcp.unlisten':
        return this.#unlisten(this.#relays.get(`${worker} ${event.relay}`));
      case 'tcp.connect': {
        const relay = this.#relays.get(`${worker} ${event.relay}`);
        if (relay !== undefined) this.#connect(relay, event.connection, event.peer);
        return undefined;
      }
      case 'tcp.close':
        return this.#destroy(this.#peers.get(event.connection));
      case 'tcp.bind': {
        const owner = this.#peers.get(event.connection)?.relay.worker;
        if (owner !== undefined) post(owner, event);
        else post(worker, { type: 'tcp.bound', stream: event.stream, connection: undefined });
        return undefined;
      }
      case 'tcp.bound':
        return this.#bound(event);
      case 'tcp.splice': {
        const peer = this.#peers.get(event.connection);
        const client = streams.detach(event.stream);
        if (peer === undefined || client === undefined) {
          client?.destroy();
          this.#destroy(peer);
        } else this.#splice(peer, client, event.behind);
        return undefined;
      }
    }
  }

  /** The worker is gone, and its allocations with it. */
  lost(worker: number): void {
    for (const relay of this.#relays.values()) {
      if (relay.worker === worker) this.#unlisten(relay);
    }
  }

  stats(): TcpRelaysHostStats {
    return { relays: this.#relays.size, connections: this.#peers.size };
  }

  close(): void {
    for (const relay of this.#relays.values()) this.#unlisten(relay);
  }

  #listen(worker: number, number: number, { host, port }: Endpoint): void {
    const { post, sockets } = this.#parts;
    const at = TransportAddress.parse(host, port);
    const refuse = (failure: OpenFailure): void =>
      post(worker, { type: 'tcp.listening', relay: number, failure });
    const opened = at === undefined ? undefined : sockets?.listener(at);
    if (at === undefined) return refuse('unavailable');
    if (opened !== undefined && 'failure' in opened) return refuse(opened.failure);
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
    });
    const relay: Relay = { worker, number, at, server, peers: new Set(), meter: undefined };
    const key = `${worker} ${number}`;
    this.#relays.set(key, relay);
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (this.#relays.delete(key)) refuse(error.code === 'EADDRINUSE' ? 'in-use' : 'unavailable');
    });
    server.on('connection', (socket) => this.#incoming(relay, socket));
    const where = opened ?? { host, port, ipv6Only: at.family === 6, exclusive: true };
    server.listen(where, () => {
      server.removeAllListeners('error');
      this.#acceptErrors.watch(server);
      // Where it was closed before it was open, it is now.
      if (this.#relays.get(key) !== relay) server.close();
      else post(worker, { type: 'tcp.listening', relay: number, failure: undefined });
    });
    return undefined;
  }

  #unlisten(relay: Relay | undefined): void {
    if (relay === undefined) return;
    this.#relays.delete(`${relay.worker} ${relay.number}`);
    relay.server.close();
    for (const peer of relay.peers) this.#destroy(peer);
  }

  #connect(relay: Relay, id: number, { host, port }: Endpoint): void {
    const { post } = this.#parts;
    const socket = this.#hasRoom(relay) && !this.#peers.has(id) ? this.#socket(relay) : undefined;
    if (socket === undefined) {
      post(relay.worker, { type: 'tcp.closed', connection: id });
      return;
    }
    // Nothing is read before there is somebody to read it.
    socket.pause();
    this.#add(relay, id, socket);
    socket.once('connect', () => post(relay.worker, { type: 'tcp.connected', connection: id }));
    socket.setNoDelay(true).setKeepAlive(true);
    // What has a descriptor is bound already.
    const localAddress = this.#parts.sockets === undefined ? relay.at.host : undefined;
    socket.connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
  }

  /** One to connect with, from where the relay is. */
  #socket(relay: Relay): Socket | undefined {
    const opened = this.#parts.sockets?.outgoing(relay.at);
    if (opened === undefined) return new Socket({ allowHalfOpen: true });
    if ('failure' in opened) return undefined;
    return new Socket({ fd: opened.fd, readable: true, writable: true, allowHalfOpen: true });
  }

  #incoming(relay: Relay, socket: Socket): void {
    const remote = plainEndpoint(socket.remoteAddress, socket.remotePort);
    if (remote === undefined || !this.#hasRoom(relay)) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const id = this.#newId();
    this.#add(relay, id, socket);
    const { worker, number } = relay;
    this.#parts.post(worker, { type: 'tcp.incoming', relay: number, connection: id, peer: remote });
  }

  #hasRoom(relay: Relay): boolean {
    return this.#peers.size < CONNECTIONS_MAX && relay.peers.size < PER_RELAY_MAX;
  }

  #add(relay: Relay, id: number, socket: Socket): void {
    const peer: Peer = { id, relay, socket, client: undefined };
    relay.peers.add(peer);
    this.#peers.set(id, peer);
    // Followed by `close`.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#forget(peer)) {
        this.#parts.post(relay.worker, { type: 'tcp.closed', connection: id });
      }
    });
  }

  #bound({ stream, connection, granted }: Extract<TcpRelayEvent, { type: 'tcp.bound' }>): void {
    const { post, streams } = this.#parts;
    const peer = this.#peers.get(connection);
    if (!granted || peer === undefined) {
      const asking = streams.workerOf(stream);
      if (asking === undefined) return;
      post(asking, { type: 'tcp.bound', stream, connection: undefined });
      return;
    }
    // All that was read before is with the worker, or on its way, when this comes to it.
    const asking = streams.hold(stream, () => {
      if (peer.client === undefined) this.#destroy(peer);
    });
    if (asking === undefined) this.#destroy(peer);
    else post(asking, { type: 'tcp.bound', stream, connection });
  }

  #splice(peer: Peer, client: Socket, behind: Uint8Array): void {
    const { socket, relay } = peer;
    const { meter } = relay;
    if (meter === undefined) throw new Error('a connection without an allocation');
    peer.client = client;
    // Each end passes on as such, behind what was sent before it.
    client.allowHalfOpen = true;
    new TcpPipe(client, socket, 'sent', meter, this.#pacer).start(behind);
    new TcpPipe(socket, client, 'received', meter, this.#pacer).start(new Uint8Array(0));
  }

  /** Ends it without a word to its worker, which knows or asked for it. */
  #destroy(peer: Peer | undefined): void {
    if (peer === undefined || !this.#forget(peer)) return;
    peer.socket.destroy();
    peer.client?.destroy();
  }

  #forget(peer: Peer): boolean {
    peer.relay.peers.delete(peer);
    return this.#peers.delete(peer.id);
  }

  /** Odd: those that workers choose are even. */
  #newId(): number {
    for (;;) {
      const id = 2 * randomInt(0x8000_0000) + 1;
      if (!this.#peers.has(id)) return id;
    }
  }
}
