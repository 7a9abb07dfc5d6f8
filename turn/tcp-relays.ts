// The TCP side of relays (RFC 6062) without the sockets: listeners and connections by number, how far each connection
// has come, and the half minutes that RFC 6062 s5.2 and s5.3 give. Whoever has the sockets is told and tells.
// Called by: the relay pool, the handlers, and the media worker with what the other side says.

import { TransportAddress } from '../shared/net/transport-address.ts';
import { Timer, type Timers } from '../shared/net/timer-wheel.ts';
import { TCP_CONNECT_MS, TCP_CONNECTIONS_MAX, TCP_UNBOUND_MAX, TCP_UNBOUND_MS } from './limits.ts';
import type { ReplyTo } from './responder.ts';
import type { RandomInt } from './shared-ports.ts';
import type { TcpRelayCommand, TcpRelayEvent } from './tcp-control.ts';
import type { TcpMeter } from './tcp-meter.ts';

export interface TcpRelaysParts {
  readonly emit: (event: TcpRelayEvent) => void;
  readonly timers: Timers;
  readonly random: RandomInt;
  /** Judges a peer that has connected to a relay; `admit` or `close` it. */
  readonly onIncoming: (
    relay: number,
    connection: number,
    peer: TransportAddress,
    now: number,
  ) => void;
  /** The client of that request may have the connection, or, where it is undefined, may not. */
  readonly onBound: (request: ReplyTo, connection: number | undefined) => void;
}

/** `false`: it failed, or took too long. */
export type Connected = (made: boolean) => void;

export type Listened = (failure: 'in-use' | 'unavailable' | undefined) => void;

interface TcpConnection {
  readonly id: number;
  readonly relay: TcpRelay;
  readonly peer: TransportAddress;
  state: 'connecting' | 'unbound' | 'bound';
  /** For the end of `connecting` and of `unbound`. */
  readonly timer: Timer;
  readonly connected: Connected | undefined;
}

interface TcpRelay {
  readonly number: number;
  listened: Listened | undefined;
  /** Whose connections these are: who binds one must be the same. */
  owner: string | undefined;
  readonly connections: Set<TcpConnection>;
}

export class TcpRelays {
  readonly #parts: TcpRelaysParts;
  readonly #relays = new Map<number, TcpRelay>();
  readonly #connections = new Map<number, TcpConnection>();
  /** Requests that wait for whoever has the connection, by stream. */
  readonly #binds = new Map<number, ReplyTo>();
  #nextRelay = 1;

  constructor(parts: TcpRelaysParts) {
    this.#parts = parts;
  }

