// One node of several that share a Redis: it claims rooms, passes joins on to who has their rooms, and takes in those
// whose rooms are here. This is where its parts are put together.
// Called by: server.ts, which owns the link to Redis. Owns one interval.

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { parseJson } from '../../shared/parse-json.ts';
import type { RedisLink, RedisStats } from '../../shared/redis/redis-link.ts';
import { refusal } from '../../signaling/index.ts';
import type { JoinRequest, RoomRouter, Route, SignalingServer } from '../../signaling/index.ts';
import { Claims } from './claims.ts';
import { Exchange, MOVED } from './exchange.ts';
import { Links } from './links.ts';
import type { LinkStats } from './links.ts';
import { Membership } from './membership.ts';
import type { PassageStats } from './passages.ts';
import { RevocationFeed } from './revocation-feed.ts';
import { RoomDirectory } from './room-directory.ts';
import { Routes } from './routes.ts';
import { ClusterStore } from './store.ts';

/** Of a lease: how often the clock is looked at, and how many of these looks are a beat. */
const TICKS_A_LEASE = 12;
const TICKS_A_BEAT = 4;
const TICK_MS_MIN = 20;
/** Beats between two looks at the list of rooms. */
const BEATS_A_TIDYING = 30;
/** Rooms that wait for Redis are given up after so long; then their media ends. */
const FROZEN_MS_MAX = 300_000;
/** What clients are told to wait when the lease is over. */
const FROZEN_RETRY_MS = 1000;

/** The channel of all nodes. */
const ALL = 'all';
/** What is read of `describe`. */
const description = z.object({ name: z.string() });

const announcement = z.object({ from: z.string().max(32), kind: z.literal('leave') });

export interface ClusterOptions {
  readonly link: RedisLink;
  readonly leaseMs: number;
  readonly log: Logger;
  /** What this node says of itself to others. */
  readonly describe: () => object;
}

export interface ClusterStats {
  readonly redis: RedisStats;
  /** Whether this node holds its lease. */
  readonly serves: boolean;
  /** That live, this one included, at the last look. */
  readonly nodes: number;
  readonly rooms: number;
  readonly takeovers: number;
  readonly leaseLosses: number;
  readonly roomsLost: number;
  /** Sessions here whose WebSocket is elsewhere. */
  readonly visits: number;
  /** WebSockets here whose session is elsewhere. */
  readonly passages: PassageStats;
  readonly links: LinkStats;
}

interface Parts {
  readonly signaling: SignalingServer;
  readonly membership: Membership;
  readonly claims: Claims;
  readonly exchange: Exchange;
  readonly routes: Routes;
  readonly revocations: RevocationFeed;
  readonly directory: RoomDirectory;
}

