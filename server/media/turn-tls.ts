// TLS of TURN clients (RFC 8656 s3.1, RFC 7443): handshakes over connections that somebody else has accepted, and the
// certificate, which changes with its files. Sessions that are open go on.
// Called by: TurnStreamsHost.

import type { Socket } from 'node:net';
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
import { secureContextOf } from '../../shared/net/secure-context.ts';
import type { TlsFiles } from '../tls-files.ts';

/** RFC 7443 s3. A client that offers others alone is refused; one that offers none is served. */
const ALPN_PROTOCOLS = ['stun.turn', 'stun.nat-discovery'];

const HANDSHAKE_MS = 10_000;

/** The handshake over that connection is done; `socket` is what goes through it. */
type OnSecure = (raw: Socket, socket: TLSSocket) => void;

export class TurnTls {
  readonly #server: Server;
  readonly #onSecure: OnSecure;
  /** By 5-tuple, which is all that a TLSSocket tells of what is below it. */
  readonly #handshakes = new Map<string, Socket>();

  constructor(files: TlsFiles, onSecure: OnSecure) {
    const server = createServer({ ALPNProtocols: ALPN_PROTOCOLS, handshakeTimeout: HANDSHAKE_MS });
    files.tell((pair) => {
      const options = secureContextOf(pair);
      createSecureContext(options);
      return () => server.setSecureContext(options);
    });
    this.#server = server;
    this.#onSecure = onSecure;
    server.on('secureConnection', (socket) => this.#secured(socket));
    // Whoever speaks no TLS is no news.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Begins the handshake; bytes that were put back into the connection are the first of it. */
  accept(raw: Socket): void {
    const tuple = fiveTupleOf(raw);
    this.#handshakes.set(tuple, raw);
    raw.once('close', () => {
      if (this.#handshakes.get(tuple) === raw) this.#handshakes.delete(tuple);
    });
    this.#server.emit('connection', raw);
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const tuple = fiveTupleOf(socket);
    const raw = this.#handshakes.get(tuple);
    if (raw === undefined) {
      socket.destroy();
      return;
    }
    this.#handshakes.delete(tuple);
    this.#onSecure(raw, socket);
  }
}

function fiveTupleOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
