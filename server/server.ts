// The composition root: makes every part, hands each what it needs of the others, and closes them in one
// order.
// Called by: the serve command, benches and tests. The only file that knows all folders.

import { hostname } from 'node:os';
import { DEVELOPMENT_KEY } from '../shared/config/development.ts';
import type { Config } from '../shared/config/load.ts';
import { createSecureContext } from 'node:tls';
import { secureContextOf } from '../shared/net/secure-context.ts';
import { bracketed, isWildcard } from '../shared/config/network-values.ts';
import { systemClock } from '../shared/clock.ts';
import { SternaError } from '../shared/errors.ts';
import type { KeyRing } from '../shared/keys/key-ring.ts';
import { keptBy } from '../shared/log.ts';
import type { Logger, LogLevel } from '../shared/log.ts';
import { RecentLines } from '../shared/recent-lines.ts';
import type { RedisLink } from '../shared/redis/redis-link.ts';
import { createGateway } from '../gateway/http-server.ts';
import type { Gateway } from '../gateway/http-server.ts';
import type { ServerState } from '../gateway/routes/health.ts';
import { mintToken, SIGNAL_PATH, SignalingServer } from '../signaling/index.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { noAudit } from './audit/audit.ts';
import type { Actor, Audit } from './audit/audit.ts';
import { judgeOf } from './callers.ts';
import { Cluster } from './cluster/cluster.ts';
import { RateFeed } from './cluster/rate-feed.ts';
import { Drain } from './drain.ts';
import { iceServerMaker, turnCredentialMaker } from './ice-servers.ts';
import type { MakeIceServers } from './ice-servers.ts';
import { pinMainThread } from './media/cpus.ts';
import { keysApiOf } from './key-api.ts';
import type { MediaHost } from './media/host.ts';
import { Metrics } from './metrics.ts';
import { roomObserverOf } from './observer.ts';
import { operateApiOf } from './operate-api.ts';
import { overviewApiOf } from './overview-api.ts';
import { VERSION, webRoot } from './package-root.ts';
import { Reload } from './reload.ts';
import { participantsApiOf } from './participants-api.ts';
import { roomsApiOf } from './room-api.ts';
import { roomOwnerOf } from './room-owner.ts';
import { placesOf } from './room-places.ts';
import { openParts } from './server-parts.ts';
import type { ServerParts } from './server-parts.ts';
import type { ServerStats } from './stats.ts';
import { TlsFiles } from './tls-files.ts';
import { tokensApiOf } from './token-api.ts';
import { turnApiOf } from './turn-api.ts';
import { Webhooks } from './webhooks/webhooks.ts';
import { whipApiOf } from './whip-api.ts';

/**
 * Between the `bye` to every participant and the end of their relays: time to join elsewhere and for probes
 * to look.
 */
const DRAIN_GRACE_MS = 250;

/** What clients are told to wait before they join again, so that they do not all come at once. */
const REJOIN_AFTER_MS = 1000;

/** How long a token of the meeting page lasts, seconds. */
const PAGE_TOKEN_SECONDS = 6 * 3600;

/** What it takes to read the configuration anew. */
export interface ReloadSources {
  /** Undefined where there is no file. @throws ConfigError */
  readonly read: (() => Config) | undefined;
  setLogLevel(level: LogLevel): void;
}

export class Server {
  /** For who has files of its own to read with it, and for who asks for it. */
  readonly reload: Reload;
  readonly #config: Config;
  readonly #log: Logger;
  readonly #signaling: SignalingServer;
  readonly #media: MediaHost;
  readonly #keys: KeyRing;
  readonly #redis: RedisLink | undefined;
  readonly #iceServers: MakeIceServers;
  /** With `redis.url` alone. */
  readonly #cluster: Cluster | undefined;
  readonly #drain: Drain;
  readonly #webhooks: Webhooks;
  readonly #auditLog: AuditLog | undefined;
  readonly #recent: RecentLines;
  #gateway: Gateway | undefined;
  #rateFeed: RateFeed | undefined;
  /** Undefined where the gateway speaks HTTP. */
  #tls: TlsFiles | undefined;
  #state: ServerState = 'starting';
  #port = 0;
  #closed: Promise<void> | undefined;

