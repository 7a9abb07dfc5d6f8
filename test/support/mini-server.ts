// A small server for tests of the SDK and the page: the real signaling behind plain node:http, with the
// built page, tokens for anybody, and a network that a test can cut. /blank is a page with nothing but the
// SDK. No TURN, and media only as far as a test brings it.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { z } from 'zod';
import { SIGNAL_PATH, SignalingServer, mintToken } from '../../signaling/index.ts';
import type { IceServer, MediaPlane, MintOptions, SignalingLimits } from '../../signaling/index.ts';
import { Session } from '../../signaling/session.ts';

const KEY = 'mini';
const SECRET = 'a secret for tests, long enough to be one';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** As an application without a bundler loads the SDK. */
const SDK_PAGE =
  '<!doctype html><script type="module">' +
  "import * as sdk from '/sterna.js'; window.sdk = sdk;</script>";
/** As strict as the real gateway's. */
const CSP =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; " +
  "media-src 'self' blob: mediastream:; object-src 'none'; base-uri 'none'; form-action 'self'";

const tokenRequest = z.object({ room: z.string(), identity: z.string(), name: z.string() });

export interface MiniServerOptions {
  port?: number;
  /** Without it POST /dev/token answers 404, as in production. */
  mintsTokens?: boolean;
  iceServers?: IceServer[];
  /** Of the ICE credentials, milliseconds. */
  iceTtlMs?: number;
  limits?: Partial<SignalingLimits>;
  /** Rooms are of mode `sfu`, with these media workers. */
  media?: MediaPlane;
}

export interface TokenOptions extends Partial<
  Pick<MintOptions, 'identity' | 'name' | 'ttlSeconds'>
> {
  room?: string;
  /** Over the default, which allows everything in the room. */
  grants?: MintOptions['grants'];
}

export class MiniServer {
  readonly signaling: SignalingServer;
  readonly #options: MiniServerOptions;
  readonly #http: Server;
  readonly #sockets = new Set<Socket>();
  /** Upgrades are refused by closing the connection. */
  unreachable = false;

  private constructor(options: MiniServerOptions) {
    this.#options = options;
    this.signaling = new SignalingServer({
      keys: { [KEY]: SECRET },
      node: 'mini',
      version: '0.0.0',
      origins: ['*'],
      iceServers: () => ({
        servers: options.iceServers ?? [],
        expiresAt: Date.now() + (options.iceTtlMs ?? 3_600_000),
      }),
      log: pino({ level: 'silent' }),
      ...(options.limits ? { limits: options.limits } : {}),
      ...(options.media ? { media: options.media } : {}),
    });
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (this.unreachable || request.url !== SIGNAL_PATH) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.signaling.handleUpgrade(request, socket, head);
    });
  }

  static async start(options: MiniServerOptions = {}): Promise<MiniServer> {
    const server = new MiniServer(options);
    await new Promise<void>((resolve) => {
      server.#http.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return server;
  }

  get port(): number {
    const address = this.#http.address();
    if (typeof address !== 'object' || address === null) throw new Error('Not listening');
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  token(options: TokenOptions = {}): string {
    const { identity = 'somebody', name = identity, room = 'r', ttlSeconds = 600 } = options;
    const grants = { room, roomJoin: true, ...options.grants };
    return mintToken({ key: KEY, secret: SECRET, identity, name, grants, ttlSeconds });
  }

  /** Ends the connections of all signaling sockets as a failing network does: without a close frame. */
  cutSockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the socket of one participant and says whether there was one. */
  cutSocketOf(sid: string): boolean {
    for (const room of this.signaling.rooms.list()) {
      for (const member of room.members()) {
        const socket = member instanceof Session ? member.socket : null;
        if (member.participant.sid !== sid || socket === null) continue;
        socket.terminate();
        return true;
      }
    }
    return false;
  }

  async close(): Promise<void> {
    await this.signaling.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    if (pathname === '/dev/token' && request.method === 'POST') {
      await this.#answerToken(request, response);
      return;
    }
    if (pathname === '/blank') {
      response.writeHead(200, { 'content-type': TYPES['.html'] }).end(SDK_PAGE);
      return;
    }
    const name = pathname === '/' ? '/index.html' : pathname;
    const type = TYPES[extname(name)];
    if (!type || name.includes('..')) {
      response.writeHead(404).end();
      return;
    }
    const file = fileURLToPath(new URL(`../../dist/web${name}`, import.meta.url));
    const body = await readFile(file);
    response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP }).end(body);
  }

  async #answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.mintsTokens === false) {
      response.writeHead(404).end();
      return;
    }
    const asked = tokenRequest.parse(await json(request));
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ token: this.token(asked) }));
  }
}
