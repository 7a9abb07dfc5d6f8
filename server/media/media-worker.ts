// The main thread's hold on one media worker: starts the thread, asks it, stops it, and starts it again should it die.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { SternaError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { PipeEvent, SfuEvent } from '../../sfu/control.ts';
import type { TcpRelayEvent } from '../../turn/index.ts';
import {
  isTcpRelayEvent,
  isTurnStreamEvent,
  type Listening,
  type ListenerState,
  type MediaCommand,
  type MediaEvent,
  type StreamEvent,
  type TurnStreamEvent,
  type WorkerAnswer,
  type WorkerQuestion,
  type WorkerStats,
  type MediaWorkerData,
} from './messages.ts';

/** How long the worker may take to close its sockets before it is terminated. */
const STOP_TIMEOUT_MS = 2000;

/** How long an answer may take before the caller is told that there is none. */
const REPLY_TIMEOUT_MS = 2000;

/** How often a worker that serves is asked whether it still does. */
const HEARTBEAT_MS = 2000;

/** Answers in a row that a worker may owe: one may be late because this thread was busy. */
const MISSES_MAX = 2;

/** Between the death of a worker and the next one: a fault that repeats must not spin. */
const RESTART_DELAY_MS = 1000;

/** How often what a dead worker held is tried to be taken back, while another one that died is in the way. */
const RECLAIM_AGAIN_MS = 20;

interface Waiting {
  resolve(answer: WorkerAnswer): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export interface MediaWorkerParts {
  readonly index: number;
  readonly log: Logger;
  /** What the thread starts with, but for its port; asked for each time. */
  data(): Omit<MediaWorkerData, 'port' | 'deaths'>;
  onMedia(event: SfuEvent | PipeEvent | StreamEvent): void;
  onTurnStream(event: TurnStreamEvent): void;
  onTcpRelay(event: TcpRelayEvent): void;
  /** Answers by `post`. */
  onUserAsked(username: string): void;
  /** It serves, and so every time that it was started again. */
  onListening(listening: Listening): void;
  /** It has died; `onListening` follows when another one serves in its place. */
  onDeath(): void;
  /** Wakes a thread that blocks in the Linux engine. */
  wake(): void;
  /** Takes back what a thread that is gone still held; false when that is to be tried again. */
  reclaim(): boolean;
}

export class MediaWorker {
  readonly #parts: MediaWorkerParts;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #port: MessagePort | undefined;
  #nextId = 1;
  #closing = false;
  #restart: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** `failed`: it died and could not be started again yet. */
  state: 'starting' | 'up' | 'down' | 'failed' = 'starting';
  /** How often the thread has died. */
  deaths = 0;

  constructor(parts: MediaWorkerParts) {
    this.#parts = parts;
  }

  /** Resolves when every listener is open. Throws SternaError LISTENER_UNAVAILABLE that names the first that is not. */
  start(): Promise<Listening> {
    return new Promise((resolve, reject) => {
      const { port1: ours, port2: theirs } = new MessageChannel();
      const workerData: MediaWorkerData = {
        ...this.#parts.data(),
        deaths: this.deaths,
        port: theirs,
      };
      const thread = new Worker(new URL('./worker.js', import.meta.url), {
        workerData,
        transferList: [theirs],
      });
      this.#thread = thread;
      this.#port = ours;
      ours.on('message', (event: MediaEvent) => {
        if (event.type !== 'listening') return this.#onEvent(event);
        const failed = firstFailure(event);
        if (failed !== undefined) return reject(failed);
        this.state = 'up';
        this.#watch(thread);
        this.#parts.onListening(event);
        resolve(event);
      });
      thread.on('error', (error) => {
        this.#parts.log.error('media.crashed', { worker: this.#parts.index, error });
        reject(error);
      });
      thread.on('exit', (code) => {
        reject(new SternaError('MEDIA_EXITED', `a media worker ended with code ${code}`));
        this.#onExit(thread, code);
      });
    });
  }

  /** Rejects when the thread is gone or does not answer. */
  async stats(): Promise<WorkerStats> {
    return (await this.ask({ type: 'stats' })).stats;
  }

