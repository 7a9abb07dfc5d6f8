// STUN and TURN over DTLS (RFC 7350), without I/O: a socket owner that answers who has not shown to receive at its address
// with a HelloVerifyRequest and keeps nothing of it, hands what the records of the others have to the TURN core, and
// is the core's way back. Called by an engine, and by its host for start and stop.
// Allocates: a session with each handshake; nothing per message.

import { DtlsContext } from '../shared/native/dtls-context.ts';
import type { Engine, SocketOwner } from '../shared/net/engine.ts';
import type { TransportAddress } from '../shared/net/transport-address.ts';
import {
  ClientHello,
  CONTENT_APPLICATION_DATA,
  CONTENT_CHANGE_CIPHER_SPEC,
  HELLO_VERIFY_BYTES,
  isClientHello,
  recordBytes,
  writeHelloVerify,
} from './client-hello.ts';
import {
  type DerCertificate,
  type PemCertificate,
  readPemCertificate,
} from './dtls-certificate.ts';
import { DtlsClient, type DtlsClientOwner, type DtlsEnd } from './dtls-client.ts';
import { DTLS_FAILURES, type DtlsFailure } from './dtls-failure.ts';
import { DtlsEndpoint } from './dtls-endpoint.ts';
import { DtlsSources } from './dtls-sources.ts';
import { HelloCookies } from './hello-cookies.ts';
import {
  DTLS_FLIGHT_BYTES_MAX,
  DTLS_HANDSHAKES_MAX,
  DTLS_HANDSHAKES_PER_SOURCE_MAX,
  DTLS_RETRANSMIT_MS,
  DTLS_SESSIONS_MAX,
  DTLS_SESSIONS_PER_SOURCE_MAX,
} from './limits.ts';
import type { ListenAt, ListenResult } from './listening.ts';
import type { TurnServer } from './turn-server.ts';
import type { SourceCap } from './source-cap.ts';

export interface DtlsStats {
  /** Of clients whose handshake is done. */
  sessions: number;
  /** Handshakes that are going on, and those that were done since the start. */
  handshaking: number;
  handshakes: number;
  /** Messages to clients that no record holds, or whose client was gone. */
  unsent: number;
  /** Handshakes, by reason. */
  failures: Partial<Record<DtlsFailure, number>>;
}

export interface DtlsClientsOptions {
  readonly engine: Engine;
  readonly server: TurnServer;
  /** What is sent to somebody who has not authenticated counts there. */
  readonly cap: SourceCap;
  readonly certificate: PemCertificate;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** What the cap takes for a HelloVerifyRequest, and for the flight that follows: a client gets both, and is one. */
const HALF_A_REPLY = 0.5;

const isFailure = (reason: DtlsEnd): reason is DtlsEnd & DtlsFailure =>
  DTLS_FAILURES.some((failure) => failure === reason);

export class DtlsClients {
  readonly #engine: Engine;
  readonly #server: TurnServer;
  readonly #cap: SourceCap;
  readonly #cookies: HelloCookies;
  readonly #hello = new ClientHello();
  readonly #verify = new Uint8Array(HELLO_VERIFY_BYTES);
  /** By tag; undefined until the socket is open. Behind those that were asked for, the addresses of wildcards. */
  readonly #endpoints: (DtlsEndpoint | undefined)[] = [];
  readonly #sockets: number[] = [];
  readonly #sources = new DtlsSources();
  /** The oldest first. */
  readonly #handshaking = new Set<DtlsClient>();
  readonly #failures: Partial<Record<DtlsFailure, number>> = Object.fromEntries(
    DTLS_FAILURES.map((reason) => [reason, 0]),
  );
  readonly #owner: DtlsClientOwner;
  #context: DtlsContext;
  /** Those of certificates before, while sessions use them. */
  #retired: DtlsContext[] = [];
  #sessions = 0;
  #handshakes = 0;
  #closed = false;