  /** Opens a listener, and returns its number; it is there once `done` says so. */
  listen({ host, port }: TransportAddress, done: Listened): number {
    const number = this.#nextRelay++;
    this.#relays.set(number, {
      number,
      listened: done,
      owner: undefined,
      connections: new Set(),
    });
    this.#parts.emit({ type: 'tcp.listen', relay: number, at: { host, port } });
    return number;
  }

  /** Closes a listener with all of its connections. */
  unlisten(number: number): void {
    const relay = this.#relays.get(number);
    if (relay === undefined) return;
    this.#relays.delete(number);
    for (const connection of relay.connections) this.#forget(connection);
    this.#parts.emit({ type: 'tcp.unlisten', relay: number });
  }

  /** Says who may bind the connections of a relay, and where what they carry counts. */
  own(number: number, owner: string, { memory: meter }: TcpMeter): void {
    const relay = this.#relays.get(number);
    if (relay === undefined) return;
    relay.owner = owner;
    this.#parts.emit({ type: 'tcp.own', relay: number, meter });
  }

  /** Whether that relay is connected to that peer, or is about to be. */
  has(number: number, peer: TransportAddress): boolean {
    const connections = this.#relays.get(number)?.connections ?? [];
    return [...connections].some((connection) => connection.peer.equals(peer));
  }

  /** Whether that relay may have one more connection. */
  hasRoom(number: number): boolean {
    const connections = this.#relays.get(number)?.connections;
    if (connections === undefined || connections.size >= TCP_CONNECTIONS_MAX) return false;
    return [...connections].filter(({ state }) => state !== 'bound').length < TCP_UNBOUND_MAX;
  }

  /** Connects a relay to a peer; `done` is called unless the relay is closed before. Returns the CONNECTION-ID. */
  connect(number: number, peer: TransportAddress, now: number, done: Connected): number {
    const id = this.#newId();
    const connection = this.#add(number, id, peer, 'connecting', done);
    if (connection === undefined) return id;
    this.#parts.timers.schedule(connection.timer, now + TCP_CONNECT_MS);
    const { host, port } = peer;
    this.#parts.emit({
      type: 'tcp.connect',
      relay: number,
      connection: id,
      peer: { host, port },
    });
    return id;
  }

  /** Takes a connection that a peer made: it waits for its client. */
  admit(number: number, id: number, peer: TransportAddress, now: number): void {
    const connection = this.#add(number, id, peer, 'unbound', undefined);
    if (connection === undefined) this.close(id);
    else this.#parts.timers.schedule(connection.timer, now + TCP_UNBOUND_MS);
  }

  /** Ends a connection, one of ours or one that was not taken. */
  close(id: number): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#forget(connection);
    this.#parts.emit({ type: 'tcp.close', connection: id });
  }

  /** Asks whoever has that connection for it, on behalf of `owner`, whose request is answered by `onBound`. */
  bind(stream: number, id: number, owner: string, request: ReplyTo): void {
    this.#binds.set(stream, request);
    this.#parts.emit({ type: 'tcp.bind', stream, connection: id, owner });
  }

  /** The stream is gone: nobody waits for an answer. */
  forgetStream(stream: number): void {
    this.#binds.delete(stream);
  }

  /** @param now monotonic milliseconds */
  onCommand(command: TcpRelayCommand, now: number): void {
    switch (command.type) {
      case 'tcp.listening':
        return this.#onListening(command);
      case 'tcp.connected':
        return this.#onConnected(this.#connections.get(command.connection), now);
      case 'tcp.closed':
        return this.#onClosed(this.#connections.get(command.connection));
      case 'tcp.incoming': {
        const peer = TransportAddress.parse(command.peer.host, command.peer.port);
        if (peer === undefined || this.#connections.has(command.connection)) {
          this.#parts.emit({ type: 'tcp.close', connection: command.connection });
        } else this.#parts.onIncoming(command.relay, command.connection, peer, now);
        return undefined;
      }
      case 'tcp.bind':
        return this.#onBind(command);
      case 'tcp.bound': {
        const request = this.#binds.get(command.stream);
        this.#binds.delete(command.stream);
        if (request !== undefined) this.#parts.onBound(request, command.connection);
        return undefined;
      }
    }
  }

  #onListening({
    relay: number,
    failure,
  }: Extract<TcpRelayCommand, { type: 'tcp.listening' }>): void {
    const relay = this.#relays.get(number);
    const done = relay?.listened;
    if (relay === undefined || done === undefined) return;
    relay.listened = undefined;
    if (failure !== undefined) this.#relays.delete(number);
    done(failure);
  }

  #onConnected(connection: TcpConnection | undefined, now: number): void {
    if (connection?.state !== 'connecting') return;
    connection.state = 'unbound';
    this.#parts.timers.schedule(connection.timer, now + TCP_UNBOUND_MS);
    connection.connected?.(true);
  }

  #onClosed(connection: TcpConnection | undefined): void {
    if (connection === undefined) return;
    const { state } = connection;
    this.#forget(connection);
    if (state === 'connecting') connection.connected?.(false);
  }

  #onBind({ stream, connection: id, owner }: Extract<TcpRelayCommand, { type: 'tcp.bind' }>): void {
    const connection = this.#connections.get(id);
    const granted = connection?.state === 'unbound' && connection.relay.owner === owner;
    if (granted) {
      connection.state = 'bound';
      this.#parts.timers.cancel(connection.timer);
    }
    this.#parts.emit({ type: 'tcp.bound', stream, connection: id, granted });
  }

  #onTimer(connection: TcpConnection): void {
    const { id, state } = connection;
    this.close(id);
    if (state === 'connecting') connection.connected?.(false);
  }

  #add(
    number: number,
    id: number,
    peer: TransportAddress,
    state: TcpConnection['state'],
    connected: Connected | undefined,
  ): TcpConnection | undefined {
    const relay = this.#relays.get(number);
    if (relay === undefined) return undefined;
    const timer = new Timer(() => this.#onTimer(connection));
    const connection = { id, relay, peer: peer.copy(), state, timer, connected };
    relay.connections.add(connection);
    this.#connections.set(id, connection);
    return connection;
  }

  #forget(connection: TcpConnection): void {
    this.#parts.timers.cancel(connection.timer);
    connection.relay.connections.delete(connection);
    this.#connections.delete(connection.id);
  }

  /** RFC 6062 s6.2.1: 32 bits. Nobody can guess one, and it is no use to anybody but its user. */
  #newId(): number {
    for (;;) {
      const id = 2 * this.#parts.random(0x8000_0000);
      if (!this.#connections.has(id)) return id;
    }
  }
}
