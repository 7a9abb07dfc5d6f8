// TLS of TURN clients (RFC 8656 s3.1, RFC 7443): handshakes over connections that somebody else has accepted, and the
// certificate, which is read anew when its files change. Sessions that are open go on.
// Called by: TurnStreamsHost.

import { constants, createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { type TlsPair, tlsPairProblem } from '../../shared/config/tls-pair.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

/** RFC 7443 s3. A client that offers others alone is refused; one that offers none is served. */
const ALPN_PROTOCOLS = ['stun.turn', 'stun.nat-discovery'];

const HANDSHAKE_MS = 10_000;

/** How often the files are looked at. */
const POLL_MS = 3000;

export interface TurnTlsParts {
  readonly log: Logger;
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  /** The handshake over that connection is done; `socket` is what goes through it. */
  readonly onSecure: (raw: Socket, socket: TLSSocket) => void;
  /** Of the files; POLL_MS when left out. */
  readonly pollMs?: number;
}

/** What the files held at one look; `name` is equal where they held the same. */
interface Look {
  readonly name: string;
  readonly pair?: TlsPair;
  /** Why it is not to be used. */
  readonly problem?: string;
}

export class TurnTls {
  readonly #parts: TurnTlsParts;
  readonly #server: Server;
  /** By 5-tuple, which is all that a TLSSocket tells of what is below it. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #poll: NodeJS.Timeout;
  /** Names of looks: what is served, what was seen last, what was refused last. */
  #served: string;
  #seen: string;
  #refused: string | undefined;

  private constructor(parts: TurnTlsParts, pair: TlsPair, name: string) {
    this.#parts = parts;
    this.#served = name;
    this.#seen = name;
    this.#server = createServer({
      ...contextOf(pair),
      ALPNProtocols: ALPN_PROTOCOLS,
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    // Whoever speaks no TLS is no news.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#poll = setInterval(() => void this.#look(false), parts.pollMs ?? POLL_MS).unref();
  }

  /** Rejects where the files are not what the check of the configuration has seen. */
  static async create(parts: TurnTlsParts): Promise<TurnTls> {
    const { pair, problem, name } = await lookAt(parts);
    if (pair === undefined) throw new SternaError('TLS_UNAVAILABLE', problem ?? '');
    return new TurnTls(parts, pair, name);
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
    return this.#look(true);
  }

  close(): void {
    clearInterval(this.#poll);
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

  /** Files are written one after the other: unless it is `atOnce`, what they hold has to be the same at two looks. */
  async #look(atOnce: boolean): Promise<void> {
    const { name, pair, problem } = await lookAt(this.#parts);
    const isToBeTaken = atOnce || name === this.#seen;
    this.#seen = name;
    if (!isToBeTaken || name === this.#served) return;
    if (pair === undefined) {
      if (name !== this.#refused) this.#parts.log.error('turn.tls-refused', { problem });
      this.#refused = name;
      return;
    }
    this.#server.setSecureContext(contextOf(pair));
    this.#served = name;
    this.#refused = undefined;
    const { validTo } = new X509Certificate(pair.cert);
    this.#parts.log.info('turn.tls-reloaded', { validTo });
  }
}

async function lookAt({ cert, key }: TurnTlsParts): Promise<Look> {
  let pair: TlsPair;
  try {
    pair = { cert: await readFile(cert), key: await readFile(key) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { name: problem, problem };
  }
  const name = `${digest(pair.cert)} ${digest(pair.key)}`;
  const wrong = tlsPairProblem(pair);
  if (wrong === undefined) return { name, pair };
  const path = wrong.field === 'cert' ? cert : key;
  return { name, problem: `turn.tls.${wrong.field}: expected ${wrong.expected}, got ${path}` };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function contextOf(pair: TlsPair): SecureContextOptions {
  return {
    ...pair,
    // RFC 9325 s3.1.1.
    minVersion: 'TLSv1.2',
    // A renegotiation costs the client nothing and the server a handshake.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

function fiveTupleOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
