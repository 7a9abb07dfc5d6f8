// TLS of TURN clients (RFC 8656 s3.1, RFC 7443): handshakes over connections that somebody else has accepted, and the
// certificate, which is read anew when its files change. Sessions that are open go on.
// Called by: TurnStreamsHost.

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TlsPair } from '../../shared/config/tls-pair.ts';
import type { Logger } from '../../shared/log.ts';
import { secureContextOf } from '../../shared/net/secure-context.ts';
import { TlsFiles } from '../tls-files.ts';

/** RFC 7443 s3. A client that offers others alone is refused; one that offers none is served. */
const ALPN_PROTOCOLS = ['stun.turn', 'stun.nat-discovery'];

const HANDSHAKE_MS = 10_000;

export interface TurnTlsParts {
  readonly log: Logger;
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  /** The handshake over that connection is done; `socket` is what goes through it. */
  readonly onSecure: (raw: Socket, socket: TLSSocket) => void;
  /** How often the files are looked at, as `TlsFiles` has it. */
  readonly pollMs?: number;
}

export class TurnTls {
  readonly #parts: TurnTlsParts;
  readonly #server: Server;
  /** By 5-tuple, which is all that a TLSSocket tells of what is below it. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #files: TlsFiles;

  private constructor(parts: TurnTlsParts, server: Server, files: TlsFiles) {
    this.#parts = parts;
    this.#server = server;
    this.#files = files;
    server.on('secureConnection', (socket) => this.#secured(socket));
    // Whoever speaks no TLS is no news.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Rejects where the files are not what the check of the configuration has seen. */
  static async create(parts: TurnTlsParts): Promise<TurnTls> {
    const server = createServer({ ALPNProtocols: ALPN_PROTOCOLS, handshakeTimeout: HANDSHAKE_MS });
    const { log, cert, key, pollMs } = parts;
    const onChange = (pair: TlsPair): void => server.setSecureContext(secureContextOf(pair));
    const files = await TlsFiles.open({ log, group: 'turn', cert, key, pollMs, onChange });
    onChange(files.pair);
    return new TurnTls(parts, server, files);
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

  /** Reads the files at once. */
  reload(): Promise<void> {
    return this.#files.reload();
  }

  close(): void {
    this.#files.close();
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
    this.#parts.onSecure(raw, socket);
  }
}

function fiveTupleOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
