// The link of this thread to the Redis that the nodes of a cluster share: one connection for commands, one for what
// others publish, and a circuit breaker. Every wait is bounded, and while Redis is away callers are told so at once.
// Called by: what nodes share, such as the Redis tier of the cache.

import type { Redis } from 'ioredis';
import { type Clock, systemClock } from '../clock.ts';
import { SternaError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type BreakerState, CircuitBreaker } from './circuit-breaker.ts';
import { isRedisReply, openConnection } from './connection.ts';

const COMMAND_TIMEOUT_MS = 500;
const FAILURES_MAX = 5;
const OPEN_MS = 1000;

/** How often both connections are asked whether they live, so that a dead one is known although nobody uses it. */
const HEARTBEAT_MS = 1000;

/** `connecting` until it is up or down for the first time. Down is also what answers nothing while it is connected. */
export type RedisState = 'connecting' | 'up' | 'down' | 'closed';

export interface RedisLinkOptions {
  readonly url: string;
  /** What keys and channels begin with. */
  readonly prefix: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** How long a command may take, 500 ms when left out. */
  readonly commandTimeoutMs?: number;
  /** Failures in a row after which no more is asked, 5 when left out; and for how long, 1000 ms. */
  readonly failuresMax?: number;
  readonly openMs?: number;
  readonly heartbeatMs?: number;
}

export interface RedisStats {
  readonly state: RedisState;
  readonly breaker: BreakerState;
  /** Commands sent; those of them that Redis did not answer in time, or answered with an error. */
  readonly commands: number;
  readonly failures: number;
  /** Commands that were not sent, since Redis is away. */
  readonly refused: number;
  readonly breakerOpened: number;
  /** How often the link came up again. */
  readonly reconnects: number;
  readonly published: number;
  readonly received: number;
}

/** Gets what was published, without the prefix of the channel. What it throws is logged. */
export type MessageHandler = (message: string) => void;

/**
 * `generation` counts how often messages may have been missed: from `onDown` (or from the beginning) until `onUp`.
 * Where somebody has subscribed while the link was up, `onUp` comes without `onDown`.
 */
export interface RedisListener {
  readonly onUp?: (generation: number) => void;
  readonly onDown?: () => void;
}

export class RedisLink {
  readonly prefix: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #breaker: CircuitBreaker;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #channels = new Map<string, Set<MessageHandler>>();
  readonly #listeners = new Set<RedisListener>();
  #state: RedisState = 'connecting';
  #generation = 0;
  /** Whether every channel is subscribed to on the present connection. */
  #subscribed = false;
  #sent = 0;
  #failures = 0;
  #refused = 0;
  #published = 0;
  #received = 0;

