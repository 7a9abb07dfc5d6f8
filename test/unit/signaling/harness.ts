// A signaling server behind a real HTTP server on a free port, and raw WebSocket clients.
/* oxlint-disable eslint/no-await-in-loop -- one message after the other is the point */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { SignalingServer, mintToken } from '../../../signaling/index.ts';
import type { MintOptions, SignalingLimits, SignalingOptions } from '../../../signaling/index.ts';
import type { ServerMessage } from '../../../signaling/protocol.ts';
import { keptLog } from './test-clock.ts';
import type { KeptLog } from './test-clock.ts';

export const SECRET = 'a secret of at least 32 characters';

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isServerMessage(value: unknown): value is ServerMessage {
  return isObject(value) && typeof value['type'] === 'string';
}

/** The socket under a client, for bytes that no client library would send. */
export function tcpOf(ws: WebSocket): Socket {
  const socket: unknown = Reflect.get(ws, '_socket');
  if (!(socket instanceof Socket)) throw new Error('not connected');
  return socket;
}

export interface Closed {
  code: number;
  reason: string;
}

/** A client that does nothing by itself. Every wait is bounded by the test's own time-out. */
export class Client {
  readonly ws: WebSocket;
  /** Heard and not yet taken. */
  readonly heard: ServerMessage[] = [];
  closed: Closed | null = null;
  #id = 0;
  #wake: (() => void)[] = [];

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      const message: unknown = JSON.parse(data.toString());
      if (!isServerMessage(message)) throw new Error(`no message: ${data.toString()}`);
      this.heard.push(message);
      this.#notify();
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#notify();
    });
    ws.on('error', () => undefined);
  }

  nextId(): number {
    return ++this.#id;
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Sends with a fresh id and waits for the reply to it. */
  async request(
    message: Record<string, unknown>,
  ): Promise<MessageOf<'ok' | 'error' | 'joined' | 'answer'>> {
    const i = this.nextId();
    this.send({ ...message, i });
    return this.reply(i);
  }

  reply(i: number): Promise<MessageOf<'ok' | 'error' | 'joined' | 'answer'>> {
    return this.take(
      (m): m is MessageOf<'ok' | 'error' | 'joined' | 'answer'> => 're' in m && m.re === i,
    );
  }

  /** The next message of that type; those before it stay. */
  next<T extends ServerMessage['type']>(type: T): Promise<MessageOf<T>> {
    return this.take((m): m is MessageOf<T> => m.type === type);
  }

  async take<M extends ServerMessage>(fits: (message: ServerMessage) => message is M): Promise<M> {
    for (;;) {
      const found = this.heard.find(fits);
      if (found !== undefined) {
        this.heard.splice(this.heard.indexOf(found), 1);
        return found;
      }
      if (this.closed !== null) {
        throw new Error(
          `closed ${this.closed.code} while waiting; heard ${JSON.stringify(this.heard)}`,
        );
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The next `people` that fits; those before it stay. */
  people(
    fits: (message: MessageOf<'people'>) => boolean = () => true,
  ): Promise<MessageOf<'people'>> {
    return this.take((m): m is MessageOf<'people'> => m.type === 'people' && fits(m));
  }

  /** Waits until the socket is closed. */
  async close(): Promise<Closed> {
    while (this.closed === null) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this.closed;
  }

  /** Everything sent before has been handled, and everything the server sent before has arrived. */
  async settle(): Promise<void> {
    const t = Math.random();
    this.send({ type: 'ping', t });
    await this.take((m): m is MessageOf<'pong'> => m.type === 'pong' && m.t === t);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

export interface Refused {
  status: number;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export class Harness {
  readonly signaling: SignalingServer;
  readonly kept: KeptLog;
  readonly http: Server;
  readonly #sockets: WebSocket[] = [];

  private constructor(signaling: SignalingServer, kept: KeptLog, http: Server) {
    this.signaling = signaling;
    this.kept = kept;
    this.http = http;
  }

  static async start(
    limits: Partial<SignalingLimits> = {},
    options: Partial<SignalingOptions> = {},
  ): Promise<Harness> {
    const kept = keptLog();
    const signaling = new SignalingServer({
      keys: { app: SECRET },
      node: 'node-1',
      version: '9.9.9',
      origins: [],
      iceServers: (identity, requestHost) => ({
        servers: [{ urls: [`turn:${requestHost}`], username: identity, credential: 'c' }],
        expiresAt: 123,
      }),
      log: kept.log,
      limits: { sweepMs: 10, ...limits },
      ...options,
    });
    const http = createServer({ noDelay: false });
    http.on('upgrade', (req, socket, head) => signaling.handleUpgrade(req, socket, head));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Harness(signaling, kept, http);
  }

  get port(): number {
    const address = this.http.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  socket(options: ClientOptions = {}, path = '/v1/signal', protocols = ['sterna.v1']): WebSocket {
    const ws = new WebSocket(`ws://${this.host}${path}`, protocols, {
      perMessageDeflate: true,
      ...options,
    });
    this.#sockets.push(ws);
    return ws;
  }

  /** Connected, not joined. */
  async connect(options: ClientOptions = {}): Promise<Client> {
    const ws = this.socket(options);
    const client = new Client(ws);
    await once(ws, 'open');
    return client;
  }

  /** The HTTP answer instead of an upgrade. */
  async refused(
    options: ClientOptions = {},
    path?: string,
    protocols?: string[],
  ): Promise<Refused> {
    const ws = this.socket(options, path, protocols);
    ws.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      ws.on('open', () => reject(new Error('the upgrade went through')));
      ws.on('unexpected-response', (_, res: IncomingMessage) => {
        let body = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => (body += chunk));
        res.on('end', () => {
          const details: unknown = JSON.parse(body);
          if (!isObject(details)) throw new Error(`no problem details: ${body}`);
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: details });
        });
      });
    });
  }

  token(identity: string, options: Partial<MintOptions> = {}): string {
    return mintToken({
      key: 'app',
      secret: SECRET,
      identity,
      grants: { room: 'r', roomJoin: true },
      ttlSeconds: 600,
      ...options,
    });
  }

  /** A client that has joined. */
  async join(
    identity: string,
    options: { grants?: MintOptions['grants']; message?: Record<string, unknown> } = {},
  ): Promise<{ client: Client; joined: MessageOf<'joined'>; sid: string }> {
    const client = await this.connect();
    const grants = { room: 'r', roomJoin: true, ...options.grants };
    const token = this.token(identity, { grants });
    const joined = await client.request({ type: 'join', token, ...options.message });
    if (joined.type !== 'joined') throw new Error(`refused: ${JSON.stringify(joined)}`);
    return { client, joined, sid: joined.self.sid };
  }

  /** Another socket on the same session. */
  async resume(
    joined: MessageOf<'joined'>,
    lastSeq: number,
    message: Record<string, unknown> = {},
  ): Promise<{ client: Client; reply: MessageOf<'ok' | 'error' | 'joined' | 'answer'> }> {
    const client = await this.connect();
    const { id, secret } = joined.session;
    const reply = await client.request({
      type: 'join',
      session: { id, secret, lastSeq },
      ...message,
    });
    return { client, reply };
  }

  async stop(): Promise<void> {
    for (const ws of this.#sockets) ws.terminate();
    await this.signaling.close();
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
  }
}
