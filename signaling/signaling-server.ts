// The signaling service: turns upgrades into conversations, and watches deadlines with one interval.
// Called by: the server entry. Owns conversations, sessions, rooms, the token verifier; `close` ends them.
// Sockets have TCP_NODELAY (messages are small and waited for) and no deflate (memory, bombs).

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import { systemClock } from '../shared/clock.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import type { KeySource } from '../shared/keys/key-source.ts';
import { AddressCounts } from './address-counts.ts';
import type { AddressCount } from './address-counts.ts';
import { SUBPROTOCOL } from './codes.ts';
import { Conversation } from './conversation.ts';
import type { DurationStats } from './durations.ts';
import { Entrance } from './entrance.ts';
import { Guests } from './guests.ts';
import type { Guest } from './guests.ts';
import { JoinRates } from './join-rates.ts';
import { signalingLimits } from './limits.ts';
import type { SignalingLimits } from './limits.ts';
import type { MediaPlane } from './media-plane.ts';
import { Switchboard } from './media/switchboard.ts';
import type { MediaStats } from './media/switchboard.ts';
import { Rehearsal } from './rehearsal.ts';
import { refusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { RoomObserver } from './room-events.ts';
import { executeRoomCommand } from './room-commands.ts';
import type { RoomAnswer, RoomCommand } from './room-commands.ts';
import { RoomStats } from './room-stats.ts';
import type { RoomRouter } from './room-router.ts';
import { Rooms } from './rooms.ts';
import { Counters } from './service.ts';
import type { IceConfig, ReasonCounts, Service, SimulationCounts } from './service.ts';
import { Sessions } from './sessions.ts';
import { SignalSocket } from './signal-socket.ts';
import type { Wire } from './signal-socket.ts';
import { TokenVerifier } from './tokens.ts';
import { answerProblem, checkUpgrade, clientOf, problem } from './upgrade.ts';
import type { UpgradeClient, UpgradeProblem } from './upgrade.ts';
import { WhipEndpoint } from './whip/whip-endpoint.ts';
import type { WhipStats } from './whip/whip-counters.ts';

/** A half-sent message is held in pieces; its size alone does not bound how many. */
const FRAGMENTS_MAX = 256;
const CHUNKS_MAX = 4096;

/** Then a join costs what it costs from then on. Two tenths of a second in all, one join at a time. */
const REHEARSALS = 40;

export interface SignalingOptions {
  /** API keys: names and HS256 secrets of at least 32 characters, or where they come from. */
  keys: Readonly<Record<string, string>> | KeySource;
  node: string;
  version: string;
  /** Allowed Origins besides the request's own host; `*` allows all. */
  origins: readonly string[];
  iceServers(identity: string, requestHost: string): IceConfig;
  /** Makes all rooms of mode `sfu`; they are `p2p` without. */
  media?: MediaPlane | undefined;
  /** Where rooms are at several nodes. */
  router?: RoomRouter | undefined;
  clock?: Clock;
  log: Logger;
  limits?: Partial<SignalingLimits>;
  /** Is told what happens in rooms. */
  observer?: RoomObserver | undefined;
}

export interface SignalingStats {
  sockets: number;
  /** Whose WebSocket is at another node. */
  guests: number;
  unauthenticated: number;
  sessions: number;
  away: number;
  rooms: number;
  messages: number;
  joins: number;
  resumes: number;
  takeovers: number;
  joinDurations: DurationStats;
  /** Undefined without an SFU. */
  media: MediaStats | undefined;
  /** `error` messages, HTTP refusals of upgrades, and closes by this server, by reason. */
  refusals: ReasonCounts;
  closes: ReasonCounts;
  simulations: SimulationCounts;
  /** Undefined without an SFU. */
  whip: WhipStats | undefined;
  tokens: ReturnType<TokenVerifier['stats']>;
}

export class SignalingServer {
  readonly rooms: Rooms;
  readonly roomStats: RoomStats;
  readonly tokens: TokenVerifier;
  /** Undefined without an SFU. */
  readonly whip: WhipEndpoint | undefined;
  readonly #service: Service;
  readonly #origins: readonly string[];
  readonly #wss: WebSocketServer;
  /** With what is in front of each where rooms are at several nodes. */
  readonly #conversations = new Map<Conversation, Entrance | null>();
  readonly #guests: Guests;
  #isFrozen = false;
  /** In the order of their deadlines. */
  readonly #unauthenticated = new Set<Conversation>();
  readonly #addresses = new AddressCounts();
  readonly #sweeper: NodeJS.Timeout;
  #draining: { afterMs: number | undefined } | null = null;
  #onEmpty: (() => void) | null = null;

  /** Throws SternaError `CONFIG_INVALID` for keys or limits out of bounds. */
  constructor(options: SignalingOptions) {
    const { log } = options;
    const clock = options.clock ?? systemClock;
    const limits = signalingLimits(options.limits);
    this.#origins = options.origins;
    this.tokens = new TokenVerifier(options.keys, { clock });
    const { media } = options;
    const switchboard = media === undefined ? null : new Switchboard(media, log);
    this.rooms = new Rooms(clock, log, limits, switchboard, options.observer ?? null);
    this.roomStats = new RoomStats(this.rooms, switchboard?.reports ?? null);
    this.#service = {
      clock,
      log,
      limits,
      rooms: this.rooms,
      sessions: new Sessions(clock, log, limits, options.router?.node),
      tokens: this.tokens,
      joinRates: new JoinRates(clock, limits.joins),
      switchboard,
      counters: new Counters(),
      router: options.router ?? null,
      node: options.node,
      version: options.version,
      admits: true,
      iceServers: (identity, requestHost) => options.iceServers(identity, requestHost),
    };
    this.#guests = new Guests(this.#service);
    this.whip = switchboard === null ? undefined : new WhipEndpoint(this.#service);
    this.#wss = webSocketServer(limits);
    this.#wss.on('wsClientError', (error, socket) => {
      this.#refuse(socket, problem('BAD_MESSAGE', error.message));
    });
    this.#sweeper = setInterval(() => this.#sweep(), limits.sweepMs).unref();
  }

  /** Asks something of a room, whole; what it answers may be a refusal. */
  execute(command: RoomCommand): RoomAnswer {
    return executeRoomCommand(this.#service, command);
  }

  /**
   * For the `upgrade` event of the HTTP server, its path checked by the caller. Answers in every case.
   * @param client whose it is, where the request does not tell that itself
   */
  handleUpgrade(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    client: UpgradeClient = clientOf(req),
  ): void {
    socket.on('error', () => socket.destroy());
    const count = this.#addresses.of(client.address);
    const wrong = this.#checkCapacity(count) ?? checkUpgrade(req, this.#origins, client);
    if (wrong !== null) return this.#refuse(socket, wrong);
    if (socket instanceof Socket) socket.setNoDelay(true);
    return this.#wss.handleUpgrade(req, socket, head, (ws) => {
      this.#accept(ws, socket, count, client.host);
    });
  }

  /** Makes the first joins as quick as later ones. Work of its own between that of others, and none once we drain. */
  async rehearse(): Promise<void> {
    const { log } = this.#service;
    const rehearsal = new Rehearsal(this.#service, (refused) => {
      log.error('signaling.rehearsal_failed', { refused });
    });
    for (let n = 0; n < REHEARSALS && this.#service.admits && this.#draining === null; n++) {
      rehearsal.join();
      // oxlint-disable-next-line no-await-in-loop -- lets others in
      await new Promise((resolve) => setImmediate(resolve));
    }
    rehearsal.end();
  }

  stats(): SignalingStats {
    const { counters, sessions, switchboard } = this.#service;
    return {
      sockets: this.#conversations.size,
      guests: this.#guests.size,
      unauthenticated: this.#unauthenticated.size,
      sessions: sessions.size,
      away: sessions.awayCount,
      rooms: this.rooms.size,
      messages: counters.messages,
      joins: counters.joins,
      resumes: counters.resumes,
      takeovers: counters.takeovers,
      joinDurations: counters.joinDurations.stats(),
      media: switchboard?.stats(),
      ...counters.byReason(),
      simulations: counters.simulations,
      whip: this.whip?.stats(),
      tokens: this.tokens.stats(),
    };
  }

  /** Whether participants may join from now on. Those who are here go on, and may resume. */
  admit(on: boolean): void {
    this.#service.admits = on;
  }

  /** A WebSocket that is at another node; null when there are too many. `onJoined` is called when it is in a room. */
  receiveGuest(wire: Wire, requestHost: string, onJoined: () => void): Guest | null {
    return this.#draining === null ? this.#guests.open(wire, requestHost, onJoined) : null;
  }

  /**
   * Closes the WebSockets of all sessions, which wait until after `thaw` for their clients to come back. Until then
   * nothing is served: another node may do so. Media flows on.
   */
  freeze(why: Refusal): void {
    this.#isFrozen = true;
    for (const conversation of this.#everybody()) {
      if (conversation.session !== null) conversation.cut(why);
    }
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#service.sessions.waitAnew(this.#service.clock.monotonic());
  }

  /**
   * Says `bye` DRAINING to all, with `afterMs` as the pause before they join elsewhere, and answers
   * upgrades with 503. Resolves when every socket is closed, `closeTimeoutMs` at the latest.
   */
  async drain(afterMs?: number): Promise<void> {
    if (this.#draining === null) {
      this.#draining = { afterMs };
      const why = refusal('DRAINING', 'The server is shutting down', afterMs);
      this.#service.log.info('signaling.draining', { sockets: this.#conversations.size });
      const reroute = refusal('ROUTE_LOST', 'This node is shutting down');
      for (const [{ socket }, entrance] of this.#conversations) {
        socket.bye(entrance?.leadsElsewhere === true ? reroute : why);
      }
      for (const { socket } of this.#guests.all()) socket.bye(why);
      this.#endRooms(why);
    }
    await this.#empty();
  }

  /** Destroys what is still open, without `bye`, and stops every timer. */
  async close(): Promise<void> {
    this.#draining ??= { afterMs: undefined };
    clearInterval(this.#sweeper);
    for (const { socket } of this.#everybody()) socket.terminate();
    this.#endRooms(refusal('DRAINING', 'The server is shutting down'));
    await this.#empty();
    this.#wss.close();
  }

  *#everybody(): Generator<Conversation> {
    yield* this.#conversations.keys();
    yield* this.#guests.all();
  }

  #endRooms(why: Refusal): void {
    for (const room of this.rooms.list()) this.rooms.end(room.name, why);
  }

  async #empty(): Promise<void> {
    if (this.#conversations.size === 0) return;
    const before = this.#onEmpty;
    await new Promise<void>((resolve) => {
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
  }

  #checkCapacity(count: AddressCount): UpgradeProblem | null {
    const { maxUnauthenticated, maxConnectionsPerAddress, maxSessions } = this.#service.limits;
    if (this.#draining !== null) {
      const seconds = Math.ceil((this.#draining.afterMs ?? 1000) / 1000);
      return problem('DRAINING', 'The server is shutting down', { 'Retry-After': `${seconds}` });
    }
    const most = maxConnectionsPerAddress;
    const tooMany =
      count.unauthenticated >= most.unauthenticated || count.total >= most.total
        ? 'Too many connections from this address'
        : this.#unauthenticated.size >= maxUnauthenticated ||
            this.#conversations.size >= maxSessions + maxUnauthenticated
          ? 'Too many connections'
          : null;
    return tooMany === null ? null : problem('RATE_LIMITED', tooMany, { 'Retry-After': '1' });
  }

  #refuse(socket: Duplex, wrong: UpgradeProblem): void {
    this.#service.counters.refused(wrong.reason);
    answerProblem(socket, wrong);
  }

  #accept(ws: WebSocket, tcp: Duplex, count: AddressCount, requestHost: string): void {
    const { limits, log } = this.#service;
    const socket = new SignalSocket(ws, limits.bufferedBytesMax);
    let bytes = 0;
    const onBytes = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= limits.preJoinBytesMax) return;
      tcp.off('data', onBytes);
      conversation.cut(
        refusal('TOO_LARGE', `Expected join within ${limits.preJoinBytesMax} bytes`),
      );
    };
    const authenticated = (): void => {
      tcp.off('data', onBytes);
      if (this.#unauthenticated.delete(conversation)) count.unauthenticated--;
    };
    const conversation = new Conversation(this.#service, socket, requestHost, authenticated);
    this.#addresses.open(count);
    const { router } = this.#service;
    const entrance =
      router === null ? null : new Entrance(router, this.#service, conversation, authenticated);
    const inner = entrance ?? conversation;
    this.#conversations.set(conversation, entrance);
    this.#unauthenticated.add(conversation);
    tcp.on('data', onBytes);
    ws.on('message', (data, isBinary) => inner.receive(asBuffer(data), isBinary));
    ws.on('ping', () => inner.receiveControl());
    ws.on('pong', () => inner.receiveControl());
    ws.on('error', (error) => {
      log.debug('signaling.socket_error', { err: error });
    });
    ws.on('close', () => {
      authenticated();
      this.#addresses.close(count);
      this.#conversations.delete(conversation);
      inner.closed();
      if (this.#conversations.size === 0) this.#onEmpty?.();
    });
  }

  #sweep(): void {
    const { clock, limits, sessions } = this.#service;
    const now = clock.monotonic();
    for (const conversation of this.#unauthenticated) {
      if (now - conversation.openedAt < limits.authTimeoutMs) break;
      conversation.cut(refusal('AUTH_TIMEOUT', 'No join message arrived in time'));
    }
    for (const guest of this.#guests.all()) {
      if (guest.session !== null || now - guest.openedAt < limits.authTimeoutMs) continue;
      guest.cut(refusal('AUTH_TIMEOUT', 'No join message arrived in time'));
    }
    for (const guest of this.#guests.all()) {
      if (guest.session !== null || now - guest.openedAt < limits.authTimeoutMs) continue;
      guest.cut(refusal('AUTH_TIMEOUT', 'No join message arrived in time'));
    }
    for (const conversation of this.#everybody()) {
      if (conversation.session !== null && now - conversation.heardAt >= limits.pingTimeoutMs) {
        conversation.cut(
          refusal('PING_TIMEOUT', `Nothing was heard for ${limits.pingTimeoutMs} ms`),
        );
      }
    }
    this.whip?.sweep();
    if (this.#isFrozen) return;
    sessions.sweep(now);
    this.rooms.sweep(now);
  }
}

function webSocketServer(limits: SignalingLimits): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.payloadBytesMax,
    maxFragments: FRAGMENTS_MAX,
    maxBufferedChunks: CHUNKS_MAX,
    closeTimeout: limits.closeTimeoutMs,
    handleProtocols: () => SUBPROTOCOL,
  };
  return new WebSocketServer(options);
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