  private constructor(
    config: Config,
    log: Logger,
    recent: RecentLines,
    parts: ServerParts,
    sources?: ReloadSources,
  ) {
    const { media, keys, auditLog, redis } = parts;
    this.#recent = recent;
    this.#config = config;
    this.#log = log;
    this.#media = media;
    this.#keys = keys;
    this.#redis = redis;
    this.#auditLog = auditLog;
    this.#webhooks = new Webhooks({ ...config, clock: systemClock, log });
    this.reload = new Reload(config, {
      log,
      audit: this.#audit,
      read: sources?.read,
      apply: async (running) => {
        sources?.setLogLevel(running.log.level);
        await media.reconfigure(running);
      },
    });
    this.reload.onReload(() => media.reload());
    if (auditLog !== undefined) this.reload.onReload(() => auditLog.reopen());
    this.#iceServers = iceServerMaker(
      () => this.reload.running.turn,
      () => this.listeners,
      systemClock,
    );
    this.#cluster = redis && this.#clusterOn(redis);
    this.#signaling = new SignalingServer({
      keys,
      node: hostname(),
      version: VERSION,
      origins: config.signaling.origins,
      iceServers: this.#iceServers,
      media: media.plane,
      router: this.#cluster,
      clock: systemClock,
      log,
      limits: {
        maxParticipantsPerRoom: config.rooms.maxParticipants,
        emptyRoomMs: config.rooms.emptyTimeout * 1000,
      },
      roomMode: config.rooms.mode,
      observer: roomObserverOf(this.#webhooks, this.#audit),
    });
    const admission = {
      rooms: this.#signaling.rooms,
      admit: (on: boolean) => {
        this.#signaling.admit(on);
        this.#cluster?.admit(on);
      },
    };
    this.#drain = new Drain(admission, media, systemClock, log, this.#audit);
  }

  /** Resolves when everything serves. Rejects with a SternaError of one line, and leaves nothing open. */
  static async start(config: Config, log: Logger, sources?: ReloadSources): Promise<Server> {
    const recent = new RecentLines(systemClock);
    const kept = keptBy(recent, log);
    const server = new Server(config, kept, recent, await openParts(config, kept), sources);
    try {
      await server.#open();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Of the page: `http://127.0.0.1:7880`, or https. */
  get url(): string {
    const { bind, gateway } = this.#config;
    const scheme = gateway.tls.cert === '' ? 'http' : 'https';
    const host = isWildcard(bind) ? (bind === '::' ? '::1' : '127.0.0.1') : bind;
    return `${scheme}://${bracketed(host)}:${this.#port}`;
  }

  /** Where STUN and TURN are served, with the real ports. */
  get listeners(): string[] {
    return this.#media.listeners.map(({ url }) => url);
  }

  /** Where media of rooms is received, as clients are told; empty where it goes from peer to peer. */
  get media(): readonly string[] {
    return this.#media.media;
  }

  /** Which engine moves the media. */
  get engine(): string {
    return this.#media.engine.kind;
  }

  /** Waits for the media workers as long as they may take to answer; never rejects. */
  async stats(): Promise<ServerStats> {
    return {
      signaling: this.#signaling.stats(),
      engine: this.#media.engine,
      media: await this.#media.report(),
      cluster: this.#cluster?.stats(),
      rates: this.#rateFeed?.stats(),
      http: this.#gateway?.latency,
      webhooks: this.#webhooks.stats(),
      audit: this.#auditLog?.stats(),
    };
  }

  /** Takes nobody new, and resolves when nobody is left, or that time is over. */
  async drain(timeoutMs: number, by: Actor): Promise<void> {
    this.#drain.set(true, by);
    await this.#drain.empty(timeoutMs);
  }

  /**
   * Tells participants, waits a moment, then closes the listening sockets, the media workers and what is left,
   * in this order; webhooks and the audit log come last. Idempotent.
   */
  close(by: Actor = { type: 'server' }): Promise<void> {
    this.#closed ??= this.#close(by);
    return this.#closed;
  }

  get #audit(): Audit {
    return this.#auditLog ?? noAudit;
  }

  /** By which other nodes know this one. */
  get #id(): string {
    return this.#cluster?.node ?? hostname();
  }

  get #stateNow(): ServerState {
    return this.#state === 'ready' && this.#drain.on ? 'draining' : this.#state;
  }

  async #open(): Promise<void> {
    const { bind, gateway, mainCpus, mode } = this.#config;
    await this.#pin(mainCpus);
    if (gateway.tls.cert !== '') {
      const tls = await TlsFiles.open({ log: this.#log, group: 'gateway', ...gateway.tls });
      tls.tell((pair) => {
        createSecureContext(secureContextOf(pair));
        return () => this.#gateway?.setCertificate(pair);
      });
      this.reload.onReload(() => tls.reload());
      this.#tls = tls;
    }
    const metrics = new Metrics(() => this.stats());
    await this.#cluster?.start(this.#signaling);
    const places = placesOf(this.#cluster);
    const rooms = roomOwnerOf(this.#signaling, places);
    this.#gateway = createGateway({
      log: this.#log,
      version: VERSION,
      webRoot: webRoot(),
      tls: this.#tls?.pair,
      trustedProxies: gateway.trustedProxies,
      reusePort: gateway.reusePort,
      signalPath: SIGNAL_PATH,
      healthy: () => this.#media.healthy,
      state: () => this.#stateNow,
      onUpgrade: (request, socket, head, client) =>
        this.#signaling.handleUpgrade(request, socket, head, client),
      clock: systemClock,
      judge: judgeOf(this.#signaling.tokens, this.#keys),
      limits: gateway.limits,
      cors: gateway.cors,
      rooms: roomsApiOf(rooms, places, this.#signaling, this.#audit),
      keys: keysApiOf(this.#keys, this.#audit),
      tokens: tokensApiOf(this.#keys, systemClock, this.#audit),
      participants: participantsApiOf(rooms, this.#audit),
      turn: turnApiOf(
        this.#media.allocations,
        turnCredentialMaker(
          () => this.reload.running.turn,
          () => this.listeners,
          systemClock,
        ),
        this.#audit,
      ),
      operate: operateApiOf(this.#drain, this.reload, places, this.#id),
      overview: overviewApiOf({
        id: this.#id,
        name: hostname(),
        places,
        cluster: this.#cluster,
        rooms: this.#signaling.rooms,
        media: this.#media,
        lines: this.#recent,
        state: () => this.#stateNow,
        quota: () => this.reload.running.turn.quota,
        stats: () => this.stats(),
      }),
      metrics: {
        readers: gateway.metrics,
        contentType: metrics.contentType,
        scrape: () => metrics.scrape(),
      },
      whip: this.#signaling.whip && whipApiOf(this.#signaling.whip, places),
      mintToken: mode === 'development' ? (request) => this.#pageToken(request) : undefined,
    });
    const { counters } = this.#gateway;
    this.#rateFeed = this.#redis && new RateFeed(this.#redis, counters, systemClock);
    this.#port = await this.#gateway.listen(bind, gateway.port).catch((error: unknown) => {
      throw cannotListen(error, bind, gateway.port);
    });
    this.#state = 'ready';
    const { engine } = this;
    this.#audit.record(
      { type: 'server' },
      'server.start',
      { version: VERSION, mode, engine },
      'ok',
    );
    void this.#signaling.rehearse();
  }

  async #pin(cpus: string): Promise<void> {
    if (cpus === '') return;
    if (this.#media.engine.kind === 'linux') await pinMainThread(cpus);
    else this.#log.warn('server.not-pinned', { reason: this.#media.engine.reason });
  }

  async #close(by: Actor): Promise<void> {
    const wasReady = this.#state === 'ready';
    this.#state = 'closing';
    if (wasReady) {
      this.#log.info('server.draining');
      // Rooms are given back first, so that who is told to go finds them free; nothing of them is served any more.
      const left = this.#cluster?.leave();
      await this.#signaling.drain(REJOIN_AFTER_MS);
      await left;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_GRACE_MS));
    }
    await this.#signaling.close();
    await this.#gateway?.close();
    this.#cluster?.close();
    this.#rateFeed?.close();
    this.#tls?.close();
    await this.#media.close();
    this.#redis?.close();
    await this.#webhooks.close();
    if (wasReady) this.#audit.record(by, 'server.stop', {}, 'ok');
    await this.#auditLog?.close();
    if (wasReady) this.#log.info('server.closed');
  }

  #clusterOn(link: RedisLink): Cluster {
    const describe = (): object => ({
      name: hostname(),
      version: VERSION,
      participants: this.#signaling.rooms.participants,
    });
    const leaseMs = this.#config.redis.lease * 1000;
    return new Cluster({ link, leaseMs, log: this.#log, describe });
  }

  #pageToken(request: { room: string; identity: string; name?: string | undefined }): string {
    return mintToken({
      key: DEVELOPMENT_KEY,
      secret: this.#config.keys[DEVELOPMENT_KEY] ?? '',
      identity: request.identity,
      ...(request.name === undefined || request.name === '' ? {} : { name: request.name }),
      grants: { room: request.room, roomJoin: true, simulate: true },
      ttlSeconds: PAGE_TOKEN_SECONDS,
    });
  }
}

function cannotListen(error: unknown, bind: string, port: number): SternaError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const whys: Readonly<Record<string, string>> = {
    EADDRINUSE: `gateway.port: ${port} on ${bind} is in use; stop what holds it, or choose another (--port)`,
    EADDRNOTAVAIL: `bind: this machine has no address ${bind}; correct it (--bind)`,
    EACCES: `gateway.port: ${port} may not be bound by this user; choose one above 1023 (--port)`,
  };
  const why = whys[code] ?? `gateway.port: cannot listen on ${bind} port ${port}: ${code}`;
  return new SternaError('PORT_UNAVAILABLE', why, { cause: error });
}