export class Cluster implements RoomRouter {
  readonly node: string = randomBytes(9).toString('base64url');
  readonly #options: ClusterOptions;
  readonly #store: ClusterStore;
  #parts: Parts | undefined;
  #isLeaving = false;
  #ticks = 0;
  #beats = 0;
  #nodes = 0;
  #roomsLost = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#store = new ClusterStore(options.link, this.node, options.leaseMs);
  }

  /** Where rooms are, and what can be done to them from here. */
  get directory(): RoomDirectory {
    return this.#on.directory;
  }

  /** Before anybody may join. Resolves when the lease has begun; after a while also without Redis, and joins wait. */
  async start(signaling: SignalingServer): Promise<void> {
    const { link, leaseMs } = this.#options;
    const parts = this.#assemble(signaling);
    this.#parts = parts;
    signaling.rooms.onEnd = (room) => {
      if (!this.#isLeaving) parts.claims.release(room);
    };
    link.subscribe(Links.channelOf(this.node), (message) => {
      if (!this.#isLeaving) parts.exchange.receive(message);
    });
    link.subscribe(ALL, (message) => this.#announced(message));
    const began = new Promise<void>((resolve) => {
      link.listen({
        onUp: () => {
          parts.membership.doubt();
          void this.#beat()
            .then(() => parts.revocations.load())
            .then(resolve);
        },
      });
      setTimeout(resolve, leaseMs).unref();
    });
    this.#timer = setInterval(() => this.#tick(), Math.max(TICK_MS_MIN, leaseMs / TICKS_A_LEASE));
    this.#timer.unref();
    await began;
  }

  serves(): boolean {
    return this.#on.membership.serves();
  }

  isHere(room: string): boolean {
    return this.#on.claims.has(room);
  }

  route(request: JoinRequest): Promise<Route> {
    return this.#on.routes.find(request);
  }

  /** Whether rooms may be made here. */
  admit(on: boolean): void {
    this.#on.membership.admit(on);
  }

  /** Serves nothing from now on and gives all rooms back: others may have them at once. Never rejects. */
  async leave(): Promise<void> {
    if (this.#parts === undefined || this.#isLeaving) return;
    this.#isLeaving = true;
    clearInterval(this.#timer);
    const { claims, membership } = this.#parts;
    membership.end();
    const { link, log } = this.#options;
    const said = { node: this.node, rooms: claims.size };
    try {
      await claims.releaseAll();
      await this.#store.leave();
      await link.publish(ALL, JSON.stringify({ from: this.node, kind: 'leave' }));
      log.info('cluster.left', said);
    } catch (error) {
      // Then the lease ends by itself.
      log.warn('cluster.not_left', { ...said, err: error });
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#parts?.exchange.calls.close();
  }

  /** Of those that hold a lease, what each says of itself. Rejects while Redis is away. */
  async nodes(): Promise<{ readonly id: string; readonly name: string }[]> {
    const nodes = await this.#store.nodes();
    return nodes.map(([id, said]) => {
      const { data } = description.safeParse(parseJson(said));
      return { id, name: data?.name ?? '' };
    });
  }

  stats(): ClusterStats {
    const { claims, exchange, membership } = this.#on;
    return {
      redis: this.#options.link.stats(),
      serves: membership.serves(),
      nodes: this.#nodes,
      rooms: claims.size,
      takeovers: claims.takeovers,
      leaseLosses: membership.losses,
      roomsLost: this.#roomsLost,
      visits: exchange.visits.size,
      passages: exchange.passages.stats(),
      links: exchange.links.stats(),
    };
  }

  get #on(): Parts {
    if (this.#parts === undefined) throw new Error('not started');
    return this.#parts;
  }

  #assemble(signaling: SignalingServer): Parts {
    const { link, log, leaseMs, describe } = this.#options;
    const store = this.#store;
    const clock = systemClock;
    const claims = new Claims(store, signaling, clock, log);
    const membership = new Membership({
      store,
      leaseMs,
      clock,
      log,
      describe: () => JSON.stringify({ ...describe(), rooms: claims.size }),
      rooms: () => claims.list(),
      onLost: (room) => this.#loseRoom(room),
      onFreeze: () =>
        signaling.freeze(refusal('ROUTE_LOST', 'This node lost the others', FROZEN_RETRY_MS)),
      onThaw: () => this.#onThaw(),
    });
    const publish = (channel: string, message: string): Promise<number> =>
      link.publish(channel, message);
    const shared = { store, claims, membership, clock };
    const exchange = new Exchange({ ...shared, leaseMs, log, signaling, publish });
    return {
      signaling,
      membership,
      claims,
      exchange,
      routes: new Routes({ ...shared, passages: exchange.passages }),
      revocations: new RevocationFeed(link, store, signaling.tokens, log),
      directory: new RoomDirectory({ ...shared, calls: exchange.calls }),
    };
  }

  #tick(): void {
    const now = systemClock.monotonic();
    const { membership, exchange, claims } = this.#on;
    const isServing = membership.serves();
    const isBeat = ++this.#ticks % TICKS_A_BEAT === 0;
    if (isBeat) void this.#beat();
    exchange.watch(now, isBeat);
    if (isServing) claims.sweep(now);
    else if (membership.frozenMs(now) > FROZEN_MS_MAX) {
      for (const [room] of claims.list()) this.#loseRoom(room);
    }
  }

  async #beat(): Promise<void> {
    // A node that hears nothing is no owner, although it could renew its lease.
    if (this.#options.link.state !== 'up') return;
    if (!(await this.#on.membership.beat()) || this.#beats++ % BEATS_A_TIDYING > 0) return;
    try {
      await this.#on.claims.tidy();
      this.#nodes = (await this.#store.nodes()).length;
    } catch (error) {
      this.#options.log.debug('cluster.not_tidied', { err: error });
    }
  }

  #onThaw(): void {
    this.#beats = 0;
    this.#on.signaling.thaw();
  }

  #loseRoom(room: string): void {
    this.#roomsLost++;
    this.#options.log.warn('cluster.room.lost', { room });
    this.#on.claims.lose(room);
    this.#on.signaling.rooms.end(room, MOVED);
  }

  #announced(message: string): void {
    const { from } = announcement.parse(JSON.parse(message));
    if (from !== this.node) this.#on.exchange.died(from);
  }
}
