// The gateway and signaling of a server with an SFU, over real HTTP, whose media workers only write down what they are
// told: a test says what they would have said.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createGateway } from '../../gateway/http-server.ts';
import type { Gateway } from '../../gateway/http-server.ts';
import type { ServerState } from '../../gateway/routes/health.ts';
import { placesOf } from '../../server/room-places.ts';
import { whipApiOf } from '../../server/whip-api.ts';
import type { SfuCommand, SfuEvent } from '../../sfu/control.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { SIGNAL_PATH, SUBPROTOCOL, SignalingServer, mintToken } from '../../signaling/index.ts';
import type {
  MediaLost,
  MediaShortage,
  MintOptions,
  SignalingLimits,
} from '../../signaling/index.ts';
import type { JoinedMessage } from '../../signaling/protocol.ts';
import { Client } from '../unit/signaling/harness.ts';
import { RecordedPlane } from '../unit/signaling/recorded-plane.ts';
import { call } from './http-call.ts';
import type { Answer } from './http-call.ts';
import { NO_APIS } from './no-apis.ts';

export const KEY = { name: 'app', secret: 'a secret of at least 32 characters' };

type Command<Type extends SfuCommand['type']> = Extract<SfuCommand, { type: Type }>;

export interface Posted extends Answer {
  /** The path of the session. */
  location: string;
  etag: string;
}

export interface Joined {
  client: Client;
  joined: JoinedMessage;
}

export class WhipServer {
  state: ServerState = 'ready';
  readonly signaling: SignalingServer;
  /** How far the wall clock is ahead, milliseconds. */
  aheadMs = 0;
  readonly #plane = new RecordedPlane();
  #gateway: Gateway | undefined;
  #port = 0;

  private constructor(limits: Partial<SignalingLimits>) {
    this.signaling = new SignalingServer({
      keys: { [KEY.name]: KEY.secret },
      node: 'node-1',
      version: '9.9.9',
      origins: [],
      media: this.#plane,
      iceServers: (identity, requestHost) => ({
        servers: [
          { urls: [`stun:${requestHost}`] },
          {
            urls: [`turn:${requestHost}?transport=udp`, `turn:${requestHost}?transport=tcp`],
            username: `"${identity}\\`,
            credential: 'c',
          },
        ],
        expiresAt: 123,
      }),
      clock: {
        monotonic: () => systemClock.monotonic(),
        wall: () => systemClock.wall() + this.aheadMs,
      },
      log: silentLogger,
      limits: { sweepMs: 10, ...limits },
    });
  }

  static async start(limits: Partial<SignalingLimits> = {}): Promise<WhipServer> {
    const server = new WhipServer(limits);
    const { signaling } = server;
    server.#gateway = createGateway({
      ...NO_APIS,
      signalPath: SIGNAL_PATH,
      state: () => server.state,
      onUpgrade: (request, socket, head) => signaling.handleUpgrade(request, socket, head),
      whip: whipApiOf(signaling.whip!, placesOf(undefined)),
    });
    server.#port = await server.#gateway.listen('127.0.0.1', 0);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  token(identity: string, options: Partial<MintOptions> = {}): string {
    return mintToken({
      key: KEY.name,
      secret: KEY.secret,
      identity,
      ttlSeconds: 60,
      ...options,
      grants: { room: 'r', roomJoin: true, ...options.grants },
    });
  }

  call(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string,
  ): Promise<Answer> {
    return call(this.#port, method, path, headers, body);
  }

  post(
    path: string,
    bearer: string,
    sdp: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const all = {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/sdp',
      ...headers,
    };
    return this.call('POST', path, all, sdp);
  }

  /** As `post`, and fails when no session came of it. */
  async open(path: string, bearer: string, sdp: string): Promise<Posted> {
    const answer = await this.post(path, bearer, sdp);
    const { location, etag } = answer.headers;
    if (answer.status !== 201 || location === undefined || etag === undefined) {
      throw new Error(`${answer.status} ${answer.body}`);
    }
    return { ...answer, location, etag };
  }

  patch(
    location: string,
    bearer: string,
    ifMatch: string | undefined,
    fragment: string,
  ): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/trickle-ice-sdpfrag',
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    };
    return this.call('PATCH', location, headers, fragment);
  }

  delete(location: string, bearer: string): Promise<Answer> {
    return this.call('DELETE', location, { authorization: `Bearer ${bearer}` });
  }

  /** What the media worker was told, of that type. */
  commands<Type extends SfuCommand['type']>(type: Type): Command<Type>[] {
    return this.#plane.current.all(type);
  }

  /** The publication that each slot of the newest transport with slots is pointed at. */
  slots(): Record<string, number> {
    const opened = this.commands('sfu.open').findLast(({ slots }) => slots.length > 0);
    return opened === undefined ? {} : this.#plane.current.slots(opened.id);
  }

  /** Of the media worker. */
  set shortage(shortage: MediaShortage | null) {
    this.#plane.current.shortage = shortage;
  }

  /** What the media worker says. */
  tell(event: SfuEvent | MediaLost): void {
    this.#plane.emit(event);
  }

  /** Identities in the room, hidden ones included. */
  people(room = 'r'): string[] {
    const members = this.signaling.rooms.get(room)?.members() ?? [];
    return Array.from(members, ({ participant }) => participant.identity);
  }

  /** A participant over WebSocket, which has joined. */
  async join(identity: string, options: Partial<MintOptions> = {}): Promise<Joined> {
    const ws = new WebSocket(`ws://${this.host}${SIGNAL_PATH}`, [SUBPROTOCOL]);
    const client = new Client(ws);
    await once(ws, 'open');
    const joined = await client.request({ type: 'join', token: this.token(identity, options) });
    if (joined.type !== 'joined') throw new Error(`refused: ${JSON.stringify(joined)}`);
    return { client, joined };
  }

  async close(): Promise<void> {
    await this.signaling.close();
    await this.#gateway?.close();
  }
}
