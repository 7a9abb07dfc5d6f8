// The TCP and TLS connections of TURN clients (RFC 8656 s3.1): accepts them on the main thread, bounds them, and passes
// their bytes to a media worker, where the TURN core is, and back. What the bytes mean the worker knows.
// Called by: MediaHost.

import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  formatListenerUrl,
  isDualStack,
  parseListenerUrl,
  rangeMatcher,
} from '../../shared/config/network-values.ts';
import type { Logger } from '../../shared/log.ts';
import { AcceptErrors } from './accept-errors.ts';
import { isClientAccepted } from './turn-acceptance.ts';
import type { Endpoint, TurnStreamCommand, TurnStreamEvent } from './messages.ts';
import { plainEndpoint, readProxyHeader } from './proxy-protocol.ts';
import { ReadRate } from './read-rate.ts';
import { type Place, StreamAdmission } from './stream-admission.ts';
import { listenTcp } from './tcp-listener.ts';
import type { TurnSettings } from './turn-options.ts';
import type { TlsFiles } from '../tls-files.ts';
import { TurnTls } from './turn-tls.ts';

/** Connections at the same time, in all and from one address (IPv6: one /64). */
const CONNECTIONS_MAX = 4000;
const PER_ADDRESS_MAX = 256;
/** Of one address, those that no allocation was made on yet. */
const WAITING_PER_ADDRESS_MAX = 32;
/** From the connection to the first answer, with the header of a proxy and the TLS handshake: slow senders end here. */
const FIRST_ANSWER_MS = 10_000;
/** From the first answer to an allocation. */
const ALLOCATION_MS = 60_000;
/** Of silence beyond the longest lifetime of an allocation, which a client that is there refreshes before. */
const SILENCE_MS = 60_000;
/** For what was sent before the end, to a client that does not read it. */
const LINGER_MS = 5000;
/** What a read counts for at least: each is a message to a worker, however short. */
const READ_COST = 1024;
/** Bytes that the worker has not taken yet: with more we stop reading. */
const UNTAKEN_MAX = 256 * 1024;
/** The worker is told of bytes that the kernel took in steps of that size: each is a message that wakes it. */
const DRAINED_STEP = 16 * 1024;
/** The worker keeps back what a client does not read; beyond this it has failed to, and the client has to go. */
const UNREAD_MAX = 1024 * 1024;

export interface TurnStreamsHostParts {
  readonly log: Logger;
  readonly settings: TurnSettings;
  /** Those that serve at the moment. */
  readonly workers: () => readonly number[];
  readonly post: (worker: number, command: TurnStreamCommand) => void;
}

interface Connection {
  readonly stream: number;
  readonly transport: 'tcp' | 'tls';
  /** As it was accepted: its end is the end of it all. */
  readonly raw: Socket;
  /** What the client's bytes come through: `raw`, or TLS over it. */
  socket: Socket;
  readonly local: Endpoint;
  remote: Endpoint;
  place: Place;
  /** `settled` once an allocation was made. */
  state: 'waiting' | 'answered' | 'settled';
  /** Until the next step, or of silence. */
  deadline: NodeJS.Timeout;
  readonly rate: ReadRate;
  /** Undefined until its first bytes, and when the worker is done with it. */
  worker: number | undefined;
  isOver: boolean;
  untaken: number;
  /** Nothing more is read of it here; told when it closes. */
  held: (() => void) | undefined;
  /** Bytes that the kernel took and the worker has not been told of. */
  drained: number;
}

export interface TurnStreamsHostStats {
  connections: number;
  /** Connections that were closed because of a bound, or because they did not come to an allocation in time. */
  refused: number;
}

