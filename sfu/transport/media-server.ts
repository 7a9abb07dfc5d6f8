// All media transports of a worker behind one UDP port (RFC 7983): tells by its address whose a datagram is, and by its
// first byte what. TCP connections (RFC 6544) and TURN relays of this process come in as sockets, too. Sans-I/O.
// Called by: an engine, as the owner of its sockets; the worker; the router. Allocates: nothing per packet.

import { Arena } from '../../shared/native/arena.ts';
import type { DtlsContext } from '../../shared/native/dtls-context.ts';
import type { Engine, OpenFailure, SocketOwner } from '../../shared/net/engine.ts';
import { Timer } from '../../shared/net/timer-wheel.ts';
import type { TransportAddress } from '../../shared/net/transport-address.ts';
import { DATAGRAM_DTLS, DATAGRAM_RTP, DATAGRAM_STUN, demultiplex } from '../demultiplex.ts';
import { IceLite, type IceStats } from '../ice/ice-lite.ts';
import type { IceSession, IceTuple } from '../ice/ice-session.ts';
import {
  DROP_NOT_VALIDATED,
  DROP_UNKNOWN_ADDRESS,
  DROP_UNKNOWN_KIND,
  DROP_UNKNOWN_STREAM,
  MEDIA_DROP_REASONS,
  type MediaDropReason,
} from './drop-reason.ts';
import { CONNECTING_MAX, PACKET_BYTES_MAX, STREAMS_MAX, TRANSPORTS_MAX } from './limits.ts';
import {
  type MediaCloseReason,
  type MediaObserver,
  MediaTransport,
  type TransportHost,
  type TransportSetup,
} from './media-transport.ts';
import type { ImpairedMemory } from './impaired-link.ts';
import { Outlet, type RelaySink, streamOf, type StreamSink, streamSocket } from './outlet.ts';

export interface MediaServerOptions {
  readonly engine: Engine;
  /** Freed by its owner, after the server is closed. */
  readonly dtls: DtlsContext;
  /** Whoever has the TCP connections, where there are any. */
  readonly streams?: StreamSink;
  /** Whoever has the relays, where there are any. */
  readonly relay?: RelaySink;
  readonly transportsMax?: number;
  /** Of them, those that are not connected yet. */
  readonly connectingMax?: number;
}

/** Where to listen. */
export interface MediaListenAt {
  readonly address: TransportAddress;
  /** A parked socket that somebody else opened there, and closes; without it one is opened. */
  readonly socket?: number | undefined;
}

/** One socket's start: where it is bound, or why it is not. */
export interface MediaListenResult {
  readonly address: TransportAddress;
  readonly failure: OpenFailure | undefined;
}

export interface MediaServerStats {
  readonly transports: number;
  /** Of them, those that are not connected yet. */
  readonly connecting: number;
  readonly streams: number;
  /** Of packets that impaired participants wait for. */
  readonly impairedBytes: number;
  /** Of what is not STUN, by reason. */
  readonly drops: Readonly<Partial<Record<MediaDropReason, number>>>;
  readonly ice: IceStats;
}

/** A TCP connection. */
interface Stream {
  readonly remote: TransportAddress;
  /** An authentic check has come: it is of somebody that we know. */
  isChecked: boolean;
}

export class MediaServer implements SocketOwner {
  readonly #engine: Engine;
  readonly #streamSink: StreamSink | undefined;
  readonly #transportsMax: number;
  readonly #connectingMax: number;
  readonly #outlet: Outlet;
  readonly #ice: IceLite<MediaTransport>;
  readonly #scratch = new Arena(PACKET_BYTES_MAX);
  readonly #host: TransportHost;
  readonly #transports = new Set<MediaTransport>();
  readonly #connecting = new Set<MediaTransport>();
  readonly #impaired: ImpairedMemory = { bytes: 0 };
  readonly #streams = new Map<number, Stream>();
  /** By reason, as in drop-reason.ts. */
  readonly #drops = new Float64Array(MEDIA_DROP_REASONS.length);
  readonly #consentTimer: Timer;
  /** Sockets by tag: those that were asked for, then the addresses of wildcards. */
  readonly #sockets: number[] = [];
  readonly #opened: number[] = [];
  #results: (MediaListenResult | undefined)[] = [];
  #onListening: (results: MediaListenResult[]) => void = () => undefined;
  /** Where the last packet came from: the next one often comes from there, too. */
  #lastTuple: IceTuple<MediaTransport> | undefined = undefined;
  #closed = false;