  /** Throws an Error where OpenSSL cannot be called or refuses the certificate. */
  constructor({ engine, server, cap, certificate, now }: DtlsClientsOptions) {
    this.#engine = engine;
    this.#server = server;
    this.#cap = cap;
    this.#cookies = new HelloCookies(now);
    this.#context = contextOf(readPemCertificate(certificate));
    this.#owner = {
      timers: engine.timers,
      transmit: ({ endpoint, address }, bytes, offset, length) => {
        engine.send(this.#endpoint(endpoint).socket, address, bytes, offset, length);
      },
      onConnected: (client) => {
        this.#handshaking.delete(client);
        client.source.handshakes--;
        this.#sessions++;
        this.#handshakes++;
      },
      onMessage: ({ endpoint, address }, bytes, length, at) => {
        server.receive(this.#endpoint(endpoint).listener, address, bytes, 0, length, at);
      },
      isInUse: ({ endpoint, address }) =>
        this.#endpoint(endpoint).listener.allocations.get(address) !== undefined,
      onEnded: (client, reason) => this.#onEnded(client, reason),
    };
  }

  /** Opens the listeners; `done` gets one result for each, in order. */
  listen(listeners: readonly ListenAt[], done: (results: ListenResult[]) => void): void {
    const results: (ListenResult | undefined)[] = listeners.map(() => undefined);
    let pending = listeners.length;
    const owner: SocketOwner = {
      onOpened: (tag, address, failure) => {
        if (failure === undefined) this.#admit(tag, this.#sockets[tag]!, address);
        results[tag] = { address, failure };
        pending--;
        if (pending === 0) done(results.filter((result) => result !== undefined));
      },
      // The server's address is part of the 5-tuple, as on UDP.
      onLocal: (_tag, socket, local) => {
        const tag = this.#endpoints.length;
        this.#admit(tag, socket, local);
        return tag;
      },
      onDatagram: (tag, from, bytes, offset, length, now) =>
        this.#receive(tag, from, bytes, offset, length, now),
    };
    this.#endpoints.length = listeners.length;
    const engine = this.#engine;
    for (const [tag, { address, socket, dualStack = false }] of listeners.entries()) {
      this.#sockets[tag] =
        socket === undefined
          ? engine.open(address, owner, tag, { dualStack })
          : engine.adopt(socket, owner, tag, { borrowed: true });
    }
    if (pending === 0) done([]);
  }

  /** For the handshakes to come; sessions that live go on. Throws as the constructor does, and all is as before. */
  replaceCertificate(certificate: PemCertificate): void {
    const context = contextOf(readPemCertificate(certificate));
    this.#retired.push(this.#context);
    this.#context = context;
    this.#freeRetired();
  }

  stats(): DtlsStats {
    return {
      sessions: this.#sessions,
      handshaking: this.#handshaking.size,
      handshakes: this.#handshakes,
      unsent: this.#endpoints.reduce((sum, endpoint) => sum + (endpoint?.unsent ?? 0), 0),
      failures: { ...this.#failures },
    };
  }

  /** Says close_notify to all, and closes the sockets. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const endpoint of this.#endpoints) {
      for (const client of endpoint?.clients.values() ?? []) client.close('stopped');
    }
    for (const socket of this.#sockets) this.#engine.close(socket);
    this.#freeRetired();
    this.#context.free();
  }

  #endpoint(tag: number): DtlsEndpoint {
    const endpoint = this.#endpoints[tag];
    if (endpoint === undefined) throw new Error('a DTLS client without its listener');
    return endpoint;
  }

  #admit(tag: number, socket: number, address: TransportAddress): void {
    const endpoint = new DtlsEndpoint(socket);
    endpoint.listener = this.#server.admit('dtls', address, endpoint);
    this.#endpoints[tag] = endpoint;
  }

  /** A datagram, record by record; what follows one that is cut short is passed over (RFC 6347 s4.1.2.7). */
  #receive(
    tag: number,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    length: number,
    now: number,
  ): void {
    const endpoint = this.#endpoints[tag];
    if (endpoint === undefined || this.#closed) return;
    if (this.#retired.length > 0) this.#freeRetired();
    const end = offset + length;
    for (let at = offset; at < end;) {
      const record = recordBytes(bytes, at, end - at);
      if (record === 0) return;
      if (isClientHello(bytes, at, record)) {
        this.#onHello(tag, endpoint, from, bytes, at, record, now);
      } else if (
        bytes[at]! >= CONTENT_CHANGE_CIPHER_SPEC &&
        bytes[at]! <= CONTENT_APPLICATION_DATA
      ) {
        endpoint.clients.get(from)?.receive(bytes, at, record, now);
      }
      at += record;
    }
  }

  #onHello(
    tag: number,
    endpoint: DtlsEndpoint,
    from: TransportAddress,
    bytes: Uint8Array,
    offset: number,
    record: number,
    now: number,
  ): void {
    const hello = this.#hello;
    if (!hello.read(bytes, offset, record)) return this.#count('malformed');
    const known = endpoint.clients.get(from);
    if (known?.beganWith(hello) === true) return known.receive(bytes, offset, record, now);
    if (hello.messageSequence !== 1 || !this.#cookies.verify(from, hello, now)) {
      return this.#askBack(endpoint, from, now);
    }
    // RFC 6347 s4.2.8: it has shown where it receives, so an older association of that address is over.
    known?.abandon('replaced');
    this.#begin(tag, endpoint, from, now);
  }

  /** RFC 6347 s4.2.1: also where a cookie is not good any more. Never larger than what it answers. */
  #askBack(endpoint: DtlsEndpoint, from: TransportAddress, now: number): void {
    if (!this.#cap.allow(from, now, HALF_A_REPLY)) return this.#count('unauthenticated-cap');
    writeHelloVerify(this.#verify, this.#hello, this.#cookies.make(from, this.#hello, now));
    this.#engine.send(endpoint.socket, from, this.#verify, 0, HELLO_VERIFY_BYTES);
  }

  /** Of the ClientHello that was read last. */
  #begin(tag: number, endpoint: DtlsEndpoint, from: TransportAddress, now: number): void {
    const hello = this.#hello;
    // The flight that follows is a reply, too, and costs more: a signature. A cookie may come any number of times.
    if (!this.#cap.allow(from, now, HALF_A_REPLY)) return this.#count('unauthenticated-cap');
    const source = this.#sources.find(from);
    if (
      this.#sessions + this.#handshaking.size >= DTLS_SESSIONS_MAX ||
      source.sessions >= DTLS_SESSIONS_PER_SOURCE_MAX ||
      source.handshakes >= DTLS_HANDSHAKES_PER_SOURCE_MAX
    ) {
      this.#sources.release(source);
      return this.#count('too-many');
    }
    const client = new DtlsClient(this.#owner, this.#context, tag, from, source, hello, now);
    source.sessions++;
    source.handshakes++;
    if (this.#handshaking.size >= DTLS_HANDSHAKES_MAX) this.#evictOldest();
    this.#handshaking.add(client);
    endpoint.clients.set(client.address, client);
    client.begin(hello.bytes, hello.offset, hello.record, now);
  }

  #evictOldest(): void {
    for (const oldest of this.#handshaking) return oldest.abandon('evicted');
  }

  #onEnded(client: DtlsClient, reason: DtlsEnd): void {
    const { source } = client;
    const endpoint = this.#endpoint(client.endpoint);
    endpoint.clients.delete(client.address);
    source.sessions--;
    if (client.connected) {
      this.#sessions--;
      this.#server.disconnected(endpoint.listener, client.address);
    } else {
      this.#handshaking.delete(client);
      source.handshakes--;
      if (isFailure(reason)) this.#count(reason);
    }
    this.#sources.release(source);
  }

  /** Not when their last session ends: what it has read lies in their memory, and is being handled. */
  #freeRetired(): void {
    this.#retired = this.#retired.filter((context) => {
      if (context.sessions > 0) return true;
      context.free();
      return false;
    });
  }

  #count(reason: DtlsFailure): void {
    this.#failures[reason] = (this.#failures[reason] ?? 0) + 1;
  }
}

function contextOf(certificate: DerCertificate): DtlsContext {
  return new DtlsContext({
    ...certificate,
    datagramBytesMax: DTLS_FLIGHT_BYTES_MAX,
    retransmitMs: DTLS_RETRANSMIT_MS,
  });
}