  constructor(options: RedisLinkOptions) {
    this.prefix = options.prefix;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#breaker = new CircuitBreaker(
      options.failuresMax ?? FAILURES_MAX,
      options.openMs ?? OPEN_MS,
    );
    const commandTimeoutMs = options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
    this.#commands = this.#open(options.url, 'sterna', commandTimeoutMs);
    this.#subscriber = this.#open(options.url, 'sterna-subscriber', commandTimeoutMs);
    this.#commands.on('ready', () => {
      // What failed before says nothing of a new connection.
      this.#breaker.succeed();
      this.#look();
    });
    this.#subscriber.on('ready', () => void this.#subscribeAll());
    this.#subscriber.on('close', () => (this.#subscribed = false));
    this.#subscriber.on('message', (channel: string, message: string) =>
      this.#receive(channel, message),
    );
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs ?? HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  get state(): RedisState {
    return this.#state;
  }

  /** What the last `onUp` was told: of an earlier one Redis may have forgotten all. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Runs a command: `link.run((redis) => redis.get(link.prefix + 'key'))`. Keys are the caller's to prefix.
   * @throws SternaError `REDIS_UNAVAILABLE`, at once while Redis is away and in bounded time always; what Redis answers
   *   as an error comes as it is
   */
  async run<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#commands.status !== 'ready' || !this.#breaker.allows(this.#clock.monotonic())) {
      this.#refused++;
      throw new SternaError('REDIS_UNAVAILABLE', 'Redis is not available');
    }
    this.#sent++;
    try {
      const answer = await command(this.#commands);
      this.#answered();
      return answer;
    } catch (error) {
      this.#failures++;
      if (isRedisReply(error)) {
        this.#answered();
        throw error;
      }
      this.#breaker.fail(this.#clock.monotonic());
      this.#look(error);
      throw new SternaError('REDIS_UNAVAILABLE', 'Redis does not answer', { cause: error });
    }
  }

  /** As `run` fails, so does this. Says how many connections got the message, this one's own subscriber included. */
  async publish(channel: string, message: string): Promise<number> {
    const receivers = await this.run((redis) => redis.publish(this.prefix + channel, message));
    this.#published++;
    return receivers;
  }

  /**
   * Hears what is published from the next `onUp` on, over all reconnections. Returns what ends it.
   */
  subscribe(channel: string, handler: MessageHandler): () => void {
    const name = this.prefix + channel;
    const handlers = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, handlers);
    handlers.add(handler);
    if (handlers.size === 1 && this.#subscriber.status === 'ready') void this.#subscribeAll();
    return () => {
      if (!handlers.delete(handler) || handlers.size > 0) return;
      this.#channels.delete(name);
      // One that stays by mistake costs messages that nobody hears.
      if (this.#subscriber.status === 'ready') {
        this.#subscriber.unsubscribe(name).catch(() => {});
      }
    };
  }

  /** Told of the next changes, and at once when the link is up. Returns what ends it. */
  listen(listener: RedisListener): () => void {
    this.#listeners.add(listener);
    if (this.#state === 'up') listener.onUp?.(this.#generation);
    return () => this.#listeners.delete(listener);
  }

  stats(): RedisStats {
    return {
      state: this.#state,
      breaker: this.#breaker.state,
      commands: this.#sent,
      failures: this.#failures,
      refused: this.#refused,
      breakerOpened: this.#breaker.opened,
      reconnects: Math.max(0, this.#generation - 1),
      published: this.#published,
      received: this.#received,
    };
  }

  /** Commands under way fail; nobody is told of the end. */
  close(): void {
    this.#state = 'closed';
    clearInterval(this.#heartbeat);
    this.#listeners.clear();
    this.#channels.clear();
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  #open(url: string, name: string, commandTimeoutMs: number): Redis {
    const redis = openConnection(url, { name, commandTimeoutMs });
    redis.on('error', (error: Error) => this.#look(error));
    redis.on('close', () => this.#look());
    return redis;
  }

  #beat(): void {
    if (this.#commands.status === 'ready') this.run((redis) => redis.ping()).catch(() => {});
    const subscriber = this.#subscriber;
    // What it does not answer in time ends the connection (`socketTimeout`).
    if (subscriber.status === 'ready') subscriber.ping().catch(() => {});
  }

  #answered(): void {
    this.#breaker.succeed();
    this.#look();
  }

  async #subscribeAll(): Promise<void> {
    const { stream } = this.#subscriber;
    const names = [...this.#channels.keys()];
    try {
      if (names.length > 0) await this.#subscriber.subscribe(...names);
    } catch {
      // A connection that cannot subscribe is none: the next one tries again.
      if (this.#subscriber.stream === stream) this.#subscriber.disconnect(true);
      return;
    }
    if (this.#subscriber.stream !== stream) return;
    // Who subscribes late has missed what was published until now.
    if (this.#subscribed && this.#state === 'up') this.#tellUp();
    this.#subscribed = true;
    this.#look();
  }

  /** Finds out whether the link is up, and tells of a change. */
  #look(error?: unknown): void {
    if (this.#state === 'closed') return;
    const isUp =
      this.#commands.status === 'ready' &&
      this.#subscriber.status === 'ready' &&
      this.#subscribed &&
      this.#breaker.state === 'closed';
    if (isUp) {
      if (this.#state === 'up') return;
      this.#state = 'up';
      this.#log.info('redis.up');
      this.#tellUp();
      return;
    }
    // At first it is not up because nothing has failed yet.
    if (this.#state === 'down' || (this.#state === 'connecting' && error === undefined)) return;
    this.#state = 'down';
    this.#log.warn('redis.down', { error: error ?? 'the connection was closed' });
    for (const { onDown } of this.#listeners) this.#contain(() => onDown?.());
  }

  #tellUp(): void {
    const generation = ++this.#generation;
    for (const { onUp } of this.#listeners) this.#contain(() => onUp?.(generation));
  }

  #receive(channel: string, message: string): void {
    this.#received++;
    const handlers = this.#channels.get(channel);
    if (handlers === undefined) return;
    for (const handler of handlers) this.#contain(() => handler(message));
  }

  /** What others do with what they hear is no reason for the link to fail. */
  #contain(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('redis.listener.failed', { error });
    }
  }
}