export class TurnStreamsHost {
  readonly #parts: TurnStreamsHostParts;
  readonly #acceptErrors: AcceptErrors;
  readonly #isProxy: (address: string) => boolean;
  readonly #servers: Server[] = [];
  readonly #connections = new Map<number, Connection>();
  readonly #byRaw = new WeakMap<Socket, Connection>();
  readonly #admission = new StreamAdmission({
    total: CONNECTIONS_MAX,
    perAddress: PER_ADDRESS_MAX,
    waitingPerAddress: WAITING_PER_ADDRESS_MAX,
  });
  #tls: TurnTls | undefined;
  #nextStream = 1;
  #refused = 0;

  constructor(parts: TurnStreamsHostParts) {
    this.#parts = parts;
    this.#acceptErrors = new AcceptErrors(parts.log, 'turn.tcp');
    this.#isProxy = rangeMatcher(parts.settings.proxyProtocol);
  }

  /**
   * Opens the TCP and TLS listeners, once, and resolves with their URLs, in the order of the configuration, with the
   * real ports. Rejects with SternaError LISTENER_UNAVAILABLE; what was opened until then is closed by `close`.
   * @param files of the certificate, where there is a TLS listener
   */
  async listen(files: TlsFiles | undefined): Promise<string[]> {
    const { settings } = this.#parts;
    const urls: string[] = [];
    const listeners = settings.listeners.map((url) => parseListenerUrl(url));
    for (const listener of listeners) {
      const { transport, host, port } = listener;
      if (transport !== 'tcp' && transport !== 'tls') continue;
      if (transport === 'tls') {
        if (files === undefined) throw new Error('a TLS listener without a certificate');
        this.#tls ??= new TurnTls(files, (raw, socket) => this.#secured(raw, socket));
      }
      const dualStack = isDualStack(listener, listeners);
      // oxlint-disable-next-line no-await-in-loop -- the first that fails is the one that is told
      const opened = await this.#listen(transport, { host, port, dualStack });
      urls.push(formatListenerUrl(opened.host, opened.port, transport));
    }
    return urls;
  }

  /** What the worker says of a connection; of one that is gone it may not have heard yet. */
  onEvent(event: TurnStreamEvent): void {
    const connection = this.#connections.get(event.stream);
    if (connection === undefined || connection.isOver) return;
    if (event.type === 'turn.bytes') this.#send(connection, event.bytes);
    else if (event.type === 'turn.end') this.#end(connection);
    else {
      connection.untaken -= event.bytes;
      this.#regulate(connection);
    }
  }

  /** The worker is gone, and its allocations with it. */
  lost(worker: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.worker !== worker) continue;
      connection.worker = undefined;
      this.#drop(connection);
    }
  }

  /** The worker that has the messages of a stream. */
  workerOf(stream: number): number | undefined {
    return this.#connections.get(stream)?.worker;
  }

  /**
   * Reads no more of a stream: what was read is with its worker, which is returned, or on its way to it. Undefined for
   * one that is gone.
   */
  hold(stream: number, onClosed: () => void): number | undefined {
    const connection = this.#connections.get(stream);
    if (connection?.worker === undefined || connection.isOver || connection.held !== undefined) {
      return undefined;
    }
    connection.held = onClosed;
    connection.rate.stop();
    connection.socket.removeAllListeners('data');
    connection.socket.pause();
    return connection.worker;
  }

  /** Gives up a stream that was held: its bytes are no messages any more. It counts until it closes. */
  detach(stream: number): Socket | undefined {
    const connection = this.#connections.get(stream);
    if (connection?.held === undefined || connection.raw.destroyed) return undefined;
    connection.worker = undefined;
    connection.isOver = true;
    connection.place.settle();
    clearTimeout(connection.deadline);
    return connection.socket;
  }

  stats(): TurnStreamsHostStats {
    return { connections: this.#connections.size, refused: this.#refused };
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    for (const { raw } of this.#connections.values()) raw.destroy();
    await Promise.all(
      this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  async #listen(
    transport: 'tcp' | 'tls',
    at: Endpoint & { dualStack: boolean },
  ): Promise<Endpoint> {
    const server = createServer({ noDelay: true, keepAlive: true });
    server.on('connection', (raw) => this.#accept(raw, transport));
    const opened = await listenTcp(server, at, transport, () => 'turn.listeners');
    this.#servers.push(server);
    this.#acceptErrors.watch(server);
    return opened;
  }

  #accept(raw: Socket, transport: 'tcp' | 'tls'): void {
    // A peer that resets is no news.
    raw.on('error', () => raw.destroy());
    const remote = plainEndpoint(raw.remoteAddress, raw.remotePort);
    const local = plainEndpoint(raw.localAddress, raw.localPort);
    // It is gone already.
    if (remote === undefined || local === undefined) return void raw.destroy();
    const isProxied = this.#isProxy(remote.host);
    const evict = (): void => this.#refuse(connection);
    const place = this.#admission.enter(isProxied ? undefined : remote.host, evict);
    if (place === undefined) {
      this.#refused++;
      raw.destroy();
      return undefined;
    }
    const connection: Connection = {
      stream: this.#nextStream++,
      transport,
      raw,
      socket: raw,
      local,
      remote,
      place,
      state: 'waiting',
      deadline: setTimeout(evict, FIRST_ANSWER_MS),
      rate: new ReadRate(),
      worker: undefined,
      isOver: false,
      untaken: 0,
      held: undefined,
      drained: 0,
    };
    this.#connections.set(connection.stream, connection);
    this.#byRaw.set(raw, connection);
    raw.on('close', () => this.#closed(connection));
    if (isProxied) this.#awaitProxyHeader(connection);
    else this.#begin(connection);
    return undefined;
  }

  /** A trusted proxy says first whose connection it is; who does not is none. */
  #awaitProxyHeader(connection: Connection): void {
    const { raw } = connection;
    let head = Buffer.alloc(0);
    const onData = (data: Buffer): void => {
      head = Buffer.concat([head, data]);
      const header = readProxyHeader(head);
      if (header === 'more') return;
      raw.off('data', onData);
      if (header === 'broken') return this.#refuse(connection);
      raw.pause();
      if (head.length > header.length) raw.unshift(head.subarray(header.length));
      connection.remote = header.source ?? connection.remote;
      // From here on it counts for its client.
      connection.place.leave();
      const evict = (): void => this.#refuse(connection);
      const place = this.#admission.enter(connection.remote.host, evict);
      if (place === undefined) return this.#refuse(connection);
      connection.place = place;
      this.#begin(connection);
    };
    raw.on('data', onData);
  }

  #begin(connection: Connection): void {
    if (connection.transport === 'tls') this.#tls?.accept(connection.raw);
    else this.#serve(connection);
  }

  #secured(raw: Socket, socket: TLSSocket): void {
    const connection = this.#byRaw.get(raw);
    if (connection === undefined) return;
    connection.socket = socket;
    this.#serve(connection);
  }

  #serve(connection: Connection): void {
    const { socket } = connection;
    socket.on('data', (data) => this.#receive(connection, data));
    socket.resume();
  }

  #receive(connection: Connection, data: Buffer): void {
    const { stream, transport, local, remote, rate } = connection;
    // It may still send while what it was sent is on its way.
    if (connection.isOver) return;
    const { post, workers } = this.#parts;
    if (connection.worker === undefined) {
      const serving = workers();
      connection.worker = serving[stream % serving.length];
      if (connection.worker === undefined) return this.#refuse(connection);
      post(connection.worker, { type: 'turn.open', stream, transport, local, remote });
    }
    if (connection.state === 'settled') connection.deadline.refresh();
    connection.untaken += data.length;
    // A copy of its own: a clone of a view would take all that is behind it along.
    post(connection.worker, { type: 'turn.bytes', stream, bytes: new Uint8Array(data) });
    rate.charge(Math.max(data.length, READ_COST), () => this.#regulate(connection));
    this.#regulate(connection);
  }

  #regulate({ socket, rate, untaken, held }: Connection): void {
    if (held !== undefined) return;
    const isToWait = rate.isExceeded || untaken > UNTAKEN_MAX;
    if (isToWait !== socket.isPaused()) {
      if (isToWait) socket.pause();
      else socket.resume();
    }
  }

  #send(connection: Connection, bytes: Uint8Array): void {
    const { socket } = connection;
    if (socket.writableLength > UNREAD_MAX) return this.#refuse(connection);
    socket.write(bytes, (error) => {
      if (error === undefined || error === null) this.#onDrained(connection, bytes.length);
    });
    if (connection.state !== 'settled') this.#advance(connection, bytes);
    return undefined;
  }

  #onDrained(connection: Connection, bytes: number): void {
    const { stream, worker } = connection;
    if (connection.state === 'settled' && !connection.isOver) connection.deadline.refresh();
    connection.drained += bytes;
    if (worker === undefined || connection.drained < DRAINED_STEP) return;
    this.#parts.post(worker, { type: 'turn.drained', stream, bytes: connection.drained });
    connection.drained = 0;
  }

  /** What the worker answers tells how far the client has come. */
  #advance(connection: Connection, bytes: Uint8Array): void {
    const isSettled = isClientAccepted(bytes);
    if (!isSettled && connection.state === 'answered') return;
    connection.state = isSettled ? 'settled' : 'answered';
    if (isSettled) connection.place.settle();
    const silence = 1000 * this.#parts.settings.lifetimes.allocationMax + SILENCE_MS;
    this.#setDeadline(connection, isSettled ? silence : ALLOCATION_MS);
  }

  #setDeadline(connection: Connection, ms: number): void {
    clearTimeout(connection.deadline);
    connection.deadline = setTimeout(() => this.#refuse(connection), ms);
  }

  /** The worker wants no more of it. */
  #end(connection: Connection): void {
    connection.worker = undefined;
    connection.isOver = true;
    connection.socket.end();
    // What still comes is read and passed over, so that its end is seen.
    connection.rate.stop();
    connection.socket.resume();
    this.#setDeadline(connection, LINGER_MS);
  }

  #refuse(connection: Connection): void {
    if (!connection.raw.destroyed) this.#refused++;
    this.#drop(connection);
  }

  #drop(connection: Connection): void {
    connection.isOver = true;
    connection.raw.destroy();
  }

  #closed(connection: Connection): void {
    const { stream, worker, deadline, rate, place } = connection;
    clearTimeout(deadline);
    rate.stop();
    place.leave();
    connection.isOver = true;
    connection.worker = undefined;
    this.#connections.delete(stream);
    connection.held?.();
    if (worker !== undefined) this.#parts.post(worker, { type: 'turn.close', stream });
  }
}