  constructor(options: MediaServerOptions) {
    const { engine, dtls, streams, relay } = options;
    const { transportsMax = TRANSPORTS_MAX, connectingMax = CONNECTING_MAX } = options;
    this.#engine = engine;
    this.#streamSink = streams;
    this.#transportsMax = transportsMax;
    this.#connectingMax = connectingMax;
    this.#outlet = new Outlet(engine, streams, relay);
    this.#ice = new IceLite(this.#outlet, transportsMax);
    this.#consentTimer = new Timer((now) => {
      this.#lastTuple = undefined;
      this.#ice.expire(now);
      this.#watchConsent();
    });
    this.#host = {
      ice: this.#ice,
      outlet: this.#outlet,
      dtls,
      timers: engine.timers,
      scratch: this.#scratch,
      impair: {
        outlet: this.#outlet,
        timers: engine.timers,
        memory: this.#impaired,
        receive: (socket, from, bytes, offset, length, now) =>
          this.#receiveLate(socket, from, bytes, offset, length, now),
        drop: (reason) => this.#drop(reason),
      },
      drop: (reason) => this.#drop(reason),
      onSettled: (transport) => this.#connecting.delete(transport),
      onEnd: (transport, session) => this.#forget(transport, session),
    };
  }

  /** Once: opens the sockets; `done` gets one result for each, in order. */
  listen(listeners: readonly MediaListenAt[], done: (results: MediaListenResult[]) => void): void {
    this.#results = listeners.map(() => undefined);
    this.#onListening = done;
    for (const [tag, { address, socket }] of listeners.entries()) {
      this.#sockets[tag] =
        socket === undefined
          ? this.#engine.open(address, this, tag, { bursts: true })
          : this.#engine.adopt(socket, this, tag, { borrowed: true, bursts: true });
    }
    this.#opened.push(...this.#sockets);
    if (listeners.length === 0) done([]);
  }

  onOpened(tag: number, address: TransportAddress, failure: OpenFailure | undefined): void {
    this.#results[tag] = { address, failure };
    const results = this.#results.filter((result) => result !== undefined);
    if (results.length === this.#results.length) this.#onListening(results);
  }

  onLocal(_tag: number, socket: number): number {
    return this.#sockets.push(socket) - 1;
  }

  onDatagram(
    tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const socket = this.#sockets[tag];
    if (socket !== undefined) this.#receive(socket, from, bytes, offset, length, now);
  }

  /** A participant's transport, or why there cannot be one more. */
  open(
    setup: TransportSetup,
    observer: MediaObserver,
    now: number,
  ): MediaTransport | MediaCloseReason {
    const isFull =
      this.#closed ||
      this.#transports.size >= this.#transportsMax ||
      this.#connecting.size >= this.#connectingMax;
    if (isFull) return 'full';
    const transport = MediaTransport.open(this.#host, setup, observer, now);
    if (typeof transport === 'string') return transport;
    this.#transports.add(transport);
    this.#connecting.add(transport);
    return transport;
  }

  /** A TCP connection from there; its number is the caller's, unique and positive. */
  openStream(id: number, remote: TransportAddress): void {
    if (this.#closed || this.#streams.size >= STREAMS_MAX) this.#streamSink?.closeStream(id);
    else this.#streams.set(id, { remote: remote.copy(), isChecked: false });
  }

  /** One packet of it. The first one must be an authentic check: a stranger keeps no connection. */
  receiveFrame(id: number, bytes: Uint8Array, now: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#drop(DROP_UNKNOWN_STREAM);
    const isAuthentic = this.#receive(streamSocket(id), stream.remote, bytes, 0, bytes.length, now);
    if (isAuthentic) stream.isChecked = true;
    if (!stream.isChecked) this.#shut(id);
  }

  /** It is gone. Does nothing for one that is not known. */
  closeStream(id: number, now: number): void {
    if (!this.#streams.delete(id)) return;
    this.#lastTuple = undefined;
    this.#ice.closeSocket(streamSocket(id), now);
  }

  /** What a TURN client of this process sent, from its relay at `from`, to our own address `to`. */
  fromRelay(
    from: TransportAddress,
    to: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const socket = this.#outlet.relaySocketOf(to);
    if (socket === undefined) this.#drop(DROP_UNKNOWN_ADDRESS);
    else if (!this.#closed) this.#receive(socket, from, bytes, offset, length, now);
  }

  stats(): MediaServerStats {
    return {
      transports: this.#transports.size,
      connecting: this.#connecting.size,
      streams: this.#streams.size,
      impairedBytes: this.#impaired.bytes,
      drops: Object.fromEntries(
        MEDIA_DROP_REASONS.map((reason, i) => [reason, this.#drops[i] ?? 0]),
      ),
      ice: this.#ice.stats(),
    };
  }

  /** Closes all transports, whose observers hear nothing of it, connections and sockets. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const transport of this.#transports) transport.close();
    for (const id of this.#streams.keys()) this.#streamSink?.closeStream(id);
    this.#streams.clear();
    this.#engine.timers.cancel(this.#consentTimer);
    for (const socket of this.#opened) this.#engine.close(socket);
    this.#sockets.length = 0;
    this.#outlet.free();
    this.#scratch.free();
  }

  /** What an impairment has kept. The connection that it came by may be gone. */
  #receiveLate(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const stream = streamOf(socket);
    if (stream >= 0 && !this.#streams.has(stream)) this.#drop(DROP_UNKNOWN_STREAM);
    else this.#receive(socket, from, bytes, offset, length, now);
  }

  /** True for an authentic connectivity check. */
  #receive(
    socket: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): boolean {
    const kind = demultiplex(length === 0 ? undefined : bytes[offset]);
    if (kind === DATAGRAM_STUN) {
      // What is known of addresses may change.
      this.#lastTuple = undefined;
      const outcome = this.#ice.handleCheck(socket, from, bytes, offset, length, now);
      if (!this.#consentTimer.scheduled) this.#watchConsent();
      return outcome < 0;
    }
    if (kind !== DATAGRAM_DTLS && kind !== DATAGRAM_RTP) {
      this.#drop(DROP_UNKNOWN_KIND);
      return false;
    }
    const tuple = this.#find(socket, from);
    if (tuple === undefined) {
      this.#drop(DROP_NOT_VALIDATED);
      return false;
    }
    const { filter } = tuple.session;
    if (filter?.takes(socket, from, bytes, offset, length, now) === true) return false;
    if (kind === DATAGRAM_RTP) tuple.session.owner.receiveMedia(bytes, offset, length, now);
    else tuple.session.owner.receiveDtls(bytes, offset, length, now);
    return false;
  }

  #find(socket: number, from: TransportAddress): IceTuple<MediaTransport> | undefined {
    const last = this.#lastTuple;
    if (last !== undefined && last.socket === socket && last.remote.equals(from)) return last;
    const found = this.#ice.find(socket, from);
    this.#lastTuple = found;
    return found;
  }

  #watchConsent(): void {
    const { nextDeadline } = this.#ice;
    if (nextDeadline !== Infinity) this.#engine.timers.schedule(this.#consentTimer, nextDeadline);
  }

  #forget(transport: MediaTransport, session: IceSession<MediaTransport>): void {
    this.#lastTuple = undefined;
    this.#transports.delete(transport);
    this.#connecting.delete(transport);
    const sockets = session.tuples.map(({ socket }) => socket);
    this.#ice.close(session);
    for (const socket of sockets) this.#shut(streamOf(socket));
  }

  #shut(stream: number): void {
    if (this.#streams.delete(stream)) this.#streamSink?.closeStream(stream);
  }

  #drop(reason: number): void {
    this.#drops[reason]!++;
  }
}
