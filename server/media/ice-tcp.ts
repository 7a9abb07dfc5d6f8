// The TCP connections of participants whose networks let no UDP through (RFC 6544, RFC 4571): accepts them on the main
// thread, takes their packets apart, and passes them to the media worker that has the ICE session, and back.
// Called by: SfuHost. A connection that does not begin with a check for one of our sessions is closed.

import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../shared/log.ts';
import { localUfragOf } from '../../sfu/ice/local-ufrag.ts';
import { Deframer, FRAME_HEADER_BYTES } from '../../sfu/tcp-framing.ts';
import { AddressCounts, type AddressCount } from '../../signaling/index.ts';
import { AcceptErrors } from './accept-errors.ts';
import type { Endpoint, MediaCommand } from './messages.ts';
import { ReadRate } from './read-rate.ts';
import { listenTcp } from './tcp-listener.ts';

/** Connections at the same time, in all and from one address (IPv6: one /64), joined to a session or not. */
const CONNECTIONS_MAX = 4000;
const PER_ADDRESS_MAX = 256;
/** Of one address, those that no check has come from yet. */
const WAITING_PER_ADDRESS_MAX = 32;
/** For the first check: a browser sends it at once. */
const FIRST_CHECK_MS = 5000;
/** The longest packet; with its header it fits no path's MTU twice. */
const FRAME_MAX = 2048;
/** The shortest one is a record of DTLS without contents; what is shorter is passed over. */
const FRAME_MIN = 13;
/** What a frame counts for at least: each is a message to a worker, however short. */
const FRAME_COST = 1024;
/** Waiting for a peer that does not read: what comes on top is dropped, as a full queue of a router does. */
const UNREAD_BYTES_MAX = 256 * 1024;

export interface IceTcpParts {
  readonly log: Logger;
  /** The worker that has the session with our username fragment. */
  readonly workerOf: (ufrag: string) => number | undefined;
  readonly post: (worker: number, command: MediaCommand) => void;
}

interface Connection {
  readonly socket: Socket;
  readonly stream: number;
  readonly count: AddressCount;
  readonly rate: ReadRate;
  readonly deframer: Deframer;
  /** Frames that were passed on, of what is being taken apart. */
  frames: number;
  /** For its first check; undefined once that has come. */
  waiting: NodeJS.Timeout | undefined;
  /** Undefined until its first check, and when the worker is done with it. */
  worker: number | undefined;
}

export interface IceTcpStats {
  connections: number;
  /** Connections that were closed because of a bound, or because they did not begin with a check of ours. */
  refused: number;
  /** Packets to a peer that did not read. */
  dropped: number;
}

export class IceTcp {
  readonly #parts: IceTcpParts;
  readonly #acceptErrors: AcceptErrors;
  readonly #servers: Server[] = [];
  readonly #connections = new Map<number, Connection>();
  readonly #addresses = new AddressCounts();
  #nextStream = 1;
  #endpoints: Endpoint[] = [];
  #refused = 0;
  #dropped = 0;

  constructor(parts: IceTcpParts) {
    this.#parts = parts;
    this.#acceptErrors = new AcceptErrors(parts.log, 'media.tcp');
  }