  /** As `stats`. */
  ask<Type extends WorkerQuestion['type']>(
    question: WorkerQuestion & { type: Type },
  ): Promise<Extract<WorkerAnswer, { type: Type }>>;
  ask(question: WorkerQuestion): Promise<WorkerAnswer> {
    if (this.#thread === undefined) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new SternaError('MEDIA_UNRESPONSIVE', 'a media worker does not answer'));
      }, REPLY_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.post({ type: 'ask', id, question });
    });
  }

  /** Closes allocations and sockets, then the thread. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.state = 'down';
    clearTimeout(this.#restart);
    clearTimeout(this.#heartbeat);
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread !== undefined) {
      const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
      // The thread's end closes its port, behind the last of what it said.
      const heard = new Promise<void>((resolve) => this.#port?.once('close', () => resolve()));
      this.post({ type: 'stop', at: systemClock.monotonic() });
      const timer = setTimeout(() => {
        this.#parts.log.error('media.terminated', { worker: this.#parts.index });
        void thread.terminate();
      }, STOP_TIMEOUT_MS);
      await exited;
      await heard;
      clearTimeout(timer);
    }
    this.#port?.close();
    this.#parts.reclaim();
    this.#abandon();
  }

  /** Does nothing while the thread is dead: whoever it concerns is told when there is another one. */
  post(command: MediaCommand): void {
    this.#port?.postMessage(command);
    this.#parts.wake();
  }

  #onEvent(event: Exclude<MediaEvent, { type: 'listening' }>): void {
    if (event.type === 'log') {
      this.#parts.log[event.level](event.event, event.fields);
      return;
    }
    if (isTcpRelayEvent(event)) return this.#parts.onTcpRelay(event);
    if (isTurnStreamEvent(event)) return this.#parts.onTurnStream(event);
    if (event.type === 'user.ask') return this.#parts.onUserAsked(event.username);
    if (event.type !== 'answer') return this.#parts.onMedia(event);
    const waiting = this.#waiting.get(event.id);
    if (waiting === undefined) return;
    this.#waiting.delete(event.id);
    clearTimeout(waiting.timer);
    waiting.resolve(event.answer);
  }

  #onExit(thread: Worker, code: number): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    clearTimeout(this.#heartbeat);
    this.#port?.close();
    this.#port = undefined;
    this.#abandon();
    this.deaths++;
    this.#parts.onDeath();
    const { index, log } = this.#parts;
    this.state = this.state === 'up' ? 'down' : 'failed';
    log.error('media.exited', { worker: index, code, restartInMs: RESTART_DELAY_MS });
    this.#reclaimThenRestart(RESTART_DELAY_MS);
  }

  /** Ends a thread that answers no more, caught in an endless loop say: then another takes its place. */
  #watch(thread: Worker, missed = 0): void {
    this.#heartbeat = setTimeout(() => {
      this.stats().then(
        () => this.#thread === thread && this.#watch(thread),
        () => {
          if (this.#thread !== thread) return;
          if (missed + 1 < MISSES_MAX) return this.#watch(thread, missed + 1);
          this.#parts.log.error('media.unresponsive', { worker: this.#parts.index });
          void thread.terminate();
        },
      );
    }, HEARTBEAT_MS).unref();
  }

  /** What it held is taken back at once: the others may wait for a lock that it died with. */
  #reclaimThenRestart(delayMs: number): void {
    const isReclaimed = this.#parts.reclaim();
    const nextMs = isReclaimed ? delayMs : Math.min(delayMs, RECLAIM_AGAIN_MS);
    this.#restart = setTimeout(() => {
      if (!isReclaimed) return this.#reclaimThenRestart(Math.max(delayMs - nextMs, 0));
      this.start().catch((error: unknown) => {
        this.#parts.log.error('media.restart-failed', { worker: this.#parts.index, error });
        void this.#thread?.terminate();
      });
    }, nextMs);
  }

  #abandon(): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(gone());
    }
    this.#waiting.clear();
  }
}

function gone(): SternaError {
  return new SternaError('MEDIA_UNRESPONSIVE', 'a media worker has stopped');
}

const failed = ({ failure }: ListenerState): boolean => failure !== undefined;

function firstFailure({ turn, media }: Listening): SternaError | undefined {
  const ofTurn = turn.find(failed);
  if (ofTurn !== undefined)
    return listenerUnavailable(ofTurn, 'turn.listeners or turn.natDiscovery');
  const ofMedia = media.find(failed);
  return ofMedia && listenerUnavailable(ofMedia, 'sfu.port or sfu.addresses');
}

/** @param key what to correct in the configuration */
export function listenerUnavailable({ url, failure }: ListenerState, key: string): SternaError {
  const why =
    failure === 'in-use'
      ? `the port is in use; stop what holds it, or choose another in ${key}`
      : `this machine has no such address or may not bind that port; correct ${key}`;
  return new SternaError('LISTENER_UNAVAILABLE', `cannot listen on ${url}: ${why}`);
}