  /** With the real ports. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Once. Rejects with SternaError LISTENER_UNAVAILABLE; what was opened until then is closed by `close`. */
  async listen(endpoints: readonly Endpoint[]): Promise<void> {
    const opened: Endpoint[] = [];
    for (const endpoint of endpoints) {
      // oxlint-disable-next-line no-await-in-loop -- the first that fails is the one that is told
      opened.push(await this.#listen(endpoint));
    }
    this.#endpoints = opened;
  }

  /** Sends a packet of the worker's. */
  send(stream: number, bytes: Uint8Array): void {
    const socket = this.#connections.get(stream)?.socket;
    if (socket === undefined) return;
    if (socket.writableLength > UNREAD_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + bytes.length);
    frame.writeUInt16BE(bytes.length, 0);
    frame.set(bytes, FRAME_HEADER_BYTES);
    socket.write(frame);
  }

  /** The worker wants no more of it. What was sent before still goes out. */
  end(stream: number): void {
    const connection = this.#connections.get(stream);
    if (connection === undefined) return;
    connection.worker = undefined;
    connection.socket.end();
    connection.socket.setTimeout(FIRST_CHECK_MS, () => connection.socket.destroy());
  }

  /** The worker is gone, and its sessions with it. */
  lost(worker: number): void {
    for (const connection of this.#connections.values()) {
      if (connection.worker === worker) connection.socket.destroy();
    }
  }

  stats(): IceTcpStats {
    return {
      connections: this.#connections.size,
      refused: this.#refused,
      dropped: this.#dropped,
    };
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    for (const { socket } of this.#connections.values()) socket.destroy();
    await Promise.all(
      this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  async #listen(endpoint: Endpoint): Promise<Endpoint> {
    const server = createServer({ noDelay: true, keepAlive: true });
    server.on('connection', (socket) => this.#accept(socket));
    const opened = await listenTcp(server, endpoint, 'tcp', (failure) =>
      failure === 'in-use' ? 'sfu.tcpPort' : 'sfu.addresses or sfu.tcpPort',
    );
    this.#servers.push(server);
    this.#acceptErrors.watch(server);
    return opened;
  }

  #accept(socket: Socket): void {
    // A peer that resets is no news.
    socket.on('error', () => socket.destroy());
    const count = this.#addresses.of(socket.remoteAddress ?? '');
    const isOver =
      socket.remoteAddress === undefined ||
      this.#connections.size >= CONNECTIONS_MAX ||
      count.total >= PER_ADDRESS_MAX ||
      count.unauthenticated >= WAITING_PER_ADDRESS_MAX;
    if (isOver) {
      this.#refused++;
      socket.destroy();
      return;
    }
    this.#addresses.open(count);
    const stream = this.#nextStream++;
    const connection: Connection = {
      socket,
      stream,
      count,
      rate: new ReadRate(),
      deframer: new Deframer(
        { onFrame: (bytes, offset, length) => this.#onFrame(connection, bytes, offset, length) },
        FRAME_MAX,
      ),
      frames: 0,
      waiting: setTimeout(() => this.#refuse(connection), FIRST_CHECK_MS),
      worker: undefined,
    };
    this.#connections.set(stream, connection);
    socket.on('data', (data) => this.#receive(connection, data));
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#closed(connection));
  }

  #receive(connection: Connection, data: Buffer): void {
    const { socket, deframer, rate } = connection;
    connection.frames = 0;
    if (!deframer.push(data, 0, data.length)) return this.#refuse(connection);
    rate.charge(Math.max(data.length, connection.frames * FRAME_COST), () => socket.resume());
    if (rate.isExceeded) socket.pause();
    return undefined;
  }

  #onFrame(connection: Connection, bytes: Uint8Array, offset: number, length: number): void {
    const { socket, stream } = connection;
    const { post, workerOf } = this.#parts;
    if (connection.worker === undefined) {
      // Also after the worker has ended it.
      if (socket.writableEnded || socket.destroyed) return;
      const ufrag = localUfragOf(bytes, offset, length);
      const worker = ufrag === undefined ? undefined : workerOf(ufrag);
      if (worker === undefined) return this.#refuse(connection);
      this.#stopWaiting(connection);
      connection.worker = worker;
      const remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
      post(worker, { type: 'stream.open', stream, remote });
    }
    if (length < FRAME_MIN) return;
    connection.frames++;
    // A copy of its own: a clone of a view would take all that is behind it along.
    const frame = new Uint8Array(bytes.subarray(offset, offset + length));
    post(connection.worker, { type: 'stream.frame', stream, bytes: frame });
  }

  #stopWaiting(connection: Connection): void {
    if (connection.waiting === undefined) return;
    clearTimeout(connection.waiting);
    connection.waiting = undefined;
    connection.count.unauthenticated--;
  }

  #refuse(connection: Connection): void {
    connection.deframer.stop();
    if (!connection.socket.destroyed) this.#refused++;
    connection.socket.destroy();
  }

  #closed(connection: Connection): void {
    const { count, stream, rate, worker, deframer } = connection;
    rate.stop();
    this.#stopWaiting(connection);
    deframer.stop();
    if (!this.#connections.delete(stream)) return;
    this.#addresses.close(count);
    if (worker !== undefined) this.#parts.post(worker, { type: 'stream.close', stream });
  }
}
